"""Data for the laboratory, one file a source: points in the plane, digits, pictures of a folder."""
