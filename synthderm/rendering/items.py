"""Items that are rendered: made from their numbers alone, and encoded as the bytes of files."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from synthderm import __version__
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.imaging.io import encode_image, to_pil
from synthderm.imaging.provenance import Provenance, name_model, provenance_options

FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}  # and what Pillow calls them
BATCH = 16  # items that are made at once
# Of images and masks alike. PNG's usual 6 takes two to three times as long, for a tenth less.
COMPRESSION = {"png": {"compress_level": 1}}


class Item(NamedTuple):
    """An item that was made.

    Args:
        number: its index in the data set.
        label: index of its class.
        image: (3, H, W) uint8.
        mask: (1, H, W) bool.
        row: what the tables say of it, by column.
        origin: what its file says of where it comes from.
    """

    number: int
    label: int
    image: Tensor
    mask: Tensor
    row: dict[str, Any]
    origin: Provenance | None


class LeftOut(NamedTuple):
    """An item that can't be made, and why."""

    number: int
    reason: str


class Items(Protocol):
    """What can be rendered.

    Attributes:
        classes: their names.
        length: number of items.
        device: where they are made.
        columns: what `Item.row` has.
    """

    classes: list[str]
    length: int
    device: str
    columns: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """Everything that decides what the items are."""
        ...

    def make(self, numbers: Sequence[int]) -> Sequence[Item | LeftOut]:
        """These items, each from its own number alone."""
        ...


class GeneratedItems:
    """The items of a `SyntheticSkinDataset`, before any transform.

    Args:
        dataset: makes them.
        length: number of items; the data set's own where None. After its last item the labels begin
            anew, and the images go on, as `SyntheticSkinDataset.draw` has it.
    """

    columns: tuple[str, ...] = (
        "label",
        "severity",
        "skin_tone",
        "seed",
        "index",
        "model",
        "weights_hash",
    )

    def __init__(self, dataset: SyntheticSkinDataset, length: int | None = None) -> None:
        self.dataset, self.length = dataset, length or len(dataset)
        self.classes, self.device = dataset.classes, dataset.device

    def describe(self) -> dict[str, Any]:
        data = self.dataset
        severity, skin_tone = data.severity, data.skin_tone
        return {
            "source": data.source,
            "revision": data.revision,
            "weights": data.weights,
            "seed": data.seed,
            "length": self.length,
            "size": data.size,
            "classes": data.classes,
            "severity": None if severity is None else list(severity),
            "skin_tone": None if skin_tone is None else list(skin_tone),
            "truncation": data.truncation,
            "artifacts": data.artifacts,
            "reject_copies": None if data.reject_copies is None else repr(data.reject_copies),
            "targets": self._turn(),
            "synthderm": __version__,
        }

    def _turn(self) -> list[int]:
        """The labels of one turn, which begins anew until all items have one."""
        targets = self.dataset.targets[: self.length]
        turn = shortest_cycle(targets)
        # Cut off within a turn, the data set's own labels begin anew there.
        is_cut = len(targets) % len(turn) > 0 and self.length > len(targets)
        return targets if is_cut else turn

    def make(self, numbers: Sequence[int]) -> list[Item | LeftOut]:
        data = self.dataset
        made = data.sample(list(numbers))
        severity, skin_tone = made.severity or [], made.skin_tone or []
        model = name_model(data.source)
        items: list[Item | LeftOut] = []
        for k, number in enumerate(numbers):
            label = data.targets[number % len(data)]
            row = {
                "label": data.classes[label],
                "severity": round(severity[k], 4) if severity else None,
                "skin_tone": round(skin_tone[k], 2) if skin_tone else None,
                "seed": data.seed,
                "index": number,
                "model": data.source,
                "weights_hash": data.weights,
            }
            origin = Provenance("generated", model, data.weights, data.seed, number)
            items.append(Item(number, label, made.images[k], made.masks[k], row, origin))
        return items


def shortest_cycle(values: Sequence[int]) -> list[int]:
    """The shortest beginning that, repeated, gives all of them: labels in turn are stored as one
    turn. (The failure function of Knuth, Morris and Pratt, SIAM J. Comput. 1977.)"""
    border = array("q", bytes(8 * len(values)))
    for k in range(1, len(values)):
        length = border[k - 1]
        while length and values[k] != values[length]:
            length = border[length - 1]
        border[k] = length + (values[k] == values[length])
    return list(values[: len(values) - border[-1]]) if values else []


class Encoded(NamedTuple):
    """An item as bytes of files. Its mask, black and white, is None where none is wanted."""

    number: int
    label: int
    image: bytes
    mask: bytes | None
    row: dict[str, Any]


class Encoder(NamedTuple):
    """How items become bytes.

    Args:
        image: "png", "jpeg" or "webp".
        mask: "png" or "gif"; None leaves masks out.
    """

    image: str
    mask: str | None

    def encode(self, item: Item) -> Encoded:
        file_format = FORMATS[self.image]
        options: dict[str, Any] = dict(COMPRESSION.get(self.image, {}))
        if item.origin is not None:
            options |= provenance_options(item.origin, file_format)
        image = encode_image(to_pil(item.image), file_format, **options)
        mask = None
        if self.mask is not None:
            # Optimised, a GIF would hold a palette's indices, 0 and 1, and not 0 and 255.
            options = {"optimize": False} if self.mask == "gif" else COMPRESSION["png"]
            mask = encode_image(to_pil(item.mask), self.mask.upper(), **options)
        return Encoded(item.number, item.label, image, mask, item.row)


def encode_items(
    items: Items,
    numbers: Sequence[int],
    encoder: Encoder,
    *,
    batch: int = BATCH,
    threads: int = 0,
    report: Callable[[int], None] = lambda count: None,
) -> Iterator[Encoded | LeftOut]:
    """Make items and encode them, in order.

    Args:
        items: what is rendered.
        numbers: which ones.
        encoder: makes them bytes.
        batch: items that are made at once.
        threads: that encode while the next items are made. 0 makes and encodes by turns, which is
            as fast where each processor has a process of its own.
        report: is told how many items are ready, after each batch.
    """
    batches = [numbers[k : k + batch] for k in range(0, len(numbers), batch)]
    if threads == 0:
        for some in batches:
            for item in items.make(some):
                yield item if isinstance(item, LeftOut) else encoder.encode(item)
            report(len(some))
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: list[list[Future[Encoded] | LeftOut]] = []
        for some in batches:
            made = items.make(some)
            waiting.append(
                [x if isinstance(x, LeftOut) else pool.submit(encoder.encode, x) for x in made]
            )
            if len(waiting) > 2:  # so that memory does not grow where encoding is the slower part
                yield from _results(waiting.pop(0), report)
        for futures in waiting:
            yield from _results(futures, report)


def _results(
    futures: list[Future[Encoded] | LeftOut], report: Callable[[int], None]
) -> Iterator[Encoded | LeftOut]:
    for future in futures:
        yield future if isinstance(future, LeftOut) else future.result()
    report(len(futures))
