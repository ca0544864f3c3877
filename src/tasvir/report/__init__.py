"""A run or a trace, turned into something a person reads."""
