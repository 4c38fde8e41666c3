"""`python -m oshwatch` is the command `oshwatch`."""

from oshwatch.cli import main

main()
