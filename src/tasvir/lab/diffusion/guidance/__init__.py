"""Guidance, one file a kind: denoisers that pull what another one tells in a direction, by a scale."""
