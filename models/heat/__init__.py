"""Heat stress: one standard or paper a file. Temperatures in °C, relative humidity in %, air speed in m/s, pressure in hPa, metabolic rate in W of a whole person."""
