"""Participants and answers in SQLite.

An answer is on disk before `save` returns: write-ahead log, `synchronous=FULL`. A participant is
known by the hash of a random token alone; no name, no address, no browser is stored.
"""

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
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


class NotSaved(Exception):
    """The database could not be read or written (locked, disk full, read-only); trying again may
    help."""


class Conflict(Exception):
    """An answer to another trial than the participant's next one, or another answer to one that is
    already saved."""


class StudyFull(Exception):
    """All places of the study are taken."""


class Store:
    """The database of one study; safe to use from several threads.

    Args:
        path: the file; made where it does not exist.
        timeout: seconds to wait for a lock.
    """

    def __init__(self, path: str | Path, timeout: float = 3.0):
        self.lock = threading.Lock()
        self.connection = sqlite3.connect(
            path, timeout=timeout, isolation_level=None, check_same_thread=False
        )
        with self._guarded():
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=ON",
            ):
                self.connection.execute(f"PRAGMA {pragma}")
            self.connection.executescript(SCHEMA)
        with self._transaction() as run:
            run("INSERT OR IGNORE INTO meta VALUES ('invitation', ?)", (secrets.token_urlsafe(16),))

    @contextmanager
    def _guarded(self) -> Iterator:
        with self.lock:
            try:
                yield self.connection.execute
            except sqlite3.IntegrityError:
                raise
            except sqlite3.DatabaseError as error:
                raise NotSaved(str(error)) from error

    @contextmanager
    def _transaction(self) -> Iterator:
        """All or nothing; the write lock is taken first, so that what is read stays true until the
        commit."""
        with self._guarded() as run:
            run("BEGIN IMMEDIATE")
            try:
                yield run
                run("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors, a full disk among them.
                if self.connection.in_transaction:
                    run("ROLLBACK")
                raise

    @property
    def invitation(self) -> str:
        """The unguessable part of the link that is sent out."""
        with self._guarded() as run:
            return run("SELECT value FROM meta WHERE name = 'invitation'").fetchone()[0]

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
            run(
                "INSERT INTO participants (number, token_hash) VALUES (?, ?)",
                (number, _hash(token)),
            )
        return token

    def participant(self, token: str) -> int | None:
        """The number of the participant with this token."""
        with self._guarded() as run:
            row = run(
                "SELECT number FROM participants WHERE token_hash = ?", (_hash(token),)
            ).fetchone()
        return row and row[0]

    def next_position(self, participant: int) -> int:
        """The position of a participant's next trial: the number of answers, since they come in
        order."""
        with self._guarded() as run:
            return _next(run, participant)

    def save(self, participant: int, position: int, choice: str, milliseconds: int) -> None:
        """Save an answer; the same answer again changes nothing, so that a client that heard no
        reply may repeat it.

        Raises:
            Conflict: not the next trial, or another choice than the saved one.
            NotSaved: see there; nothing has changed.
        """
        with self._transaction() as run:
            saved = run(
                "SELECT choice FROM answers WHERE participant = ? AND position = ?",
                (participant, position),
            ).fetchone()
            if saved is not None:
                if saved[0] != choice:
                    raise Conflict(f"trial {position + 1} is answered already, and differently")
                return
            expected = _next(run, participant)
            if position != expected:
                raise Conflict(f"the next trial is {expected + 1}, not {position + 1}")
            run(
                "INSERT INTO answers VALUES (?, ?, ?, ?)",
                (participant, position, choice, milliseconds),
            )

    def was_shown(self, participant: int, position: int) -> bool:
        """Whether this is the trial that was last sent to the participant."""
        with self._guarded() as run:
            return (
                run(
                    "SELECT position FROM participants WHERE number = ?", (participant,)
                ).fetchone()[0]
                == position
            )

    def seconds_since_shown(self, participant: int, position: int) -> float | None:
        """How long ago this trial was first sent to the participant; None if that is now."""
        now = time.time()
        with self._transaction() as run:
            last, shown_at = run(
                "SELECT position, shown_at FROM participants WHERE number = ?", (participant,)
            ).fetchone()
            if last == position:
                return max(0.0, now - shown_at)
            run(
                "UPDATE participants SET position = ?, shown_at = ? WHERE number = ?",
                (position, now, participant),
            )
        return None

    def withdraw(self, participant: int) -> None:
        """Delete a participant's answers and token; the place stays taken, so that no schedule is
        used twice."""
        with self._transaction() as run:
            run("DELETE FROM answers WHERE participant = ?", (participant,))
            run(
                "UPDATE participants SET token_hash = NULL, position = NULL, shown_at = NULL WHERE"
                " number = ?",
                (participant,),
            )
        with self._guarded() as run:
            run("PRAGMA wal_checkpoint(TRUNCATE)")  # or the answers would live on in the log

    def participants(self) -> dict[int, bool]:
        """Each participant's number, and whether they have withdrawn."""
        with self._guarded() as run:
            return {
                number: bool(gone)
                for number, gone in run(
                    "SELECT number, token_hash IS NULL FROM participants ORDER BY number"
                )
            }

    def answers(self) -> list[tuple[int, int, str, int]]:
        """(participant, position, choice, milliseconds), in order."""
        with self._guarded() as run:
            return run(
                "SELECT participant, position, choice, milliseconds FROM answers ORDER BY"
                " participant, position"
            ).fetchall()

    def close(self) -> None:
        self.connection.close()


def _next(run, participant: int) -> int:
    return run("SELECT COUNT(*) FROM answers WHERE participant = ?", (participant,)).fetchone()[0]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
