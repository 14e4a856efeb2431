"""Cassettes in vcrpy's format: reading, recording, replaying."""
