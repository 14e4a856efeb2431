"""What servers of workflows share: the workflows that they offer, the gate before them, and the address they listen at."""
