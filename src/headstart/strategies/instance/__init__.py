"""Instance transfer: source rows are weighted, or chosen, until they serve the target."""
