"""WebDataset's tar files: for each item `KEY.png`, `KEY.mask.png`, `KEY.cls` and `KEY.json`."""

import json
import tarfile
from collections.abc import Iterator
from io import BytesIO

from synthderm.datasets.rendered_names import SUFFIXES, item_key
from synthderm.rendering.items import Encoded
from synthderm.rendering.work import HashedFile


def fill_tar(encoding: str, file: HashedFile, items: Iterator[Encoded]) -> None:
    """Write items into a tar file. Its headers hold no time and no user, so the same items are the
    same bytes.

    Args:
        encoding: format of the images.
        file: to write to.
        items: in order.
    """
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
        for item in items:
            for suffix, data in _members(encoding, item):
                member = tarfile.TarInfo(f"{item_key(item.number)}{suffix}")
                member.size, member.mtime, member.mode = len(data), 0, 0o644
                tar.addfile(member, BytesIO(data))


def _members(encoding: str, item: Encoded) -> Iterator[tuple[str, bytes]]:
    yield SUFFIXES[encoding], item.image
    if item.mask is not None:
        yield ".mask.png", item.mask
    yield ".cls", str(item.label).encode("ascii")
    yield ".json", json.dumps(item.row).encode("ascii")
