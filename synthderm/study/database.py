"""An SQLite file that several threads read and write, and nobody waits for long.

A write is on disk before its transaction ends (write-ahead log, `synchronous=FULL`). One connection
writes and another reads, so whoever reads does not queue behind a write that waits.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DURABLE = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA secure_delete = ON;
"""
UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)

Query = Callable[..., list[Any]]  # takes an SQL text and its values, returns all rows


class NotSaved(Exception):
    """The database could not be read or written (locked, full disk, read-only).

    Trying again may help.

    Args:
        reason: what SQLite says.
        is_unwritable: whether the file or its folder can't be written, or is not there.
    """

    def __init__(self, reason: str, is_unwritable: bool = False) -> None:
        super().__init__(reason)
        self.is_unwritable = is_unwritable


class Database:
    """One SQLite file. Several threads may use it at once.

    Args:
        path: the file; created if it does not exist.
        timeout: seconds that a call may wait, for other threads and other processes together.

    Raises:
        NotSaved: the file can't be opened or written. All methods may raise it too.
    """

    def __init__(self, path: str | Path, timeout: float) -> None:
        self.timeout = timeout
        self.writing, self.reading = threading.Lock(), threading.Lock()
        with _errors_mean_not_saved():
            self.writer = _connect(path, timeout)
            try:
                self.writer.executescript(DURABLE)
                self.reader = _connect(path, timeout)
            except sqlite3.Error:
                self.writer.close()
                raise

    @contextmanager
    def transaction(self) -> Iterator[Query]:
        """All or nothing: the block gets a function like `read`, which may write too.

        The write lock is taken first, so what is read stays true until the commit.
        """
        # Leaving the connection's block commits, or rolls back after an error.
        with self._use(self.writer, self.writing) as query, self.writer:
            query("BEGIN IMMEDIATE")
            yield query

    def read(self, query: str, *values: object) -> list[Any]:
        """All rows that a query returns."""
        with self._use(self.reader, self.reading) as run:
            return run(query, *values)

    def empty_log(self) -> None:
        """Move the write-ahead log into the file, so that nothing deleted is left in it."""
        with self._use(self.writer, self.writing) as query:
            query("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file."""
        self.reader.close()
        self.writer.close()

    @contextmanager
    def _use(self, connection: sqlite3.Connection, lock: threading.Lock) -> Iterator[Query]:
        """A connection for this thread alone; its errors become `NotSaved`.

        Threads that queue for the connection, and then for the file, wait `timeout` in all:
        otherwise the last of twelve would wait twelve times as long.
        """
        end = time.monotonic() + self.timeout
        if not lock.acquire(timeout=self.timeout):
            raise NotSaved("database is locked")
        try:
            with _errors_mean_not_saved():
                left = max(0, round(1000 * (end - time.monotonic())))
                connection.execute(f"PRAGMA busy_timeout = {left}")
                yield lambda query, *values: connection.execute(query, values).fetchall()
        finally:
            lock.release()


def _connect(path: str | Path, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)


@contextmanager
def _errors_mean_not_saved() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the kind, without its details
        raise NotSaved(str(error), code in UNWRITABLE) from error
