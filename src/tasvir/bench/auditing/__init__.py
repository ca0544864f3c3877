"""Audits: pictures whose truth is known, for metrics and judges to be held against."""
