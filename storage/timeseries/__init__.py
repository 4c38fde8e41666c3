"""Readings and minutes: the port in `port`, one adapter a module, chosen by URL in `open_timeseries`."""
