"""Metrics, intervals, calibration, the audit of labels and outliers, learning curves."""
