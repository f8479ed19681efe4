"""Which participant answers which question, and when. All is fixed before the first one comes.

How many trials of each kind there are is in `synthderm.study.plan.Plan`; the options of `study
build` set it. The design protects the answer in these ways:

- **Blocks.** A participant answers one kind of question at a time. The orders of the blocks form
  Latin squares, so each block comes first, second and third equally often.
- **Add and remove share a block.** In a block of additions alone, "which one was edited?" would
  mean "which one has eczema?".
- **Balance.** Half of a participant's yes/no images are real, and the right answer is A as often
  as B. Over all participants the numbers of times that images are shown differ by one at most.
  A participant sees an image once, apart from repeats.
- **Repeats** measure consistency. Trials from the first third of a block come back in its second
  half with A and B exchanged, so pressing the same button again does not count as consistent.
- **Attention checks** show a text instead of an image. It says which button to press, so
  participants who do not read it fail. In the code a "check" always means an attention check.
"""

from dataclasses import dataclass, field
from itertools import permutations
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from synthderm.study.plan import CHOICES, Plan

OTHER_SIDE = {"a": "b", "b": "a"}

Card = TypeVar("Card")


class Question(NamedTuple):
    """What a trial shows, and its right answer; see `Trial`."""

    kind: str
    a: str
    b: str
    answer: str


@dataclass(frozen=True)
class Trial:
    """One question to one participant.

    A browser gets the block and the images only. `kind` and `answer` are the key.

    Args:
        participant: number of the participant, from 1.
        position: place among the participant's trials, from 0.
        block: one of `plan.BLOCKS`.
        kind: one of `plan.KINDS`, or "check" for an attention check.
        a, b: image names. `b` is "" in yes/no trials, both are "" in attention checks.
        answer: "real" or "generated" in yes/no trials; in pairs "a" or "b", the side that is
            generated or edited; in attention checks the button to press.
        repeat_of: position of the first showing, None if this is no repeat.
        swapped: whether the buttons of yes/no trials stand in the other order.
    """

    participant: int
    position: int
    block: str
    kind: str
    a: str
    b: str
    answer: str
    repeat_of: int | None
    swapped: bool


@dataclass(frozen=True)
class ImageNames:
    """The images that trials may show: names, and for edits pairs of names (before, after)."""

    real: list[str] = field(default_factory=list)
    generated: list[str] = field(default_factory=list)
    add: list[tuple[str, str]] = field(default_factory=list)
    remove: list[tuple[str, str]] = field(default_factory=list)


class Deck(Generic[Card]):
    """Deals images like cards: all equally often (within one), and never one twice in a hand."""

    def __init__(self, cards: list[Card], rng: np.random.Generator) -> None:
        self.cards = cards
        self.rng = rng
        self.dealt = np.zeros(len(cards), dtype=int)

    def deal(self, count: int) -> list[Card]:
        """`count` cards in random order, the least dealt first; ties are broken at random."""
        order = self.rng.permutation(len(self.cards))
        hand = order[np.argsort(self.dealt[order], kind="stable")[:count]]
        self.dealt[hand] += 1
        return [self.cards[index] for index in self.rng.permutation(hand)]


def block_orders(blocks: tuple[str, ...], rng: np.random.Generator) -> list[tuple[str, ...]]:
    """All orders of the blocks, in groups of rotations. Each group is a Latin square."""
    first, *rest = blocks
    bases = [(first, *others) for others in permutations(rest)]
    return [
        base[turn:] + base[:turn]
        for base in (bases[index] for index in rng.permutation(len(bases)))
        for turn in range(len(blocks))
    ]


def sample_trials(plan: Plan, names: ImageNames, seed: int) -> list[Trial]:
    """Every trial of every participant, in order.

    Args:
        plan: the numbers of trials.
        names: the images to show.
        seed: the same seed and the same names give the same trials.

    Raises:
        ValueError: fewer images than a participant needs.
    """
    if not names.remove:
        add_count = plan.edit
    else:
        add_count = plan.edit // 2 if names.add else 0
    for what, have, need in (
        ("real images", len(names.real), plan.images_needed),
        ("generated images", len(names.generated), plan.images_needed),
        ("add pairs", len(names.add), add_count),
        ("remove pairs", len(names.remove), plan.edit - add_count),
    ):
        if have < need:
            raise ValueError(
                f"each participant sees {need} {what}, but there are {have}: add images, or ask"
                " for fewer trials."
            )
    rng = np.random.default_rng(seed)
    singles = (Deck(names.real, rng), Deck(names.generated, rng))
    pairs = (Deck(names.add, rng), Deck(names.remove, rng))
    orders = block_orders(plan.blocks, rng)
    repeats, checks = plan.spread(plan.repeats), plan.spread(plan.checks)
    trials: list[Trial] = []
    for index in range(plan.participants):
        # The buttons change after all orders have been used once, so that the order of the
        # buttons and the order of the blocks are not confounded.
        swapped = bool(index // len(orders) % 2)
        questions = _deal_questions(plan, add_count, singles, pairs, rng)
        mine: list[Trial] = []
        for block in orders[index % len(orders)]:
            start = len(mine)
            rows = _arrange(block, questions[block], repeats[block], checks[block], start, rng)
            mine += [
                Trial(index + 1, position, block, *question, repeat_of, swapped)
                for position, (question, repeat_of) in enumerate(rows, start)
            ]
        trials += mine
    return trials


def _deal_questions(
    plan: Plan,
    add_count: int,
    singles: tuple[Deck[str], Deck[str]],
    pairs: tuple[Deck[tuple[str, str]], Deck[tuple[str, str]]],
    rng: np.random.Generator,
) -> dict[str, list[Question]]:
    """One participant's questions of each block, not yet in order."""
    reals, fakes = (deck.deal(plan.images_needed) for deck in singles)
    half = plan.yesno // 2
    yesno = [Question("yesno", name, "", "real") for name in reals[:half]]
    yesno += [Question("yesno", name, "", "generated") for name in fakes[:half]]
    two = [Question("two", *pair, "b") for pair in zip(reals[half:], fakes[half:], strict=True)]
    add, remove = pairs
    edits = [Question("add", *pair, "b") for pair in add.deal(add_count)]
    edits += [Question("remove", *pair, "b") for pair in remove.deal(plan.edit - add_count)]
    return {
        "yesno": yesno,
        "two": _place_on_sides(two, rng),
        "edit": _place_on_sides(edits, rng),
    }


def _place_on_sides(questions: list[Question], rng: np.random.Generator) -> list[Question]:
    """Exchange A and B in every other question: the sides balance within each kind."""
    start = int(rng.integers(2))
    return [
        exchange(question) if (index + start) % 2 else question
        for index, question in enumerate(questions)
    ]


def exchange(question: Question) -> Question:
    """The question with A and B exchanged; a yes/no question stays as it is."""
    kind, a, b, answer = question
    return Question(kind, b, a, OTHER_SIDE[answer]) if b else question


def _arrange(
    block: str,
    questions: list[Question],
    repeats: int,
    checks: int,
    start: int,
    rng: np.random.Generator,
) -> list[tuple[Question, int | None]]:
    """A block's (question, repeat_of) in order, with repeats and attention checks.

    The block begins at position `start`.
    """
    questions = [questions[index] for index in rng.permutation(len(questions))]
    half = len(questions) // 2
    third = len(questions) // 3
    again = rng.choice(third, size=repeats, replace=False) if repeats else np.empty(0, int)
    rows: list[tuple[Question, Question | None]] = [(each, None) for each in questions[half:]]
    rows += [(exchange(questions[index]), questions[index]) for index in again]
    rows = [rows[index] for index in rng.permutation(len(rows))]
    rows = [(each, None) for each in questions[:half]] + rows
    offset = int(rng.integers(2))
    for number in range(checks):
        check = Question("check", "", "", CHOICES[block][(number + offset) % 2])
        rows.insert(int(rng.integers(1, len(rows) + 1)), (check, None))
    first_shown = {
        question: position
        for position, (question, original) in enumerate(rows, start)
        if original is None and question.kind != "check"
    }
    return [
        (question, None if original is None else first_shown[original])
        for question, original in rows
    ]
