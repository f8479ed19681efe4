"""The arguments of `EczemaEdit` that transforms for other libraries hand on, for type checkers."""

from typing import Literal, TypedDict

from synthderm.arguments import Range
from synthderm.models.cache import Model
from synthderm.transforms.labels import Label


class EditOptions(TypedDict, total=False):
    """As `EczemaEdit` takes them. Where the label is, the other library says by its key."""

    mode: Literal["add", "remove", "toggle"]
    p: float
    severity: Range | None
    coverage: Range
    mask: Literal["random", "given", "predict"] | None
    model: Model
    label: Label | None
