"""Guides: prompt (and past attempts) to layout and verdict."""
