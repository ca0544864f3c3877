"""The latent-diffusion walk: one drawing watched from the prompt's tokens to the pixels.

The pipeline's own call draws; hooks on its parts look on and compute what they show on the side. So the
picture is the one that the same seed gives without anybody watching.
"""
