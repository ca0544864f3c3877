"""Kinds of diffusion model, one file each: a schedule, what the network tells, objective and sampler."""
