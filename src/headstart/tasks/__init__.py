"""One file a task: what is measured, by which heads, against which baselines; all by name."""
