"""The generative families of chapter 2, one file each under one contract; compared on the same data."""
