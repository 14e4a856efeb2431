"""JSON and YAML text, read as plain data with positions (H0)."""
