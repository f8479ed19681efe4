"""The edit as a MONAI dictionary transform."""

import numpy as np
import pytest
import torch

pytest.importorskip("monai")
from monai.data import CacheDataset, DataLoader, MetaTensor  # noqa: E402
from monai.transforms import Compose, EnsureChannelFirstd, RandFlipd  # noqa: E402

from synthderm.integrations.monai import EczemaEditd  # noqa: E402


@pytest.fixture
def sample(image, mask) -> dict:
    """The mask first, as MetaTensors with a history."""
    affine = torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0], dtype=torch.float64))
    picture = MetaTensor(torch.from_numpy(image).permute(2, 0, 1) / 255, affine=affine)
    picture.meta["filename_or_obj"] = "a.png"
    region = MetaTensor(torch.from_numpy(mask)[None].float(), affine=affine)
    return {"mask": region, "image": picture, "class": 0, "age": 3}


def make(editor, **options):
    return EczemaEditd("image", "mask", **{"p": 1, "severity": 1.0, "model": editor} | options)


def test_images_masks_and_labels_are_edited_together(editor, sample):
    before = {key: sample[key].clone() for key in ("image", "mask")}
    edited = make(editor, label_key="class", label=1, mask="given")(sample)
    changed = (edited["image"] != before["image"]).any(0)
    assert changed.any() and not (changed & (before["mask"][0] == 0)).any()
    assert edited["class"] == 1 and edited["age"] == 3 and list(edited) == list(sample)
    assert all(torch.equal(sample[key], before[key]) for key in before) and sample["class"] == 0


@pytest.mark.parametrize("mode", ["add", "remove", "toggle"])
def test_masks_follow(editor, sample, mode):
    options = {"mask": None if mode == "add" else "given", "severity": None}
    new = make(editor, mode=mode, **options)(sample)["mask"]
    assert new.dtype == torch.float32 and new.shape == sample["mask"].shape
    grown = bool((new > sample["mask"]).any()) and not (new < sample["mask"]).any()
    assert grown if mode == "add" else new.sum() == 0


def test_meta_tensors_stay_with_all_they_carry(editor, sample):
    pipeline = Compose([RandFlipd(["image", "mask"], prob=1.0, spatial_axis=0), make(editor)])
    edited = pipeline(sample)
    for key in ("image", "mask"):
        assert type(edited[key]) is MetaTensor
        assert torch.equal(
            edited[key].affine, RandFlipd(key, prob=1.0, spatial_axis=0)(sample)[key].affine
        )
        assert [step["class"] for step in edited[key].applied_operations] == ["RandFlipd"]
    assert edited["image"].meta["filename_or_obj"] == "a.png"


@pytest.mark.parametrize("kind", [np.ndarray, torch.Tensor])
def test_arrays_and_tensors_stay_what_they_are(editor, sample, kind):
    for key in ("image", "mask"):
        plain = sample[key].as_tensor()
        sample[key] = plain.numpy() if kind is np.ndarray else plain
    edited = make(editor)(sample)
    for key in ("image", "mask"):
        assert type(edited[key]) is kind and edited[key].dtype == sample[key].dtype
        assert (edited[key] != sample[key]).any()


def test_random_numbers_are_monais(editor, sample):
    edit = make(editor, p=0.5)

    def run(global_seed):
        torch.manual_seed(global_seed)
        Compose([edit]).set_random_state(seed=7)
        return [edit(sample)["image"].as_tensor() for _ in range(6)], torch.rand(1)

    (first, one), (second, other) = run(0), run(1)
    assert all(torch.equal(a, b) for a, b in zip(first, second)) and one != other
    assert len({a.numpy().tobytes() for a in first}) > 2
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), one)  # the global ones are as without it


def test_the_edit_is_made_anew_in_each_epoch_of_a_cache(image, mask):
    rows = [{"mask": mask, "image": image, "class": 0}] * 2
    steps = [
        EnsureChannelFirstd("image", channel_dim=-1),
        EnsureChannelFirstd("mask", channel_dim="no_channel"),
        EczemaEditd("image", "mask", "class", p=1, label=1),
    ]
    data = CacheDataset(rows, Compose(steps).set_random_state(seed=0), progress=False)
    loader = DataLoader(data, batch_size=2, num_workers=1)
    first, second = (next(iter(loader)) for _ in range(2))
    assert first["class"].tolist() == [1, 1] and first["image"].shape == (2, 3, 48, 60)
    assert not torch.equal(first["image"], second["image"])
    assert not torch.equal(first["image"][0], first["image"][1])


def test_several_images_are_drawn_for_by_themselves(editor, sample):
    rows = {"left": sample["image"], "right": sample["image"], "region": sample["mask"]}
    edit = EczemaEditd(["left", "right"], (None, "region"), p=1, model=editor)
    edited = edit(rows)
    assert not torch.equal(edited["left"], edited["right"])
    assert not torch.equal(edited["region"], rows["region"])


def test_missing_keys(editor, sample):
    del sample["mask"]
    with pytest.raises(KeyError, match="no mask 'mask'"):
        make(editor)(sample)
    edited = make(editor, allow_missing_keys=True)(sample)
    assert not torch.equal(edited["image"], sample["image"])
    with pytest.raises(KeyError, match="image"):
        make(editor)({"mask": 0})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"label": 1}, "label=1 and label_key=None go together"),
        ({"label_key": "class"}, "label=None and label_key='class' go together"),
        ({"mode": "ad"}, "'ad' is none of"),
    ],
)
def test_bad_arguments_are_named(editor, options, says):
    with pytest.raises(ValueError, match=says):
        make(editor, **options)


def test_a_mask_that_was_not_named_is_refused(editor, sample):
    edit = EczemaEditd("image", p=1e-9, model=editor)
    with pytest.raises(ValueError, match=r"data\['mask'\] looks like a mask.*mask_key='mask'"):
        edit(sample)


def test_shapes_and_ranges_are_named(editor, sample):
    with pytest.raises(ValueError, match=r"\(3, 48, 60, 4\); EczemaEditd takes \(C, H, W\)"):
        make(editor)(sample | {"image": torch.rand(3, 48, 60, 4)})
    with pytest.raises(ValueError, match="divide by 255"):
        make(editor)(sample | {"image": sample["image"] * 255})
