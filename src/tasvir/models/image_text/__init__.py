"""Public models that look at pictures and texts: CLIP, BLIP captioners, BLIP question answerers."""
