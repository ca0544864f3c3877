"""Random-weight models of every family, built from configs in seconds: the same classes and files as the real
ones, a thousandth of the size.

They draw noise, but through the very code that draws with real weights: for tests, for benchmarks, and for
trying a command without a network: ``tasvir models tiny sdxl FOLDER``, then ``--generator diffusers:FOLDER``.
"""
