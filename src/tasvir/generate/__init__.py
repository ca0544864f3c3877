"""Generators: prompt and layout to picture."""
