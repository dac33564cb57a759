"""Small helpers that tools and hooks share; nothing here imports the stack."""
