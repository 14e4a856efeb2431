"""Recorded test cases: files, judging, live runs, coverage."""
