"""The runtime: drivers that perform what a run asks for, and all that touches the world."""
