"""The built-in guides, one file each."""
