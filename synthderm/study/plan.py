"""What a study asks: kinds of question, possible answers, and the numbers of trials."""

from dataclasses import asdict, dataclass

BLOCKS = ("yesno", "two", "edit")
KINDS = ("yesno", "two", "add", "remove")
TRIALS = 20  # of a block, unless `study build` is told another number
CHOICES = {"yesno": ("real", "generated"), "two": ("a", "b"), "edit": ("a", "b")}


@dataclass(frozen=True)
class Plan:
    """How many trials each participant answers.

    Args:
        participants: number of places in the study.
        yesno: trials "real or generated?", an even number.
        two: trials "which one is generated?", an even number.
        edit: trials "which one was edited?", an even number; add and remove together.
        repeats: trials that come twice, spread over the blocks.
        checks: attention checks, spread over the blocks.

    Raises:
        ValueError: numbers that do not make a study.
    """

    participants: int = 200
    yesno: int = TRIALS
    two: int = TRIALS
    edit: int = 0
    repeats: int = 6
    checks: int = 6

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 0:
                raise ValueError(f"{name}={value}: a number of trials can't be negative.")
        for block in BLOCKS:
            if getattr(self, block) % 2:
                raise ValueError(
                    f"{block}={getattr(self, block)} is odd: take an even number, so that both"
                    " answers are right equally often."
                )
        if not self.blocks:
            raise ValueError("a study needs questions: set yesno, two or edit to a number above 0.")
        if not self.participants:
            raise ValueError("a study needs participants: participants=0.")
        for block, repeats in self.spread(self.repeats).items():
            most = getattr(self, block) // 3
            if repeats > most:
                raise ValueError(
                    f"repeats={self.repeats} puts {repeats} into block {block}, which has room for"
                    f" {most} (a third of its {getattr(self, block)} trials): ask for fewer repeats"
                    " or for more trials."
                )

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks that have trials, in the order of `BLOCKS`."""
        return tuple(block for block in BLOCKS if getattr(self, block))

    def spread(self, count: int) -> dict[str, int]:
        """`count` over the blocks, in whole numbers that differ by one at most."""
        each, left = divmod(count, len(self.blocks))
        return {block: each + (index < left) for index, block in enumerate(self.blocks)}

    @property
    def length(self) -> int:
        """Trials of one participant, with repeats and attention checks."""
        return self.yesno + self.two + self.edit + self.repeats + self.checks

    @property
    def images_needed(self) -> int:
        """Real images that one participant sees; as many generated ones are needed."""
        return self.yesno // 2 + self.two
