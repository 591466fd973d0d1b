"""Facts on disk: SQLite through aiosqlite, one writer, whole transactions only."""
