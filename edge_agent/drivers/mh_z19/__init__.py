"""Winsen MH-Z19B and MH-Z19C: CO2 by infrared absorption."""
