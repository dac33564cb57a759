"""What a run leaves: tables, curves, metafiles."""
