"""Diffusion over tokens: transition matrices, the chain back, its bound; masks in continuous time; bits."""
