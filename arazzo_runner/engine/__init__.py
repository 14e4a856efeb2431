"""The engine: a run is a value, and pure functions move it. Nothing here does I/O or reads a clock."""
