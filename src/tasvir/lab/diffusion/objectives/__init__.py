"""What networks are trained by, one file each: a loss for every example of a batch."""
