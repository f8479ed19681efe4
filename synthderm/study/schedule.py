"""Which participant sees what, and when: every trial is drawn here, before the first participant
comes.

The design, in the order in which it protects the answer:

- **Blocks.** A participant does one kind of question at a time. Block orders are rotations of one
  another (a Latin square), so each kind comes first, second, ... equally often in every run of as
  many participants as there are blocks; all orders have been used once after their factorial.
- **Add and remove share a block.** In a block of additions alone, "which was edited?" would be
  "which has eczema?".
- **Balance.** Within a participant half of the yes/no images are real, and the right answer is A as
  often as B. Over participants every image is dealt equally often, within one. A participant meets
  an image once, repeats apart.
- **Repeats** measure self-consistency: trials of the first third of a block come back in its second
  half, with A and B exchanged, so that pressing the same key again is not consistency.
- **Checks** show no picture but say which button to press; whoever misses them is not looking.
"""

from dataclasses import asdict, dataclass
from itertools import permutations

import numpy as np

BLOCKS = ("yesno", "two", "edit")
KINDS = ("yesno", "two", "add", "remove")
CHOICES = {"yesno": ("real", "generated"), "two": ("a", "b"), "edit": ("a", "b")}


@dataclass(frozen=True)
class Plan:
    """How many trials each participant gets. `edit` counts add and remove together; `repeats` and
    `checks` are spread over the blocks."""

    participants: int = 200
    yesno: int = 20
    two: int = 20
    edit: int = 0
    repeats: int = 6
    checks: int = 6

    def __post_init__(self):
        for name, value in asdict(self).items():
            if value < 0:
                raise ValueError(f"{name}={value}: a count can't be negative.")
        for block in BLOCKS:
            if getattr(self, block) % 2:
                raise ValueError(
                    f"{block}={getattr(self, block)} is odd; take an even number, so that both"
                    " answers are right equally often."
                )
        if not self.blocks:
            raise ValueError(
                "a study needs questions: give at least one of yesno, two and edit a number"
                " above 0."
            )
        if not self.participants:
            raise ValueError("a study needs participants: participants=0.")
        for block, repeats in self.spread(self.repeats).items():
            most = getattr(self, block) // 3
            if repeats > most:
                raise ValueError(
                    f"repeats={self.repeats} puts {repeats} into block {block}, which has room for"
                    f" {most} (a third of its {getattr(self, block)} trials): ask for fewer repeats"
                    " or more trials."
                )

    @property
    def blocks(self) -> tuple[str, ...]:
        """The kinds of question that are asked, in the order of `BLOCKS`."""
        return tuple(block for block in BLOCKS if getattr(self, block))

    def spread(self, count: int) -> dict[str, int]:
        """`count` over the blocks, in whole numbers that differ by one at most."""
        blocks = self.blocks
        return {
            block: count // len(blocks) + (index < count % len(blocks))
            for index, block in enumerate(blocks)
        }

    @property
    def length(self) -> int:
        """Trials of one participant, repeats and checks included."""
        return self.yesno + self.two + self.edit + self.repeats + self.checks

    @property
    def images_needed(self) -> int:
        """Real images, and as many generated ones, that one participant sees."""
        return self.yesno // 2 + self.two


@dataclass(frozen=True)
class Trial:
    """One question. Only its block and images may reach a browser; `kind` and `answer` are the key.

    Args:
        participant, position: which one's, from 1; and when, from 0.
        block: one of `BLOCKS`.
        kind: one of `KINDS`, or "check".
        a, b: image names; `b` is "" for yes/no, both are for a check.
        answer: "real" or "generated" (yes/no), "a" or "b" (pairs): which one is generated, or
            edited.
        repeat_of: position of the first showing, or None.
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


class Deck:
    """Deals images so that all are dealt equally often (within one) and no hand holds the same
    image twice."""

    def __init__(self, cards: list, rng: np.random.Generator):
        self.cards, self.rng = cards, rng
        self.dealt = np.zeros(len(cards), dtype=int)

    def deal(self, count: int) -> list:
        """`count` cards in random order, the least dealt first; ties are broken at random."""
        order = self.rng.permutation(len(self.cards))
        hand = order[np.argsort(self.dealt[order], kind="stable")[:count]]
        self.dealt[hand] += 1
        return [self.cards[index] for index in self.rng.permutation(hand)]


def block_orders(blocks: tuple[str, ...], rng: np.random.Generator) -> list[tuple[str, ...]]:
    """All orders of the blocks, in groups of rotations: each group is a Latin square."""
    first, *rest = blocks
    bases = [(first, *others) for others in permutations(rest)]
    return [
        base[turn:] + base[:turn]
        for base in (bases[index] for index in rng.permutation(len(bases)))
        for turn in range(len(blocks))
    ]


def draw_trials(
    plan: Plan,
    real: list[str],
    generated: list[str],
    added: list[tuple[str, str]],
    removed: list[tuple[str, str]],
    seed: int,
) -> list[Trial]:
    """Every trial of every participant, in order.

    Args:
        plan: the numbers.
        real, generated: names of the images.
        added, removed: pairs of names, (before, after).
        seed: the same seed and names give the same trials.

    Raises:
        ValueError: fewer images than a participant needs.
    """
    add_count = plan.edit if not removed else 0 if not added else plan.edit // 2
    needs = (("real images", real, plan.images_needed), ("generated images", generated, plan.images_needed),
             ("add pairs", added, add_count), ("remove pairs", removed, plan.edit - add_count))  # fmt: skip
    for name, have, need in needs:
        if len(have) < need:
            raise ValueError(
                f"each participant sees {need} {name}, but there are {len(have)}: add images, or"
                " ask for fewer trials."
            )
    rng = np.random.default_rng(seed)
    decks = [Deck(cards, rng) for cards in (real, generated, added, removed)]
    orders = block_orders(plan.blocks, rng)
    repeats, checks = plan.spread(plan.repeats), plan.spread(plan.checks)
    trials = []
    for index in range(plan.participants):
        # Buttons change after a full round of orders, so that their order and the blocks' are not
        # confounded.
        swapped = bool(index // len(orders) % 2)
        hands = dict(zip(BLOCKS, _deal(plan, decks, add_count, rng), strict=True))
        sequence = []
        for block in orders[index % len(orders)]:
            sequence += _arrange(
                block, hands[block], repeats[block], checks[block], rng, len(sequence)
            )
        trials += [
            Trial(index + 1, position, *row, swapped) for position, row in enumerate(sequence)
        ]
    return trials


def _deal(
    plan: Plan, decks: list[Deck], add_count: int, rng: np.random.Generator
) -> tuple[list, list, list]:
    """One participant's trials of each block as (kind, a, b, answer), not yet in order."""
    real, generated, added, removed = decks
    reals, fakes = real.deal(plan.images_needed), generated.deal(plan.images_needed)
    half = plan.yesno // 2
    yesno = [("yesno", name, "", "real") for name in reals[:half]] + [
        ("yesno", name, "", "generated") for name in fakes[:half]
    ]
    pairs = [
        ("two", before, after) for before, after in zip(reals[half:], fakes[half:], strict=True)
    ]
    edits = [("add", *pair) for pair in added.deal(add_count)] + [
        ("remove", *pair) for pair in removed.deal(plan.edit - add_count)
    ]
    return yesno, _place(pairs, rng), _place(edits, rng)


def _place(
    pairs: list[tuple[str, str, str]], rng: np.random.Generator
) -> list[tuple[str, str, str, str]]:
    """Put the generated or edited image of (kind, before, after) on A and on B alternately: the
    sides balance within every kind."""
    start = int(rng.integers(2))
    return [
        (kind, after, before, "a") if (index + start) % 2 else (kind, before, after, "b")
        for index, (kind, before, after) in enumerate(pairs)
    ]


def _arrange(
    block: str, hand: list[tuple], repeats: int, checks: int, rng: np.random.Generator, start: int
) -> list[tuple]:
    """A block's rows (block, kind, a, b, answer, repeat_of) in order, repeats and checks included;
    it begins at position `start`."""
    hand = [hand[index] for index in rng.permutation(len(hand))]
    again = rng.choice(len(hand) // 3, size=repeats, replace=False) if repeats else []
    rows = [(trial, None) for trial in hand[len(hand) // 2 :]] + [
        (_exchange(hand[source]), hand[source]) for source in again
    ]
    rows = [(trial, None) for trial in hand[: len(hand) // 2]] + [
        rows[index] for index in rng.permutation(len(rows))
    ]
    offset = int(rng.integers(2))
    for number in range(checks):
        check = ("check", "", "", CHOICES[block][(number + offset) % 2])
        rows.insert(int(rng.integers(1, len(rows) + 1)), (check, None))
    place = {
        trial: position
        for position, (trial, source) in enumerate(rows, start)
        if source is None and trial[0] != "check"
    }
    return [(block, *trial, None if source is None else place[source]) for trial, source in rows]


def _exchange(trial: tuple[str, str, str, str]) -> tuple[str, str, str, str]:
    kind, a, b, answer = trial
    return trial if not b else (kind, b, a, {"a": "b", "b": "a"}[answer])
