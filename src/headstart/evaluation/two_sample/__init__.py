"""Do rows of two domains come from one distribution: one file a test."""
