"""Activations at the border between a frozen lower part and the part that trains: cut, computed once, read back."""
