"""The pixels decide whether an image was edited; else label and mask stay, as the record says."""

import pytest
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import v2

from synthderm import EczemaEdit
from synthderm.imaging.io import to_pil, to_tensor
from synthderm.transforms import functional
from tests.drawing import draw_skin
from tests.transforms.samples import SIZE, half_mask, tensor

BLUE = torch.tensor([0.1, 0.3, 0.9]).view(3, 1, 1)
LABELS = {"add": 5, "remove": 6}
BEFORE = 2  # the label that samples have
KINDS = {
    "PIL": lambda image: to_pil(image),
    "uint8": lambda image: (image * 255).to(torch.uint8),
    "uint16": lambda image: (image * 65535).to(torch.int32).to(torch.uint16),
    "float16": lambda image: image.half(),
    "float32": lambda image: image,
    "tv_tensors.Image": lambda image: tv_tensors.Image((image * 255).to(torch.uint8)),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_mode = pytest.mark.parametrize("mode", ["add", "remove", "toggle"])


def make(mode, editor, mask="given", **options) -> EczemaEdit:
    label = LABELS if mode == "toggle" else LABELS[mode]
    return EczemaEdit(
        mode, p=1, mask=mask, label=label, model=editor, return_record=True, **options
    )


def pixels(image) -> torch.Tensor:
    image = to_tensor(image) if isinstance(image, Image.Image) else torch.as_tensor(image)
    return image.to(torch.float64)


def is_untouched(edit, image, mask) -> bool:
    """Whether a sample comes back with its label and mask, by both entries; and then all of it."""
    sample = (image, tv_tensors.Mask(mask), BEFORE)
    torch.manual_seed(1)
    (new, new_mask, label), record = edit(sample)
    seen = [label == BEFORE]
    if label == BEFORE:
        assert new is image and new_mask is sample[1], "not the same objects"
        assert record["edited"] == record["severity"] == record["mask_area"] == []
        assert record["mode"] == "none" and record["masks"].shape == (0, 1, *mask.shape[-2:])
    else:
        assert not torch.equal(pixels(new), pixels(image)) and record["edited"] == [0]
    images = (to_tensor(image) if isinstance(image, Image.Image) else image)[None]
    torch.manual_seed(1)
    parts, record = edit.batch(images, mask[None], torch.tensor([BEFORE]))
    seen.append(parts[2].tolist() == [BEFORE])
    assert torch.equal(pixels(parts[0]), pixels(images)) == seen[1] == (not record["edited"])
    if seen[1]:
        assert torch.equal(parts[1], mask[None])
    assert seen[0] == seen[1]
    return seen[0]


@every_kind
@pytest.mark.parametrize(
    "case",
    ["no skin", "no mask", "severity 0", "mask off the skin", "too mild", "nothing found"],
)
def test_where_no_pixel_changes_label_and_mask_stay(editor, kind, case, monkeypatch):
    image, empty = KINDS[kind](draw_skin(*SIZE)), torch.zeros(1, *SIZE, dtype=torch.uint8)
    mask = torch.as_tensor(half_mask())
    if case == "no skin":
        assert is_untouched(make("add", editor, "random"), KINDS[kind](BLUE.expand(3, *SIZE)), mask)
    elif case == "no mask":
        assert is_untouched(make("add", editor), image, empty)
        assert is_untouched(make("remove", editor), image, empty)
    elif case == "severity 0":
        assert is_untouched(make("add", editor, "random", severity=0), image, mask)
        assert is_untouched(make("remove", editor, severity=0), image, mask)
    elif case == "mask off the skin":  # on black, of which light takes nothing away
        black = draw_skin(*SIZE)
        black[:, :, 30:] = 0
        mask = torch.zeros(1, *SIZE, dtype=torch.bool)
        mask[..., 40:] = True
        restored = make("remove", "eczema")
        assert is_untouched(restored, KINDS[kind](black), mask)
    elif case == "too mild":
        # Of float32 the slightest change is one.
        mild = make("add", "eczema", severity=1e-7)
        assert is_untouched(mild, image, mask) == (kind != "float32")
    else:
        found = torch.zeros(1, 1, *SIZE, dtype=torch.bool)
        monkeypatch.setattr(functional, "find_in_thumbnails", lambda *arguments: found)
        assert is_untouched(make("remove", editor, "predict"), image, mask)


@every_kind
@every_mode
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_edit_that_gives_the_same_pixels_is_none(editor, kind, mode, share, monkeypatch):
    monkeypatch.setattr(functional, "edit_eczema", lambda editor, images, *rest: images.clone())
    mask = torch.full((1, *SIZE), share).to(torch.uint8)
    for source in ("random", "given") if mode == "add" else ("given",):
        assert is_untouched(make(mode, editor, source), KINDS[kind](draw_skin(*SIZE)), mask)


@every_mode
@pytest.mark.parametrize("size", [(40, 56), (500, 700)])
def test_small_masks_and_images_without_colour(editor, mode, size):
    """Whatever comes out, pixels, label, mask and record agree."""
    dot = torch.zeros(1, *size, dtype=torch.bool)
    dot[..., -1, -1] = True  # smaller than a pixel of the grid
    for image in (draw_skin(*size), torch.zeros(3, *size), torch.ones(3, *size)):
        for kind in ("uint8", "float32"):
            is_untouched(make(mode, editor), KINDS[kind](image), dot)
            mild = {} if mode == "remove" else {"severity": 0.05}
            is_untouched(make(mode, "eczema", **mild), KINDS[kind](image), dot)


def test_crops_of_skin_and_a_drape():
    image = draw_skin(200, 200)
    image[:, :, 100:] = 0  # a black drape
    crop, edit = v2.RandomCrop(64), EczemaEdit(p=1, label=1)
    torch.manual_seed(0)
    labels = []
    for _ in range(30):
        before = crop(tv_tensors.Image((image * 255).to(torch.uint8)))
        after, mask, label = edit(before, tv_tensors.Mask(torch.zeros(1, 64, 64)), 0)
        is_changed = not torch.equal(before, after)
        assert label == is_changed == bool(mask.any())
        labels.append(label)
    assert 0 < sum(labels) < 30


@every_mode
def test_a_batch_has_edited_and_untouched_images(editor, mode):
    images = torch.stack([tensor()] * 6)
    images[::2] = 0  # black: removing takes nothing away from it
    masks = torch.as_tensor(half_mask(torch.bool)).repeat(6, 1, 1, 1)
    masks[5] = False
    torch.manual_seed(0)
    edit = make(mode, "eczema" if mode != "add" else editor)
    (new, new_masks, labels), record = edit.batch(images, masks, torch.full((6,), BEFORE))
    changed = (new != images).flatten(1).any(1)
    assert 0 < changed.sum() < 6
    assert torch.equal(labels != BEFORE, changed)
    assert record["edited"] == changed.nonzero()[:, 0].tolist()
    assert torch.equal(new_masks[~changed], masks[~changed])
    assert record["masks"].shape[0] == len(record["direction"]) == int(changed.sum())
    expected = [LABELS[direction] for direction in record["direction"]]
    assert labels[changed].tolist() == expected


def test_zero_and_minus_zero_are_the_same_pixel(editor, monkeypatch):
    def negate(editor, images, *rest):
        return torch.where(images == 0, -images, images)

    monkeypatch.setattr(functional, "edit_eczema", negate)
    image, mask = torch.zeros(3, *SIZE), torch.ones(1, *SIZE, dtype=torch.bool)
    assert is_untouched(make("add", editor), image, mask)


@every_kind
@pytest.mark.parametrize("level", [1.0, 0.6, 0.0])
def test_paper_gets_no_eczema_and_keeps_its_label(editor, kind, level):
    paper = torch.full((3, *SIZE), level)
    paper[2] *= 0.97  # in the light of a lamp
    assert is_untouched(make("add", editor, "random"), KINDS[kind](paper), half_mask())
    under_a_mask = torch.as_tensor(half_mask())
    if level:  # nothing is drawn darker than black
        assert not is_untouched(make("add", "eczema"), KINDS[kind](paper), under_a_mask)


def test_a_grey_scale_picture_is_edited_under_a_mask_alone():
    grey = draw_skin(*SIZE).mean(0, keepdim=True)
    functional.warn_of_grey.cache_clear()
    with pytest.warns(UserWarning, match="without colour"):
        edited = functional.add_eczema(grey, seed=0)
    assert torch.equal(edited.images, grey) and not edited.masks.any()
    mask = torch.as_tensor(half_mask(torch.bool))
    assert (functional.add_eczema(grey, mask, seed=0).images != grey).any()
