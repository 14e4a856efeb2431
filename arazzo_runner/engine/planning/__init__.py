"""Plans: everything that a workflow can reach, resolved, parsed and checked before it is run (C1, D1)."""
