"""Diffusion models: schedule, denoiser, sampler; objectives and likelihoods; oracles that know the truth.

All is written for x_t = alpha(t) x_0 + sigma(t) eps. A schedule gives alpha and sigma, a denoiser guesses
x_0 (or eps, score, v, velocity: they are one another's linear images), a sampler walks from noise to data.
"""
