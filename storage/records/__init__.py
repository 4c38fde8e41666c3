"""Registry, ingest ledger, verdicts, alert journal, people: SQLAlchemy Core tables in `tables`, one repository a module, migrations in `migrations`."""
