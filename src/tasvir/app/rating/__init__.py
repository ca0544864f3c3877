"""The page on which people rate pictures, served to this machine alone."""
