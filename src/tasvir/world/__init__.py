"""The picture world: things, relations, captions, drawing and truth; numpy and a renderer, no torch."""
