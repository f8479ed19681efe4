"""An index of photographs that is ready to judge images."""

import os

from synthderm.audit.calibration import calibrate
from synthderm.audit.copy_index import CopyIndex
from synthderm.audit.features import LayerFeatures
from synthderm.audit.images import read_photographs


def index_photographs(
    root: str | os.PathLike[str],
    extractor: str = "timm:mobilenetv2_100",
    *,
    split: str | None = None,
    size: int = 128,
) -> CopyIndex:
    """A `CopyIndex` with its threshold, as `SyntheticSkinDataset(reject_copies=...)` takes it.

    Args:
        root: the photographs that a generator was trained on, as `SkinFolder` reads them.
        extractor: `timm:NAME`, with weights from the Hub, or `timm:NAME=FILE.safetensors`.
        split: keep this split alone; all where None.
        size: side in pixels at which images are compared.

    Raises:
        ValueError: too few photographs, or copies of these can't be told from chance.
    """
    photographs = read_photographs(root, split, size)
    index = CopyIndex(photographs.images, LayerFeatures(extractor), photographs.groups)
    calibration = calibrate(index, None)
    if not calibration.bites:
        raise ValueError(
            f"copies of the photographs of {photographs.place} can't be told from chance: of"
            f" {calibration.planted.total} planted ones {calibration.planted.found} are named."
        )
    index.threshold = calibration.threshold
    return index
