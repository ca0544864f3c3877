"""GLIGEN (Li et al. 2023): a U-Net with a gated self-attention over object tokens (phrase and box) in every
transformer block. The denoising loop is ours: a layout a picture, nothing left on the model, all noise from
the picture's own generator."""
