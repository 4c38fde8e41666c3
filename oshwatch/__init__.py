"""The front door: command line, settings, the wiring of all parts, supervision and the demo. The only room that may import every other, and that no other imports."""
