"""`python -m edge_agent` is `oshwatch-edge`."""

import sys

from edge_agent.cli import main

sys.exit(main())
