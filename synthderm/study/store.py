"""Participants and answers in SQLite.

An answer is on disk before `save` returns (see `synthderm.study.database`). Of a participant only
numbers and the hash of a random token are stored: no name, no address, no browser.

A study has as many places as `build` made lists of trials. Whoever joins is shown the trials of a
place, and the first answer takes it. Until then the place is also given to others once no free one
is left, so people who join and never answer keep nobody out.
"""

import hashlib
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from synthderm.files import temporary_folder
from synthderm.study.database import Database, NotSaved, Query
from synthderm.study.schema import create_tables


class Answer(NamedTuple):
    """One answer as it is stored. `participant` is the place, which says what was asked."""

    participant: int
    position: int
    choice: str
    milliseconds: int


class Conflict(Exception):
    """Not the participant's next trial, or another answer than the saved one."""


class StudyFull(Exception):
    """All places of the study are taken."""


class Store:
    """The answers to one study. Several threads may use it at once.

    Args:
        path: the file; created if it does not exist.
        timeout: seconds that a call may wait for a lock.

    Raises:
        NotSaved: the file can't be opened or written, or has other tables. All methods may raise
            it too.
    """

    def __init__(self, path: str | Path, timeout: float = 3.0) -> None:
        self.database = Database(path, timeout)
        try:
            with self.database.transaction() as run:
                create_tables(run)
            query = "SELECT token_hash FROM participants WHERE token_hash IS NOT NULL"
            self.token_hashes = {row[0] for row in self.database.read(query)}
        except NotSaved:
            self.close()
            raise

    @property
    def invitation(self) -> str:
        """The random part of the link that is sent out."""
        return str(self.database.read("SELECT value FROM meta WHERE name = 'invitation'")[0][0])

    def join(self, places: int) -> str:
        """A new participant's token, 192 random bits.

        Raises:
            StudyFull: all `places` are taken.
        """
        token = secrets.token_urlsafe(24)
        with self.database.transaction() as run:
            place = _least_shown(run, places)
            query = "INSERT INTO participants (token_hash, shown) VALUES (?, ?)"
            run(query, _hash(token), place)
        self.token_hashes.add(_hash(token))
        return token

    def knows(self, token: str) -> bool:
        """Whether this is a participant's token, without a look at the file."""
        return _hash(token) in self.token_hashes

    def participant(self, token: str) -> int | None:
        """The id of the participant with this token, None if there is none."""
        query = "SELECT id FROM participants WHERE token_hash = ?"
        rows = self.database.read(query, _hash(token))
        return rows[0][0] if rows else None

    def place(self, participant: int, places: int) -> int:
        """The place whose trials this participant is shown.

        It changes until the first answer, if somebody else is faster and takes it.

        Raises:
            StudyFull: all `places` are taken, by others.
        """
        if place := self.open_place(participant):
            return place
        with self.database.transaction() as run:
            place = _least_shown(run, places)
            run(
                "UPDATE participants SET shown = ?, position = NULL, shown_at = NULL WHERE id = ?",
                place,
                participant,
            )
        return place

    def open_place(self, participant: int) -> int | None:
        """The place that this participant has; None if somebody else took it meanwhile."""
        return _open_place(self.database.read, participant)

    def next_position(self, place: int) -> int:
        """The position of the next trial of a place.

        It equals the number of answers, because answers come in order.
        """
        query = "SELECT COUNT(*) FROM answers WHERE participant = ?"
        return int(self.database.read(query, place)[0][0])

    def save(
        self,
        participant: int,
        position: int,
        choice: str,
        milliseconds: int,
        place: int | None = None,
    ) -> None:
        """Save an answer. The first one takes the place.

        The same answer again changes nothing, so a client that got no reply may repeat it.

        Args:
            participant: the participant's id.
            position, choice, milliseconds: the answer.
            place: the place whose trial was answered; the participant's where None.

        Raises:
            Conflict: not the next trial, or another choice than the saved one, or the place is
                somebody else's now.
            NotSaved: the database failed; nothing has changed.
        """
        with self.database.transaction() as run:
            own = _open_place(run, participant)
            if own is None or place not in (None, own):
                raise Conflict("these questions are another participant's now")
            query = "SELECT choice FROM answers WHERE participant = ? AND position = ?"
            if saved := run(query, own, position):
                if saved[0][0] != choice:
                    raise Conflict(f"trial {position + 1} is answered already, and differently")
                return
            query = "SELECT COUNT(*) FROM answers WHERE participant = ?"
            expected = run(query, own)[0][0]
            if position != expected:
                raise Conflict(f"the next trial is {expected + 1}, not {position + 1}")
            if position == 0:
                run("UPDATE participants SET place = ? WHERE id = ?", own, participant)
            run("INSERT INTO answers VALUES (?, ?, ?, ?)", own, position, choice, milliseconds)

    def was_shown(self, participant: int, position: int) -> bool:
        """Whether this is the trial that was last sent to the participant."""
        return self._shown_at(participant, position) is not None

    def seconds_since_shown(self, participant: int, position: int) -> float | None:
        """How long ago this trial was first sent to the participant; None if that is now."""
        now = time.time()
        shown_at = self._shown_at(participant, position)
        if shown_at is not None:
            return max(0.0, now - shown_at)
        with self.database.transaction() as run:
            # Two tabs may ask at once: the first one's time counts.
            run(
                "UPDATE participants SET position = ?, shown_at = ?"
                " WHERE id = ? AND position IS NOT ?",
                position,
                now,
                participant,
                position,
            )
        return None

    def _shown_at(self, participant: int, position: int) -> float | None:
        """When this trial was sent (Unix seconds); None unless it is the last that was sent."""
        query = "SELECT shown_at FROM participants WHERE id = ? AND position = ?"
        rows = self.database.read(query, participant, position)
        return rows[0][0] if rows else None

    def withdraw(self, participant: int) -> None:
        """Delete a participant's answers and token.

        A place that was taken stays taken, so that nobody else gets the same trials.
        """
        with self.database.transaction() as run:
            query = "SELECT token_hash, place FROM participants WHERE id = ?"
            ((token_hash, place),) = run(query, participant)
            run("DELETE FROM answers WHERE participant = ?", place)
            run(
                "UPDATE participants SET token_hash = NULL, shown = NULL, position = NULL,"
                " shown_at = NULL WHERE id = ?",
                participant,
            )
        self.token_hashes.discard(token_hash)
        self.database.empty_log()  # else the log would keep the answers

    def participants(self) -> dict[int, bool]:
        """The id of everyone who joined, and whether they have withdrawn."""
        query = "SELECT id, token_hash IS NULL FROM participants ORDER BY id"
        return {number: bool(withdrawn) for number, withdrawn in self.database.read(query)}

    def count_taken(self) -> int:
        """The number of places that are taken."""
        return int(self.database.read("SELECT COUNT(place) FROM participants")[0][0])

    def answers(self) -> list[Answer]:
        """All answers, by place and position."""
        query = (
            "SELECT participant, position, choice, milliseconds FROM answers"
            " ORDER BY participant, position"
        )
        return [Answer(*row) for row in self.database.read(query)]

    def close(self) -> None:
        """Close the database."""
        self.database.close()


@contextmanager
def open_store(path: Path) -> Iterator[Store]:
    """The answers to a study that is over, for reading.

    Where its folder can't be written, a copy is read: SQLite writes beside a file that it reads.

    Raises:
        FileNotFoundError: nobody has been invited yet.
        OSError: the answers can't be read.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.parent} has no answers yet: run `synthderm study serve {path.parent}` and"
            " invite participants."
        )
    with temporary_folder() as folder:
        try:
            try:
                store = Store(path)
            except NotSaved as error:
                if not error.is_unwritable:
                    raise
                for part in (path, path.with_name(f"{path.name}-wal")):
                    if part.is_file():
                        shutil.copyfile(part, folder / part.name)
                store = Store(folder / path.name)
        except NotSaved as error:
            raise OSError(f"{path} can't be read: {error}.") from None
        with closing(store):
            yield store


def _open_place(run: Query, participant: int) -> int | None:
    """A participant's place, None if they have withdrawn or another has taken what they see."""
    query = (
        "SELECT COALESCE(place, shown) FROM participants AS me WHERE id = ? AND (place NOT NULL OR"
        " NOT EXISTS (SELECT 1 FROM participants WHERE place = me.shown))"
        " AND token_hash NOT NULL"
    )
    rows = run(query, participant)
    return rows[0][0] if rows else None


def _least_shown(run: Query, places: int) -> int:
    """The place that nobody has taken and that is shown to the fewest, the first of several."""
    taken = {row[0] for row in run("SELECT place FROM participants WHERE place NOT NULL")}
    shown = dict(run("SELECT shown, COUNT(*) FROM participants GROUP BY shown"))
    free = [place for place in range(1, places + 1) if place not in taken]
    if not free:
        raise StudyFull
    return min(free, key=lambda place: shown.get(place, 0))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
