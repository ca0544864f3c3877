"""Data laws whose denoiser, score, density and transitions are known exactly, to check all else against."""
