"""Small networks, one file each: a perceptron for points, a U-Net and a transformer for pictures."""
