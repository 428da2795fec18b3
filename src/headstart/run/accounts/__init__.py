"""One file a task: what of the report and of run.json belongs to it alone."""
