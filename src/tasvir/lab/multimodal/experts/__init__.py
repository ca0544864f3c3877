"""Expert rules: how the posteriors of single modalities become one; one file each."""
