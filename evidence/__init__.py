"""The append-only log, evidence packs and their verifier. May import domain, storage and models."""
