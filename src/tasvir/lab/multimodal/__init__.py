"""Multimodal variational autoencoders: experts, modality weights, stacks of models, chapter 3 redone."""
