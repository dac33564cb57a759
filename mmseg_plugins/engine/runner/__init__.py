"""The runner, its loops and its data."""
