"""How accurate a model is on rows without labels: one file a method."""
