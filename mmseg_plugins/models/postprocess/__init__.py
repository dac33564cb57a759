"""What runs after a head."""
