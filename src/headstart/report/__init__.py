"""What a run leaves to look at: one self-contained page, and a model card."""
