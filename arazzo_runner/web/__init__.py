"""Workflows and runs in a browser: one process on the loopback interface, for people who have never seen Arazzo."""
