"""Checkpoint files: written whole, read safely."""
