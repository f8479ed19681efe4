"""`EczemaEditd`: the edit as a MONAI dictionary transform."""

from collections.abc import Hashable, Mapping
from typing import Any, Unpack

from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable
from monai.utils import convert_to_dst_type, convert_to_tensor, ensure_tuple_rep
from torch import Tensor
from torchvision import tv_tensors

from synthderm.determinism import seeded
from synthderm.integrations.options import EditOptions
from synthderm.transforms.eczema_edit import EczemaEdit
from synthderm.transforms.samples import find_masks


class EczemaEditd(Randomizable, MapTransform):
    """Add eczema to the images of a dictionary, or remove it, with their masks and label.

    Images are (C, H, W) with 1, 3 or 4 channels, uint8 or float in [0, 1] (after `ScaleIntensityd`,
    before `NormalizeIntensityd`); MetaTensors, tensors or arrays, which come back as such, with all
    that MetaTensors carry. Random numbers come from `self.R`, as everywhere in MONAI.

    Args:
        keys: of the images. Each is drawn for by itself.
        mask_key: of the mask of each image, (1, H, W) or (H, W): one key, or as many as `keys`;
            None where there is no mask.
        label_key: of the class, an integer, that an edit sets to `label`.
        allow_missing_keys: pass over images and masks that a dictionary lacks.
        options: of `synthderm.EczemaEdit`.

    Raises:
        KeyError: an image or mask is missing.
        ValueError: a label without a key or a key without a label; an image or mask of another
            shape; or an item beside the image that looks like a mask.
    """

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: Hashable | tuple[Hashable | None, ...] = None,
        label_key: Hashable | None = None,
        allow_missing_keys: bool = False,
        **options: Unpack[EditOptions],
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.mask_keys = ensure_tuple_rep(mask_key, len(self.keys))
        self.label_key, self.edit = label_key, EczemaEdit(**options)
        if bool(self.edit.labels) != (label_key is not None):
            raise ValueError(
                f"label={options.get('label')!r} and label_key={label_key!r} go together: the class"
                " of edited images, and the key of the class."
            )
        self._seed = 0

    def randomize(self, data: Any = None) -> None:
        self._seed = int(self.R.randint(2**62, dtype="int64"))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        result = dict(data)
        for key, mask_key in self.key_iterator(result, self.mask_keys):
            self.randomize()
            self._edit(result, key, mask_key)
        return result

    def _edit(self, data: dict[Hashable, Any], key: Hashable, mask_key: Hashable | None) -> None:
        """Edit one image where it is, with its mask and the label."""
        names = [key]
        if mask_key in data:
            names.append(mask_key)
        elif mask_key is not None and not self.allow_missing_keys:
            raise KeyError(f"there is no mask {mask_key!r} in the data, which has {[*data]}.")
        parts: list[Any] = [convert_to_tensor(data[name], track_meta=False) for name in names]
        if parts[0].ndim != 3:
            raise ValueError(
                f"data[{key!r}] has shape {tuple(parts[0].shape)}; EczemaEditd takes (C, H, W)."
            )
        self._refuse_other_masks(data, parts[0])
        sample = [tv_tensors.Image(parts[0]), *map(tv_tensors.Mask, parts[1:])]
        if self.label_key is not None:
            sample.append(data[self.label_key])
        with seeded(self._seed):
            edited = self.edit(sample)
        if edited is sample:
            return
        for name, part in zip(names, edited):
            data[name] = convert_to_dst_type(part.as_subclass(Tensor), data[name])[0]
        if self.label_key is not None:
            data[self.label_key] = edited[-1]

    def _refuse_other_masks(self, data: dict[Hashable, Any], image: Any) -> None:
        """Refuse masks that were not named, and so would not be updated."""
        named = {*self.keys, *self.mask_keys, self.label_key}
        for name, item in data.items():
            if self.edit.p > 0 and name not in named and find_masks(image, [item]):
                raise ValueError(
                    f"data[{name!r}] looks like a mask, and would not be updated: give"
                    f" mask_key={name!r}, or edit before it is added."
                )
