"""Runs Arazzo workflows."""
