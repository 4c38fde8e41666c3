"""`oshwatch quarantine`: what could not be accepted, why, and trying it again."""

from __future__ import annotations

import argparse
