"""The laboratory: the mathematics under the product, on tensors alone; it knows no records."""
