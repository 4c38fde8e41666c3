"""Noise: levels in dB re 20 µPa, times in minutes. Decibels are never averaged; energies are."""
