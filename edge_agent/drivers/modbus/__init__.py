"""Modbus RTU devices on an RS-485 bus, described by register-map profiles."""
