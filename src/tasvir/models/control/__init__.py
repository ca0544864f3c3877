"""ControlNet (Zhang et al. 2023) fed with maps that are painted from a layout."""
