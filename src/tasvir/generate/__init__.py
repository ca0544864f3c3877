"""Generators: prompt and layout to picture.

Called, ``tasvir.generate("a red car", seed=0)`` is `tasvir.pipeline.generate`: see there for its arguments.
"""
