"""The folder that holds a study: its settings, its files, how to write and to read them.

    study/
      study.json      settings: title, seed, plan, image size, time limit, margin, exclusion rule
      texts.json      what participants read, apart from the consent text; adapt or translate it
      consent.txt     the consent text; empty lines separate its paragraphs
      trials.csv      the key: every participant's trials with their right answers
      images.csv      the key: where each image comes from
      images/         the images that are shown, under random names
      answers.sqlite  invitation, participants and answers; made by `serve`

Participants receive the texts and the images only.
"""

import csv
import io
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from synthderm.study.plan import BLOCKS, CHOICES, KINDS, Plan
from synthderm.study.schedule import Trial
from synthderm.study.strict import (
    check_like,
    make,
    one_of,
    read_object,
    read_rows,
    read_text,
    whole_number,
)

FORMAT = 1
PAGES = Path(__file__).parent / "pages"
IMAGE_COLUMNS = ("name", "side", "origin", "use")

Example = tuple[list[str], str]  # image names, and the right answer


@dataclass(frozen=True)
class Settings:
    """What is decided before the first participant comes.

    Args:
        title: shown to participants.
        seed: of all random choices.
        plan: numbers of trials.
        size: width and height of each image, pixels.
        quality: JPEG quality of each image, 1 to 95.
        seconds: how long an image is shown; None for no limit.
        margin: accuracy within 0.5 +- margin counts as "can't tell".
        max_failed_checks: participants who fail more attention checks are excluded.
        examples: for each block, the examples in its instructions.

    Raises:
        ValueError: a value out of range.
    """

    title: str
    seed: int
    plan: Plan
    size: int
    quality: int
    seconds: float | None
    margin: float
    max_failed_checks: int
    examples: dict[str, list[Example]]

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 95:
            raise ValueError(f"quality={self.quality} is not in 1..95.")
        if not 0 < self.margin < 0.5:
            raise ValueError(
                f"margin={self.margin} is not in (0, 0.5): it is the distance from 50 % correct"
                " that still counts as 'can't tell'."
            )
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError(
                f"seconds={self.seconds}: a time limit must be above 0; leave it out for no limit."
            )
        if self.max_failed_checks < 0:
            raise ValueError(
                f"max_failed_checks={self.max_failed_checks} is negative: give 0 or more."
            )


class Study:
    """A study's folder, read.

    Args:
        folder: the folder that `build` wrote.

    Raises:
        FileNotFoundError: the folder is not a study.
        ValueError: the study has another format.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        path = self.folder / "study.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.folder} is not a study (no study.json): make one with"
                f" `synthderm study build --out {self.folder}`."
            )
        values = read_object(path)
        written = values.pop("format", None)
        if written != FORMAT:
            raise ValueError(
                f"{path} has format {written!r:.40}, but this version reads format {FORMAT}: use"
                " the version of synthderm that built it."
            )
        plan = make(Plan, values.get("plan"), f"{path}: plan")
        self.settings = make(Settings, values | {"plan": plan}, str(path))
        self.database = self.folder / "answers.sqlite"

    @cached_property
    def trials(self) -> dict[int, list[Trial]]:
        """Each participant's trials, by number of the participant from 1.

        Raises:
            ValueError: the file doesn't fit; it is read as it was built.
        """
        trials: dict[int, list[Trial]] = {}
        path = self.folder / "trials.csv"
        for place, row in read_rows(path, [field.name for field in fields(Trial)]):
            trial = _trial(row, place)
            shown = trials.setdefault(trial.participant, [])
            if trial.position != len(shown) or trial.participant != len(trials):
                raise ValueError(
                    f"{place}: participant {trial.participant}, position {trial.position} is out of"
                    " order: put trials.csv back as it was built."
                )
            for name in (trial.a, trial.b):
                if name and name not in self.origins:
                    raise ValueError(f"{place}: {name!r:.60} is no image in images.csv.")
            shown.append(trial)
        if not trials:
            raise ValueError(f"{path} has no trials: put it back as it was built.")
        return trials

    @cached_property
    def origins(self) -> dict[str, dict[str, str]]:
        """For each image name: `side` (real, generated, before, after), `origin`, and `use`.

        `use` is "trial" or "example".

        Raises:
            ValueError: the file doesn't fit.
        """
        origins: dict[str, dict[str, str]] = {}
        for place, row in read_rows(self.folder / "images.csv", IMAGE_COLUMNS):
            name = row["name"]
            if not name or name in origins or name != Path(name).name or not name.isprintable():
                raise ValueError(f"{place}: {name!r:.60} is there twice, or is no name of a file.")
            origins[name] = row
        return origins

    @cached_property
    def texts(self) -> dict[str, Any]:
        """What participants read, by name.

        Raises:
            ValueError: the file lacks a text.
        """
        path = self.folder / "texts.json"
        texts = read_object(path)
        check_like(texts, read_object(PAGES / "texts.json"), str(path))
        return texts

    @property
    def consent(self) -> list[str]:
        """The paragraphs of the consent text."""
        text = read_text(self.folder / "consent.txt")
        paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
        return [paragraph for paragraph in paragraphs if paragraph]

    def image(self, name: str) -> Path:
        """The file of an image."""
        return self.folder / "images" / name


def _trial(row: Mapping[str, str], place: str) -> Trial:
    """A row of trials.csv."""
    block = one_of(row["block"], BLOCKS, "block", place)
    repeat_of = row["repeat_of"]
    return Trial(
        participant=whole_number(row["participant"], "participant", place),
        position=whole_number(row["position"], "position", place),
        block=block,
        kind=one_of(row["kind"], (*KINDS, "check"), "kind", place),
        a=row["a"],
        b=row["b"],
        answer=one_of(row["answer"], CHOICES[block], "answer", place),
        repeat_of=whole_number(repeat_of, "repeat_of", place) if repeat_of else None,
        swapped=one_of(row["swapped"], ("0", "1"), "swapped", place) == "1",
    )


def write_study(
    folder: Path, settings: Settings, trials: list[Trial], image_rows: list[dict[str, str]]
) -> None:
    """Write every file of a study but its images.

    Args:
        folder: an existing folder.
        settings: the study's settings.
        trials: the trials of all participants.
        image_rows: `name`, `side` and `origin` of each image.
    """
    examples = {
        name for parts in settings.examples.values() for names, _ in parts for name in names
    }
    trial_rows = (asdict(trial) | {"swapped": int(trial.swapped)} for trial in trials)
    uses = (row | {"use": "example" if row["name"] in examples else "trial"} for row in image_rows)
    for name, text in (
        ("study.json", json.dumps({"format": FORMAT} | asdict(settings), indent=2) + "\n"),
        ("trials.csv", csv_text([field.name for field in fields(Trial)], trial_rows)),
        ("images.csv", csv_text(IMAGE_COLUMNS, uses)),
    ):
        (folder / name).write_text(text, encoding="utf-8", newline="")
    for name in ("texts.json", "consent.txt"):
        shutil.copyfile(PAGES / name, folder / name)


def require_new(out: Path) -> None:
    """Refuse a folder that has files in it.

    Raises:
        FileExistsError: `out` is a file, or a folder that is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(
            f"{out} exists already, and nothing is overwritten: give --out another folder."
        )


@contextmanager
def writing_to(out: Path) -> Iterator[None]:
    """Where the block can't write to `out`, say so and name the way out.

    Raises:
        OSError: the block raised one.
    """
    try:
        yield
    except OSError as error:
        raise OSError(
            f"{out} can't be written ({error.strerror}): give --out another folder."
        ) from None


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its name when it is whole: nobody ever reads half of it.

    Args:
        out: a folder that is empty or does not exist.
    """
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    yield part
    if out.exists():
        out.rmdir()
    part.rename(out)


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as CSV, with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
