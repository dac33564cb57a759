"""What is checked about data before the first step."""
