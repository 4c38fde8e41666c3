"""Where the append-only log, evidence packs and their verifier will live; nothing of them is built yet, the room keeps its place and its imports. May import domain, storage and models."""
