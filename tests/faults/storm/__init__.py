"""Random writes under random faults, and an oracle that knows what must come of them."""
