"""Expressions that found nothing: known before the run, found in it, and reported once (D2)."""
