"""Converters from public layouts; the scripts in tools/dataset_converters call these functions."""
