"""Word vectors learnt from texts of one's own."""
