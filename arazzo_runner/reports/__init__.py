"""Reports: listeners of events and readers of results. They never touch the engine, and see masked values only (S1)."""
