"""What moves in a fine-tuning: one file each, found by name."""
