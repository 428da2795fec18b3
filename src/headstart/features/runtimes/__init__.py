"""What runs a frozen backbone: one file a runtime."""
