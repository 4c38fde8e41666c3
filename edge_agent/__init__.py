"""Runs on the Pi: drivers (one folder a sensor family), sampler, outbox, uplink, health, config. It runs with the base dependencies alone. May import domain only."""
