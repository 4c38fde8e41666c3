"""Scenarios as YAML, with their ground truth."""
