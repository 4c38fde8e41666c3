"""Stands in for hardware: a physical plant, virtual devices on pseudo-terminals, fleets, scenarios with their ground truth. May import domain only."""
