"""Participants and answers in SQLite.

An answer is on disk before `save` returns (write-ahead log, `synchronous=FULL`). Of a participant
only a number and the hash of a random token are stored: no name, no address, no browser.
"""

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS participants (
    number INTEGER PRIMARY KEY,
    token_hash TEXT UNIQUE,          -- NULL once the participant has withdrawn
    position INTEGER,                -- the last trial that was shown, and when (Unix seconds)
    shown_at REAL
);
CREATE TABLE IF NOT EXISTS answers (
    participant INTEGER NOT NULL REFERENCES participants (number),
    position INTEGER NOT NULL,
    choice TEXT NOT NULL,
    milliseconds INTEGER NOT NULL,
    PRIMARY KEY (participant, position)
) WITHOUT ROWID;
"""

Execute = Callable[..., sqlite3.Cursor]


class Answer(NamedTuple):
    """One answer as it is stored."""

    participant: int
    position: int
    choice: str
    milliseconds: int


class NotSaved(Exception):
    """The database could not be read or written (locked, full disk, read-only).

    Trying again may help.
    """


class Conflict(Exception):
    """Not the participant's next trial, or another answer than the saved one."""


class StudyFull(Exception):
    """All places of the study are taken."""


class Store:
    """The database of one study. Several threads may use it at once.

    Args:
        path: the file; created if it does not exist.
        timeout: seconds to wait for a lock.

    Raises:
        NotSaved: the file can't be opened or written. All methods may raise it too.
    """

    def __init__(self, path: str | Path, timeout: float = 3.0) -> None:
        self.lock = threading.RLock()
        self.connection = sqlite3.connect(
            path, timeout=timeout, isolation_level=None, check_same_thread=False
        )
        with self._locked():
            self.connection.executescript(SCHEMA)
        with self._transaction() as run:
            run("INSERT OR IGNORE INTO meta VALUES ('invitation', ?)", (secrets.token_urlsafe(16),))

    @contextmanager
    def _locked(self) -> Iterator[Execute]:
        """The connection for this thread alone; its errors become `NotSaved`."""
        with self.lock:
            try:
                yield self.connection.execute
            except sqlite3.IntegrityError:
                raise
            except sqlite3.DatabaseError as error:
                raise NotSaved(str(error)) from error

    @contextmanager
    def _transaction(self) -> Iterator[Execute]:
        """All or nothing.

        The write lock is taken first, so what is read stays true until the commit.
        """
        # Leaving the connection's block commits, or rolls back after an error.
        with self._locked() as run, self.connection:
            run("BEGIN IMMEDIATE")
            yield run

    def _read(self, query: str, *values: object) -> list[Any]:
        """All rows that a query returns."""
        with self._locked() as run:
            return run(query, values).fetchall()

    @property
    def invitation(self) -> str:
        """The random part of the link that is sent out."""
        return str(self._read("SELECT value FROM meta WHERE name = 'invitation'")[0][0])

    def join(self, places: int) -> str:
        """A new participant's token, 192 random bits.

        Raises:
            StudyFull: all `places` are taken.
        """
        token = secrets.token_urlsafe(24)
        with self._transaction() as run:
            number = run("SELECT COALESCE(MAX(number), 0) + 1 FROM participants").fetchone()[0]
            if number > places:
                raise StudyFull
            values = (number, _hash(token))
            run("INSERT INTO participants (number, token_hash) VALUES (?, ?)", values)
        return token

    def participant(self, token: str) -> int | None:
        """The number of the participant with this token, None if there is none."""
        rows = self._read("SELECT number FROM participants WHERE token_hash = ?", _hash(token))
        return rows[0][0] if rows else None

    def next_position(self, participant: int) -> int:
        """The position of a participant's next trial.

        It equals the number of answers, because answers come in order.
        """
        return int(
            self._read("SELECT COUNT(*) FROM answers WHERE participant = ?", participant)[0][0]
        )

    def save(self, participant: int, position: int, choice: str, milliseconds: int) -> None:
        """Save an answer.

        The same answer again changes nothing, so a client that got no reply may repeat it.

        Raises:
            Conflict: not the next trial, or another choice than the saved one.
            NotSaved: the database failed; nothing has changed.
        """
        query = "SELECT choice FROM answers WHERE participant = ? AND position = ?"
        with self._transaction() as run:
            if saved := self._read(query, participant, position):
                if saved[0][0] != choice:
                    raise Conflict(f"trial {position + 1} is answered already, and differently")
                return
            expected = self.next_position(participant)
            if position != expected:
                raise Conflict(f"the next trial is {expected + 1}, not {position + 1}")
            values = (participant, position, choice, milliseconds)
            run("INSERT INTO answers VALUES (?, ?, ?, ?)", values)

    def was_shown(self, participant: int, position: int) -> bool:
        """Whether this is the trial that was last sent to the participant."""
        return self._shown_at(participant, position) is not None

    def seconds_since_shown(self, participant: int, position: int) -> float | None:
        """How long ago this trial was first sent to the participant; None if that is now."""
        now = time.time()
        with self._transaction() as run:
            shown_at = self._shown_at(participant, position)
            if shown_at is not None:
                return max(0.0, now - shown_at)
            run(
                "UPDATE participants SET position = ?, shown_at = ? WHERE number = ?",
                (position, now, participant),
            )
        return None

    def _shown_at(self, participant: int, position: int) -> float | None:
        """When this trial was sent (Unix seconds); None unless it is the last that was sent."""
        query = "SELECT shown_at FROM participants WHERE number = ? AND position = ?"
        rows = self._read(query, participant, position)
        return rows[0][0] if rows else None

    def withdraw(self, participant: int) -> None:
        """Delete a participant's answers and token.

        The place stays taken, so that nobody else gets the same trials.
        """
        with self._transaction() as run:
            run("DELETE FROM answers WHERE participant = ?", (participant,))
            run(
                "UPDATE participants SET token_hash = NULL, position = NULL, shown_at = NULL"
                " WHERE number = ?",
                (participant,),
            )
        with self._locked() as run:
            run("PRAGMA wal_checkpoint(TRUNCATE)")  # else the log would keep the answers

    def participants(self) -> dict[int, bool]:
        """Each participant's number, and whether they have withdrawn."""
        query = "SELECT number, token_hash IS NULL FROM participants ORDER BY number"
        return {number: bool(has_withdrawn) for number, has_withdrawn in self._read(query)}

    def answers(self) -> list[Answer]:
        """All answers, by participant and position."""
        query = (
            "SELECT participant, position, choice, milliseconds FROM answers"
            " ORDER BY participant, position"
        )
        return [Answer(*row) for row in self._read(query)]

    def close(self) -> None:
        """Close the database."""
        self.connection.close()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
