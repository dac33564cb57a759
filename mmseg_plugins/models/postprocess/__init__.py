"""What runs after a head, on any host's model."""

