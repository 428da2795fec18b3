"""Parameter transfer: what is carried over are the weights of a model."""
