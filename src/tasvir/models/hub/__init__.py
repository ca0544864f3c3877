"""Models from the Hugging Face hub or a folder: which there are (cards), opening them (loading), and what
everything shares that draws with them (drawing)."""
