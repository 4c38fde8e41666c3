"""The vocabulary of the house: readings and their quality, quantities and units, sites, shifts, zones and channels, verdicts, the SenML pack codec and the topics. Everything here is pure:
no file, no socket, no clock but the one handed in. It imports the standard library, msgspec and (in `yamltext` only) PyYAML, and no other room.
"""
