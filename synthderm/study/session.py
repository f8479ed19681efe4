"""A participant's way through the study: which trial comes next, and what a browser may know of it.

The server alone decides which trial is next. The browser gets the block, the image names and the
labels of the buttons. It does not get the kind of an edit (add or remove), because with it the
picture would give the answer away.
"""

from dataclasses import dataclass
from typing import Any

from synthderm.study.plan import CHOICES
from synthderm.study.schedule import Trial
from synthderm.study.store import Conflict, Store
from synthderm.study.study_folder import Study

State = dict[str, Any]


class UnknownChoice(ValueError):
    """An answer that is none of the block's choices."""


@dataclass(frozen=True)
class Session:
    """What participants see and answer.

    Args:
        study: what is asked.
        store: where the answers go.
    """

    study: Study
    store: Store

    def state(self, participant: int, begin: bool = False) -> State:
        """What the participant's browser shows now.

        Args:
            participant: the participant's id.
            begin: leave the instructions of a block and show its first trial.

        Returns:
            `total`: number of trials. `trial`: the next one, or None at the end. `intro`: the
            instructions of a block that is about to begin, or None.

        Raises:
            StudyFull: others were faster and took all places.
        """
        place = self.store.place(participant, len(self.study.trials))
        trials = self.study.trials[place]
        position = self.store.next_position(place)
        total = len(trials)
        if position >= total:
            return {"total": total, "trial": None, "intro": None}
        trial = trials[position]
        starts_block = position == 0 or trials[position - 1].block != trial.block
        if starts_block and not begin and not self.store.was_shown(participant, position):
            hidden = self._public(trial) | {"images": [], "check": None}
            return {"total": total, "intro": self._intro(trials, trial.block), "trial": hidden}
        elapsed = self.store.seconds_since_shown(participant, position) or 0.0
        seconds = self.study.settings.seconds
        left = None if seconds is None else max(0.0, seconds - elapsed)
        return {
            "total": total,
            "intro": None,
            "trial": self._public(trial) | {"seconds_left": left},
        }

    def answer(
        self,
        participant: int,
        position: int,
        choice: str,
        milliseconds: int,
        place: int | None = None,
    ) -> State:
        """Save an answer, and return the next state.

        Args:
            participant: the participant's id.
            position, choice, milliseconds: the answer.
            place: of the trial that was answered; the participant's where None.

        Raises:
            Conflict: not the participant's next trial, or another answer than the saved one, or
                another participant took the place (`Store.save`).
            UnknownChoice: not one of the block's choices.
            NotSaved: the database failed; nothing has changed (`Store.save`).
        """
        own = self.store.open_place(participant)
        if own is None:
            raise Conflict("another participant was faster; there are other questions for you")
        trials = self.study.trials[own]
        if position >= len(trials):
            raise Conflict(f"there are {len(trials)} trials, not {position + 1}")
        choices = CHOICES[trials[position].block]
        if choice not in choices:
            raise UnknownChoice(f"choice must be {' or '.join(choices)}.")
        self.store.save(participant, position, choice, milliseconds, place or own)
        return self.state(participant)

    def _intro(self, trials: list[Trial], block: str) -> State:
        order = list(dict.fromkeys(trial.block for trial in trials))
        examples = [
            {"images": [image_url(name) for name in names], "answer": answer}
            for names, answer in self.study.settings.examples[block]
        ]
        return {"number": order.index(block) + 1, "of": len(order), "examples": examples}

    def _public(self, trial: Trial) -> State:
        """What a browser may know of a trial."""
        labels = self.study.texts["blocks"][trial.block]["choices"]
        return {
            "place": trial.participant,
            "position": trial.position,
            "block": trial.block,
            "images": [image_url(name) for name in (trial.a, trial.b) if name],
            "check": trial.answer if trial.kind == "check" else None,
            "choices": [{"value": value, "label": labels[value]} for value in choices_shown(trial)],
            "seconds": self.study.settings.seconds,
            "seconds_left": self.study.settings.seconds,
        }


def choices_shown(trial: Trial) -> tuple[str, ...]:
    """The meanings of a trial's buttons, from left to right."""
    choices = CHOICES[trial.block]
    return choices[::-1] if trial.swapped and trial.block == "yesno" else choices


def image_url(name: str) -> str:
    """The path under which the server hands out an image."""
    return f"/images/{name}"
