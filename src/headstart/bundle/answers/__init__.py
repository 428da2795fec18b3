"""One file a task: what a loaded model answers."""
