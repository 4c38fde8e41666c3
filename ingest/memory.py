"""How often a worker's interpreter looks for cycles: readings are many, live shortly and have none, and each look costs the stream about a twentieth."""

from __future__ import annotations

import gc

_ALLOCATIONS = 50_000
"""More objects in containers than this without an end: a look at the young ones. As often as a commit of a backlog."""


def collect_seldom() -> None:
    """For a process that does nothing but ingest, once, when all is imported: what is there now is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 20, 20)
