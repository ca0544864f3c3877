"""Suites of prompts, and the evaluation of the loop and its baselines on them."""
