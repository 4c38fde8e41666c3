"""The REST interface of contract 4, one module a subject, and the probes at the root."""
