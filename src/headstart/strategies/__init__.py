"""Ways to transfer: instance, feature and parameter methods, one file each."""
