"""Jensen-Shannon divergences of sets of examples and of known laws; one file an estimator."""
