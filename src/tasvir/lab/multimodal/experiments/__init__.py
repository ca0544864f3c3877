"""Chapter 3's experiments: what data, which models, what is measured; one file each."""
