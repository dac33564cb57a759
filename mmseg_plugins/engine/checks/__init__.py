"""What is checked when a model is built or first runs."""
