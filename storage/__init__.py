"""Two ports and their adapters: `timeseries` (readings and minutes, in SQLite or InfluxDB) and `records` (everything else, SQLAlchemy Core on SQLite or PostgreSQL). May import domain only."""
