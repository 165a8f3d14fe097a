/// Layer 5. The embedded store: SQLite through GRDB.
