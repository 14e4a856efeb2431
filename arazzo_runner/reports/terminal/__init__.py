"""Runs on a terminal or in a pipe: a line a step, the live line, and progress of many."""
