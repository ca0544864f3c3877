"""What sets of pictures are compared by: features of a network, and its class probabilities."""
