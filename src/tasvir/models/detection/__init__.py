"""Which things are where in a picture (detectors), and how near they are (depth estimators)."""
