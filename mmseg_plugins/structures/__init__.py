"""Masks, run lengths, boxes and panoptic ids: what every room reads alike."""
