"""Measures the anomaly models against public series and the simulator. It stands here since only this room may import the simulator beside the models; nothing that runs in a factory imports it."""
