"""`EczemaEditA`: the edit as an Albumentations transform."""

from collections.abc import Callable
from typing import Any, Unpack

import albumentations as A
import numpy as np
import torch
from albumentations.core.type_definitions import Targets
from numpy.typing import NDArray
from torch import Tensor
from torchvision import tv_tensors

from synthderm.determinism import seeded
from synthderm.integrations.options import EditOptions
from synthderm.transforms.eczema_edit import EczemaEdit
from synthderm.transforms.edit_plan import EditPlan, new_labels, update_mask
from synthderm.transforms.labels import relabel
from synthderm.transforms.samples import warn_of_boxes

Array = NDArray[Any]
# What other transforms of Albumentations take, and this one would pass by.
UNKNOWN = {"images", "volume", "volumes", "mask3d", "masks3d"}


class EczemaEditA(A.DualTransform):
    """Add eczema to `image`, or remove it, with `mask`, `masks` and the label.

    Images are (H, W, 3) in RGB, (H, W) or (H, W, 1); uint8, or float32 in [0, 1]. So it goes before
    `Normalize`. Random numbers come from the transform's own state, which `Compose(seed=...)` sets.
    Boxes and key points stay as they are, with a warning.

    Args:
        label_key: of the class, an integer, that an edit sets to `label`: `transform(image=image,
            label=0)`.
        options: of `synthderm.EczemaEdit`.

    Raises:
        ValueError: no label where one is to be set; a mask with several channels; or an image that
            the edit was not drawn for, as in `ReplayCompose` or among additional targets.
    """

    _targets = (Targets.IMAGE, Targets.MASK, Targets.BBOXES, Targets.KEYPOINTS)

    def __init__(self, label_key: str = "label", **options: Unpack[EditOptions]) -> None:
        self.label_key, self.options, self.edit = label_key, options, EczemaEdit(**options)
        super().__init__(p=self.edit.p)
        self.edit.p = 1.0  # whether there is an edit, Albumentations draws

    @property
    def targets(self) -> dict[str, Callable[..., Any]]:
        found: dict[str, Callable[..., Any]] = {
            "image": self.apply,
            "mask": self.apply_to_mask,
            "masks": self.apply_to_masks,
            "bboxes": self.apply_to_bboxes,
            "keypoints": self.apply_to_keypoints,
        }
        return found | ({self.label_key: self.apply_to_label} if self.edit.labels else {})

    @property
    def targets_as_params(self) -> list[str]:
        return ["image", self.label_key] if self.edit.labels else ["image"]

    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        """Draw the edit and make it, since what is drawn depends on the image and its mask."""
        unknown = sorted(UNKNOWN & data.keys())
        if unknown:
            raise ValueError(f"EczemaEditA takes an image and its masks, no {unknown[0]!r}.")
        for label in self.edit.labels.values():
            relabel(data[self.label_key], {0: label}, 1)  # which refuses what is no label
        image = data["image"]
        planes = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
        items: list[Any] = [tv_tensors.Image(torch.from_numpy(planes.copy()))]
        if data.get("mask") is not None:
            items.append(tv_tensors.Mask(_to_mask(data["mask"], image.shape)))
        with seeded(self.py_random.getrandbits(62)):
            drawn = self.edit.make_params(items)
            (edited, *_), done = self.edit.edit_items(items, items[0], drawn)
        return {"before": image, "after": edited, "plans": done["plans"]}

    def apply(self, img: Array, before: Array, after: Tensor, **params: Any) -> Array:
        """The edited image."""
        if img is not before and not np.array_equal(img, before):
            raise ValueError(
                "the edit was drawn for another image: EczemaEditA edits 'image' alone, and can't"
                " be replayed on a second one."
            )
        planes = after.as_subclass(Tensor).numpy()
        return planes.transpose(1, 2, 0).reshape(img.shape)

    def apply_to_mask(self, mask: Array, plans: list[EditPlan], **params: Any) -> Array:
        """The mask, joined with what was added, or cleared of what was removed."""
        if not plans:
            return mask
        (plan, *_) = plans
        new = update_mask(_to_mask(mask, plan.masks.shape[-2:]), plans, 1)
        return new.numpy().reshape(mask.shape)

    def apply_to_masks(self, masks: Any, **params: Any) -> Any:
        """Each of several masks."""
        new = [self.apply_to_mask(mask, **params) for mask in masks]
        return np.stack(new) if isinstance(masks, np.ndarray) and new else new

    def apply_to_bboxes(self, bboxes: Array, plans: list[EditPlan], **params: Any) -> Array:
        if plans and len(bboxes):
            warn_of_boxes()
        return bboxes

    def apply_to_keypoints(self, keypoints: Array, **params: Any) -> Array:
        return keypoints

    def apply_to_label(self, label: Any, plans: list[EditPlan], **params: Any) -> Any:
        """The label of an edited image."""
        new = new_labels(plans, self.edit.labels)
        return relabel(label, new, 1) if new else label

    def get_transform_init_args(self) -> dict[str, Any]:
        """For `A.to_dict` and the text of a pipeline."""
        return {"label_key": self.label_key, **self.options}


def _to_mask(mask: Array, shape: tuple[int, ...]) -> Tensor:
    """A mask (H, W) or (H, W, 1) as a tensor (H, W)."""
    height, width = shape[:2]
    if mask.shape not in ((height, width), (height, width, 1)):
        raise ValueError(
            f"a mask has shape {mask.shape}; an image of {(height, width)} needs one channel and"
            " the same size."
        )
    return torch.from_numpy(mask.reshape(height, width).copy())
