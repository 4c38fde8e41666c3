"""Alembic's entry: runs on the connection, and in the transaction, that `open_records` hands over."""

from __future__ import annotations

from alembic import context

from storage.records.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
