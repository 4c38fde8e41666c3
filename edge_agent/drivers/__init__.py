"""Drivers: one folder a sensor family, each with a pure `codec`, a `driver`, a README, a sample config and test frames. `registry` lists them."""
