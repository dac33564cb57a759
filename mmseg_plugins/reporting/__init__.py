"""What a run leaves behind: tables, curves, metafiles."""
