"""Published data sets, drawn small: read by their files, split by their groups."""

from pathlib import Path

import pytest

from synthderm import SkinFolder
from synthderm.datasets.folder import training_split
from synthderm.datasets.layouts import read_layout
from tests.datasets.published import LAYOUTS, ham10000, hands_11k, isic_2017, pad_ufes_20, scin
from tests.drawing import draw_folder


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_photograph_has_its_class_and_its_group(tmp_path, layout):
    truth = LAYOUTS[layout](tmp_path)
    data = SkinFolder(tmp_path)
    assert data.layout == layout
    assert layout in repr(data)
    assert data.classes == sorted({label for label, _ in truth.values()})
    read = {
        Path(path).stem: (data.classes[label], group)
        for (path, label), group in zip(data.samples, data.groups)
    }
    assert read == truth
    assert len(data) == len(truth)
    for index in (0, len(data) - 1):
        assert data[index][0].size == (6, 5)
    labels = [photograph.label for photograph in read_layout(tmp_path).photographs]
    assert labels == [data.classes[label] for label in data.targets]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_group_is_in_two_splits(tmp_path, layout):
    LAYOUTS[layout](tmp_path)
    data = SkinFolder(tmp_path)
    splits = {name: SkinFolder(tmp_path, split=name) for name in ("train", "val", "test")}
    assert sum(map(len, splits.values())) == len(data)
    assert all(part.classes == data.classes for part in splits.values())
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not set(splits[one].groups) & set(splits[other].groups) - {None}
        paths = [{path for path, _ in splits[name].samples} for name in (one, other)]
        assert not paths[0] & paths[1]
    assert training_split(tmp_path) == "train"


def test_official_splits_and_masks(tmp_path):
    isic = tmp_path / "isic"
    isic_2017(isic)
    splits = ("train", "val", "test")
    assert [len(SkinFolder(isic, split=name, return_mask=True)) for name in splits] == [5, 3, 4]
    image, mask, _ = SkinFolder(isic, split="val", return_mask=True)[0]
    assert mask.shape == (1, 5, 6)
    assert mask.all()
    assert image.size == (6, 5)
    (isic / "ISIC-2017_Validation_Part3_GroundTruth.csv").unlink()
    with pytest.raises(ValueError, match="no split 'val'; it has: 'test', 'train'"):
        SkinFolder(isic, split="val")
    ham10000(tmp_path / "ham")
    # A photograph without a mask is left out.
    assert len(SkinFolder(tmp_path / "ham", return_mask=True)) == 60
    pad_ufes_20(tmp_path / "pad")
    with pytest.raises(ValueError, match="names no masks"):
        SkinFolder(tmp_path / "pad", return_mask=True)


@pytest.mark.parametrize("table", ["HAM10000_metadata", "HAM10000_metadata.tab"])
def test_ham10000_as_dataverse_names_and_converts_its_table(tmp_path, table):
    truth = ham10000(tmp_path, table, masks=False)
    # As a widespread copy has it.
    (tmp_path / "HAM10000_images_part_1").rename(tmp_path / "ham10000_images_part_1")
    data = SkinFolder(tmp_path)
    assert data.layout == "HAM10000"
    assert len(data) == len(truth)


def test_copies_in_another_case_or_format_are_found(tmp_path):
    ham10000(tmp_path)
    photographs = sorted(tmp_path.glob("HAM10000_images_part_*/*.jpg"))
    photographs[0].rename(photographs[0].with_suffix(".JPG"))
    photographs[1].rename(photographs[1].with_suffix(".png"))
    assert len(SkinFolder(tmp_path)) == 80


def test_pad_ufes_20_is_told_from_our_own_metadata_by_its_columns(tmp_path):
    pad_ufes_20(tmp_path / "pad")
    draw_folder(tmp_path / "own", count=6)
    assert SkinFolder(tmp_path / "pad").layout == "PAD-UFES-20"
    assert SkinFolder(tmp_path / "own").layout == "metadata.csv"
    assert SkinFolder(tmp_path / "own" / "images").layout == "ImageFolder"
    tones = SkinFolder(tmp_path / "pad").tones
    assert tones[:4] == [{"fitzpatrick": 3}, {}, {"fitzpatrick": 2}, {}]
    (tmp_path / "pad" / "metadata.csv").write_text("img_id,patient_id\nx.png,PAT_1\n")
    expected = "metadata.csv has no column 'diagnostic'; it has: img_id, patient_id"
    with pytest.raises(ValueError, match=expected):
        SkinFolder(tmp_path / "pad")


def test_classes_are_kept_in_the_order_asked(tmp_path):
    truth = pad_ufes_20(tmp_path)
    data = SkinFolder(tmp_path, classes=["NEV", "ACK"])
    assert data.class_to_idx == {"NEV": 0, "ACK": 1}
    assert all(truth[Path(path).stem][0] == data.classes[label] for path, label in data.samples)
    assert len(data) == 40
    with pytest.raises(ValueError, match="PAD-UFES-20.* no class 'nevus'; it has: ACK, BCC, NEV"):
        SkinFolder(tmp_path, classes=["nevus"])


def remove(file: str):
    return lambda root: (root / file).unlink()


def replace(file: str, old: str, new: str):
    def change(root: Path) -> None:
        path = root / file
        path.write_text(path.read_text().replace(old, new))

    return change


TRAINING = "ISIC-2017_Training_Part3_GroundTruth.csv"
TEST = "ISIC-2017_Test_v2_Part3_GroundTruth.csv"
HAM_IMAGE = "HAM10000_images_part_1/ISIC_0000004.jpg"
HAM_TABLE = "HAM10000_metadata.csv"
CASES, LABELS = "dataset/scin_cases.csv", "dataset/scin_labels.csv"


@pytest.mark.parametrize(
    "build, spoil, error, message",
    [
        (ham10000, remove(HAM_IMAGE), FileNotFoundError, "ISIC_0000004.jpg, .*1 of 80"),
        (
            ham10000,
            replace(HAM_TABLE, "lesion_id", "lesion"),
            ValueError,
            "no column 'lesion_id'",
        ),
        (
            isic_2017,
            replace(TRAINING, "1.0,0.0", "1.0,1.0"),
            ValueError,
            "ISIC_0000001 is marked",
        ),
        (isic_2017, replace(TEST, "melanoma", "mel"), ValueError, "no column 'melanoma'"),
        (
            pad_ufes_20,
            replace("metadata.csv", "patient_id", "patient"),
            ValueError,
            "no column 'patient_id'",
        ),
        (
            hands_11k,
            remove("Hands/Hand_0000007.jpg"),
            FileNotFoundError,
            "HandInfo.csv names Hand_0000007.jpg",
        ),
        (scin, remove(LABELS), FileNotFoundError, "no .*scin_labels.csv"),
        (scin, replace(LABELS, "{}", "{Eczema"), ValueError, "case unlabelled has weighted"),
        (
            scin,
            replace(CASES, "image_3_path", "third"),
            ValueError,
            "no column 'image_3_path'",
        ),
    ],
)
def test_what_is_missing_is_named(tmp_path, build, spoil, error, message):
    build(tmp_path)
    spoil(tmp_path)
    with pytest.raises(error, match=message):
        SkinFolder(tmp_path)
