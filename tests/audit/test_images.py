"""Images of several folders as one set."""

import re

import pytest
import torch

from synthderm.audit.copies import Compared, judge_copies
from synthderm.audit.copy_index import CopyIndex
from synthderm.audit.images import AuditImages, join, read_photographs
from tests.audit.photographs import draw, draw_folder, draw_set, open_files
from tests.drawing import draw_folder as draw_table


def make(place: str, count: int, classes: list[str], **options) -> AuditImages:
    labels = [k % len(classes) for k in range(count)]
    names = [f"{k}.png" for k in range(count)]
    return AuditImages(place, draw(count, seed=count), names, labels, classes, **options)


def test_classes_go_by_name_and_patients_by_folder():
    masks = torch.ones(3, 1, 64, 64, dtype=torch.bool)
    first = make("a", 3, ["nevus", "acne"], groups=["1", "2", None], masks=masks, sizes={(9, 9)})
    second = make("b", 2, ["hand", "nevus"], groups=["1", "1"], sizes={(9, 9), (8, 8)})
    both = join([first, second])
    names = [both.classes[label] for label in both.labels]
    assert names == ["nevus", "acne", "nevus", "hand", "nevus"]
    assert both.groups == ["a: 1", "a: 2", None, "b: 1", "b: 1"]
    assert both.names[3] == "b: 0.png" and both.origins.tolist() == [0, 0, 0, 1, 1]
    assert both.masks is None and both.describe()["sizes"] == 2
    assert torch.equal(both.images, torch.cat([first.images, second.images]))
    assert join([first]) is first and first.origins.tolist() == [0, 0, 0]


def test_files_of_several_sizes_are_squeezed_and_counted(tmp_path):
    folder = draw_folder(tmp_path / "mixed", 110, seed=1)
    for path, image in zip(sorted(folder.glob("*.png"))[:30], open_files(folder)):
        image.resize((40, 70)).save(path)
    (folder / "bad.png").write_bytes(b"no picture")  # one of 111 may be passed over
    with pytest.warns(UserWarning, match="passed over .*bad.png"):
        read = read_photographs(folder, None, 64)
    assert len(read) == 110 and read.images.shape[-2:] == (64, 64)
    assert read.describe()["sizes"] == 2 and "bad.png" in read.unreadable[0]
    (folder / "worse.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"2 of 112 files can't be read.*1%"):
        read_photographs(folder, None, 64)


def test_photographs_without_a_mask_take_none_from_the_others(tmp_path):
    data = draw_table(tmp_path / "data", count=24)
    table = (data / "metadata.csv").read_text()
    (data / "metadata.csv").write_text(table.replace("masks/3.png", ""))
    read = read_photographs(data, None, 32)
    is_marked = read.masks.flatten(1).any(1)
    assert [name for name, one in zip(read.names, is_marked) if not one] == ["images/3.png"]
    (data / "metadata.csv").write_text(re.sub(r"masks/\d+.png", "", table))
    assert read_photographs(data, None, 32).masks is None


def test_more_of_a_folder_on_one_side_brings_no_image_nearer(network, calibration):
    """Of `real` four times as many are like the samples as of the holdout."""
    plain = make("plain", 10, ["image"])
    plain.images[:] = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1) + 100
    real = join([draw_set(40, seed=1), plain])
    holdout = join([draw_set(10, seed=2), plain])
    index = CopyIndex(real.images, network)
    samples = draw_set(60, seed=3)
    layers, other = index.describe(samples.images), index.describe(holdout.images)
    compared = Compared(
        index.match(samples.images, layers),
        index.match(holdout.images, other),
        layers.upright,
        other.upright,
    )
    found = judge_copies(index, calibration, compared, samples, real, holdout)
    assert found.closer_to_real.low < 0.5 < found.closer_to_real.high
