"""Hooks of the default runtime; importing this package registers them."""
