"""Maps from the checkpoints of original implementations to this package's modules: pure functions on state dicts."""
