"""Metrics and judges held against pictures whose truth is known: what follows it, and what breaks it.

Truth is the share of a text's predicates that a picture makes true, and a rating from 1 to 5 made of it as a
person would (`truth.rating_of`). Rank correlations with both (after table 6.2 of the thesis: Kendall's tau-b,
Spearman's rho), and how often a true picture stands above its twin with one known fault.
"""

from __future__ import annotations

from tasvir.score.auditing.figures import Audit, audit

__all__ = ["Audit", "audit"]
