"""Ways of drawing what a run is asked for: on this machine, or on many."""
