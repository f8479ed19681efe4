"""The edit as an Albumentations transform."""

import warnings

import numpy as np
import pytest
import torch

A = pytest.importorskip("albumentations")
from synthderm.integrations.albumentations import EczemaEditA  # noqa: E402
from synthderm.transforms.samples import warn_of_boxes  # noqa: E402


def make(editor, **options):
    return EczemaEditA(**{"p": 1, "severity": 1.0, "model": editor} | options)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("grey", [None, (48, 60), (48, 60, 1)])
def test_images_keep_dtype_and_shape(editor, image, dtype, grey):
    picture = image if grey is None else image[..., 0].reshape(grey)
    picture = (picture / 255).astype(dtype) if dtype is np.float32 else picture
    before = picture.copy()
    edited = A.Compose([make(editor)])(image=picture)["image"]
    assert edited.dtype == dtype and edited.shape == picture.shape
    assert (edited != before).any() and (picture == before).all()


@pytest.mark.parametrize("channel", [False, True])
def test_image_mask_and_label_are_edited_together(editor, image, mask, channel):
    region = mask[..., None] if channel else mask
    edited = A.Compose([make(editor, mask="given", label=1)])(image=image, mask=region, label=0)
    changed = (edited["image"] != image).any(-1)
    assert changed.any() and not (changed & (mask == 0)).any()
    assert edited["label"] == 1 and (edited["mask"] == region).all()
    grown = make(editor, coverage=0.5)(image=image, mask=region * 255)["mask"]
    assert grown.shape == region.shape and grown.dtype == np.uint8
    assert set(np.unique(grown)) == {0, 255} and (grown[region != 0] == 255).all()
    assert grown.sum() > 255 * region.sum()
    cleared = make(editor, mode="remove", severity=None, mask="given")(image=image, mask=region)
    assert cleared["mask"].sum() == 0 and (cleared["image"] != image).any()


def test_every_mask_follows(editor, image, mask):
    empty = np.zeros_like(mask)
    pipeline = A.Compose([make(editor)], additional_targets={"other": "mask"})
    for masks in ([empty, mask], np.stack([empty, mask])):
        edited = pipeline(image=image, mask=empty, masks=masks, other=empty)
        new = edited["mask"]
        assert new.any() and (edited["other"] == new).all()
        assert (edited["masks"][0] == new).all() and type(edited["masks"]) is type(masks)
        assert ((edited["masks"][1] != 0) == ((new != 0) | (mask != 0))).all()


def test_random_numbers_are_the_transforms_own(editor, image):
    def run(global_seed):
        torch.manual_seed(global_seed)
        pipeline = A.Compose([A.HorizontalFlip(), make(editor, p=0.5)], seed=5)
        return [pipeline(image=image)["image"] for _ in range(8)], torch.rand(1)

    (first, one), (second, other) = run(0), run(1)
    assert all((a == b).all() for a, b in zip(first, second)) and one != other
    assert len({a.tobytes() for a in first}) > 2
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), one)  # the global ones are as without it


def test_what_is_not_edited_keeps_its_label(editor, image, mask):
    blue = np.zeros_like(image)
    blue[..., 2] = 200  # no skin
    for edit, picture in ((make(editor, p=0, label=1), image), (make(editor, label=1), blue)):
        edited = edit(image=picture, mask=mask, label=0)
        assert (edited["image"] == picture).all() and (edited["mask"] == mask).all()
        assert edited["label"] == 0


def test_boxes_stay_with_a_warning(editor, image):
    warn_of_boxes.cache_clear()
    pipeline = A.Compose(
        [make(editor)],
        bbox_params=A.BboxParams("pascal_voc", label_fields=["names"]),
        keypoint_params=A.KeypointParams("xy"),
    )
    with pytest.warns(UserWarning, match="bounding boxes") as caught:
        edited = pipeline(image=image, bboxes=[[1, 2, 9, 9]], names=["a"], keypoints=[[3, 4]])
    assert caught[0].filename == __file__
    assert np.allclose(edited["bboxes"], [[1, 2, 9, 9]]) and edited["names"] == ["a"]
    assert np.allclose(edited["keypoints"], [[3, 4]])


def test_text_and_dictionaries_of_a_pipeline():
    edit = EczemaEditA(p=0.25, severity=0.5, label=1, label_key="class")
    assert "severity=0.5" in repr(edit) and "p=0.25" in repr(edit)
    again = A.from_dict(A.to_dict(A.Compose([edit])))
    assert repr(again[0]) == repr(edit) and again[0].p == 0.25


def test_one_of_and_strict(editor, image):
    pipeline = A.Compose([A.OneOf([make(editor, p=0.1, label=1)], p=1)], strict=True)
    assert pipeline(image=image, label=0)["label"] == 1


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({}, "label"),
        ({"label": "eczema"}, "not an integer"),
        ({"label": 0, "mask": np.zeros((48, 60, 2), np.uint8)}, "one channel"),
        ({"label": 0, "masks": [np.zeros((8, 8), np.uint8)]}, "needs one channel and the same"),
        ({"label": 0, "images": np.zeros((2, 48, 60, 3), np.uint8)}, "no 'images'"),
    ],
)
def test_bad_samples_are_named(editor, image, extra, says):
    with pytest.raises(ValueError, match=says):
        make(editor, label=1)(image=image, **extra)


def test_a_second_image_is_refused(editor, image):
    pipeline = A.Compose([make(editor)], additional_targets={"image2": "image"})
    with pytest.raises(ValueError, match="drawn for another image"):
        pipeline(image=image, image2=image[::-1].copy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Albumentations says that it may not work
        replay = A.ReplayCompose([EczemaEditA(p=1)])(image=image)["replay"]
        with pytest.raises(ValueError, match="can't be replayed"):
            A.ReplayCompose.replay(replay, image=image[::-1].copy())


@pytest.mark.parametrize("options", [{"mode": "ad"}, {"severity": 2}, {"label": "eczema"}])
def test_bad_arguments_are_named(options):
    with pytest.raises(ValueError, match="is none of|must"):
        EczemaEditA(**options)


class Photographs(torch.utils.data.Dataset):
    def __init__(self, transform, image):
        self.transform, self.image = transform, image

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.transform(image=self.image)["image"]


def seed_worker(worker):
    pipeline = torch.utils.data.get_worker_info().dataset.transform
    pipeline.set_random_seed(torch.initial_seed() % 2**32)


def test_workers_and_epochs_differ_with_the_line_of_the_page(image):
    data = Photographs(A.Compose([EczemaEditA(p=1)]), image)
    loader = torch.utils.data.DataLoader(data, num_workers=2, worker_init_fn=seed_worker)
    drawn = [edited.numpy().tobytes() for _ in range(2) for edited in loader]
    assert len(set(drawn)) == 8
