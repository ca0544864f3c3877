"""Samplers, one file each: how to walk from noise to data, and of which order that walk is."""
