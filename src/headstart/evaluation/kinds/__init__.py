"""One file a kind of prediction: classes, numbers, several labels, anomaly scores; what is measured of it, and how."""
