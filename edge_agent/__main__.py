"""`python -m edge_agent` is the command `oshwatch-edge`."""

from edge_agent.cli import main

main()
