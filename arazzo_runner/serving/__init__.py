"""Parts that servers of workflows share: what they offer, the gate before them, and the address they listen at."""
