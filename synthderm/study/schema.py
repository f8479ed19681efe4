"""The tables of a study's database."""

import secrets

from synthderm.study.database import NotSaved, Query

VERSION = 2  # of the tables
TABLES = (
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE IF NOT EXISTS participants (
        id INTEGER PRIMARY KEY,
        token_hash TEXT UNIQUE,  -- NULL once the participant has withdrawn
        place INTEGER UNIQUE,    -- taken by the first answer; NULL before
        shown INTEGER,           -- the place whose trials are shown
        position INTEGER,        -- the last trial that was shown, and when (Unix seconds)
        shown_at REAL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS answers (
        participant INTEGER NOT NULL REFERENCES participants (place),
        position INTEGER NOT NULL,
        choice TEXT NOT NULL,
        milliseconds INTEGER NOT NULL,
        PRIMARY KEY (participant, position)
    ) WITHOUT ROWID
    """,
)


def create_tables(run: Query) -> None:
    """Create the tables, or check that those that exist are of this version.

    Raises:
        NotSaved: they are of another version.
    """
    ((version,),) = run("PRAGMA user_version")
    if run("SELECT 1 FROM sqlite_master WHERE name = 'meta'") and version != VERSION:
        raise NotSaved("another version of synthderm made it; use that version")
    for table in TABLES:
        run(table)
    run(f"PRAGMA user_version = {VERSION}")
    run("INSERT OR IGNORE INTO meta VALUES ('invitation', ?)", secrets.token_urlsafe(16))
