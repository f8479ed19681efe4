"""The folder that holds a study.

    study/
      study.json      settings: title, seed, plan, image size, JPEG quality, time limit, margin,
      exclusion rule texts.json      every word that a participant reads, except for the consent:
      adapt or translate it consent.txt     the consent text; paragraphs are parted by empty lines
      trials.csv      the key: every participant's trials with their right answers
      images.csv      the key: where each image comes from
      images/         what is shown, under random names
      answers.sqlite  invitation, participants and answers; made by `serve`

Nothing but the texts and `images/` is ever sent to a participant.
"""

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from synthderm.study.schedule import Plan, Trial

FORMAT = 1
PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class Settings:
    """What was decided before the first participant came.

    Args:
        title: shown to participants.
        seed: of every draw.
        plan: numbers of trials.
        size: width and height of each image, pixels.
        quality: JPEG quality of each image.
        seconds: how long an image is shown; None is without limit.
        margin: accuracy within 0.5 +- margin counts as "can't tell".
        max_failed_checks: participants with more failed attention checks are excluded.
        examples: for each block, (image names, which of them is generated or edited) shown in its
            instructions.
    """

    title: str
    seed: int
    plan: Plan
    size: int
    quality: int
    seconds: float | None
    margin: float
    max_failed_checks: int
    examples: dict[str, list[tuple[list[str], str]]]

    def __post_init__(self):
        if not 0 < self.margin < 0.5:
            raise ValueError(
                f"margin={self.margin} is not in (0, 0.5): it is the distance from 50 % correct"
                " that still counts as 'can't tell'."
            )
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError(
                f"seconds={self.seconds}: a time limit must be above 0; leave it out for none."
            )
        if self.max_failed_checks < 0:
            raise ValueError(f"max_failed_checks={self.max_failed_checks} can't be negative.")


class Study:
    """A study's folder, read.

    Raises:
        FileNotFoundError: the folder is not a study.
        ValueError: it was written in another format.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        path = self.folder / "study.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.folder} is not a study (no study.json): make one with `synthderm study"
                f" build --out {self.folder}`."
            )
        values = json.loads(path.read_text(encoding="utf-8"))
        found = values.pop("format", None)
        if found != FORMAT:
            raise ValueError(
                f"{path} has format {found}, this version reads {FORMAT}: use the synthderm that"
                " built it."
            )
        self.settings = Settings(**values | {"plan": Plan(**values["plan"])})
        self.database = self.folder / "answers.sqlite"

    @cached_property
    def trials(self) -> dict[int, list[Trial]]:
        """Each participant's trials, by number from 1."""
        found: dict[int, list[Trial]] = {}
        with open(self.folder / "trials.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                repeat_of = int(row["repeat_of"]) if row["repeat_of"] else None
                trial = Trial(int(row["participant"]), int(row["position"]), row["block"], row["kind"], row["a"], row["b"], row["answer"],
                              repeat_of, row["swapped"] == "1")  # fmt: skip
                found.setdefault(trial.participant, []).append(trial)
        return found

    @cached_property
    def origins(self) -> dict[str, dict[str, str]]:
        """For each image name: `side` (real, generated, before or after), `origin` and `use` (trial
        or example)."""
        with open(self.folder / "images.csv", newline="", encoding="utf-8") as file:
            return {row["name"]: row for row in csv.DictReader(file)}

    @cached_property
    def texts(self) -> dict:
        """What participants read, by name."""
        return json.loads((self.folder / "texts.json").read_text(encoding="utf-8"))

    @property
    def consent(self) -> list[str]:
        """The paragraphs of the consent text."""
        text = (self.folder / "consent.txt").read_text(encoding="utf-8")
        return [
            " ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip()
        ]

    def image(self, name: str) -> Path:
        """The file of an image name."""
        return self.folder / "images" / name
