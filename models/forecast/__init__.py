"""Forecasts as pure arrays: crossings within the hour, the end of the shift, and the heat of the next day. They enter no verdict."""
