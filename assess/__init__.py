"""Minutes to live windows and verdict revisions; the only room that writes verdicts. May import domain, storage and models."""
