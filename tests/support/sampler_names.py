"""Every installed sampler as a user names it; that of the laboratory stands for its many with one of them."""

from __future__ import annotations

from tasvir import registry

SAMPLERS = ["lab:dpmpp-2m" if name == "lab" else name for name in registry.names("samplers")]
