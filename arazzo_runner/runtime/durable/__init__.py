"""Durable runs: the journal, leases, resuming, cancelling."""
