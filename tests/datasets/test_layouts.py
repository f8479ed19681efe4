"""Published collections, drawn small with their true tables and folders: read by their files, split
by their groups."""

import csv
import warnings
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from synthderm import SkinFolder
from synthderm.datasets.folder import training_split
from synthderm.datasets.layouts import hash_split, read_rows
from tests.drawing import draw_folder

PAD_COLUMNS = (
    "patient_id lesion_id smoke drink background_father background_mother age pesticide gender"
    " skin_cancer_history cancer_history has_piped_water has_sewage_system fitspatrick region"
    " diameter_1 diameter_2 diagnostic itch grew hurt changed bleed elevation img_id biopsed"
)
SCIN_CASES = (
    "case_id source release year age_group sex_at_birth fitzpatrick_skin_type"
    " race_ethnicity_american_indian_or_alaska_native race_ethnicity_asian"
    " race_ethnicity_black_or_african_american race_ethnicity_hispanic_latino_or_spanish_origin"
    " race_ethnicity_middle_eastern_or_north_african"
    " race_ethnicity_native_hawaiian_or_pacific_islander race_ethnicity_white"
    " race_ethnicity_other_race race_ethnicity_prefer_not_to_answer textures_raised_or_bumpy"
    " textures_flat textures_rough_or_flaky textures_fluid_filled body_parts_head_or_neck"
    " body_parts_arm body_parts_palm body_parts_back_of_hand body_parts_torso_front"
    " body_parts_torso_back body_parts_genitalia_or_groin body_parts_buttocks body_parts_leg"
    " body_parts_foot_top_or_side body_parts_foot_sole body_parts_other"
    " condition_symptoms_bothersome_appearance condition_symptoms_bleeding"
    " condition_symptoms_increasing_size condition_symptoms_darkening condition_symptoms_itching"
    " condition_symptoms_burning condition_symptoms_pain condition_symptoms_no_relevant_experience"
    " other_symptoms_fever other_symptoms_chills other_symptoms_fatigue other_symptoms_joint_pain"
    " other_symptoms_mouth_sores other_symptoms_shortness_of_breath"
    " other_symptoms_no_relevant_symptoms related_category condition_duration image_1_path"
    " image_2_path image_3_path image_1_shot_type image_2_shot_type image_3_shot_type combined_race"
    " race_ethnicity_two_or_more_after_mitigation"
)
SCIN_LABELS = (
    "case_id dermatologist_gradable_for_skin_condition_1"
    " dermatologist_gradable_for_skin_condition_2 dermatologist_gradable_for_skin_condition_3"
    " dermatologist_skin_condition_on_label_name dermatologist_skin_condition_confidence"
    " weighted_skin_condition_label dermatologist_gradable_for_fitzpatrick_skin_type_1"
    " dermatologist_gradable_for_fitzpatrick_skin_type_2"
    " dermatologist_gradable_for_fitzpatrick_skin_type_3"
    " dermatologist_fitzpatrick_skin_type_label_1 dermatologist_fitzpatrick_skin_type_label_2"
    " dermatologist_fitzpatrick_skin_type_label_3 gradable_for_monk_skin_tone_india"
    " gradable_for_monk_skin_tone_us monk_skin_tone_label_india monk_skin_tone_label_us"
)


def write_table(path: Path, columns: str, rows: list[dict], delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns.split(), restval="", delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def draw(path: Path, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (6, 5), (200, 150, 130) if mode == "RGB" else 255).save(path)


def ham10000(
    root: Path, table: str = "HAM10000_metadata.csv", masks: bool = True
) -> dict[str, tuple[str, str]]:
    """80 photographs of 40 lesions; the class and the group of each file."""
    columns = "lesion_id image_id dx dx_type age sex localization dataset"
    rows = [
        {
            "lesion_id": f"HAM_{k // 2:07}",
            "image_id": f"ISIC_{k:07}",
            "dx": ("nv", "mel", "bkl", "df")[k // 2 % 4],
            "dx_type": "histo",
            "dataset": "rosendahl",
        }
        for k in range(80)
    ]
    write_table(root / table, columns, rows, "\t" if table.endswith(".tab") else ",")
    for k, row in enumerate(rows):
        draw(root / f"HAM10000_images_part_{1 + k % 2}" / f"{row['image_id']}.jpg")
        if masks and k % 4:
            # As the archive of masks unpacks: a folder within a folder.
            draw(
                root
                / "HAM10000_segmentations_lesion_tschandl"
                / "HAM10000_segmentations_lesion_tschandl"
                / f"{row['image_id']}_segmentation.png",
                "L",
            )
    return {row["image_id"]: (row["dx"], row["lesion_id"]) for row in rows}


def isic_2017(root: Path) -> dict[str, tuple[str, None]]:
    found, number = {}, 0
    for part, count in {"Training": 5, "Validation": 3, "Test_v2": 4}.items():
        rows = []
        for _ in range(count):
            name = f"ISIC_{number:07}"
            rows.append(
                {
                    "image_id": name,
                    "melanoma": float(number % 3 == 1),
                    "seborrheic_keratosis": float(number % 3 == 2),
                }
            )
            found[name] = (("nevus", "melanoma", "seborrheic_keratosis")[number % 3], None)
            draw(root / f"ISIC-2017_{part}_Data" / f"{name}.jpg")
            draw(root / f"ISIC-2017_{part}_Data" / f"{name}_superpixels.png")
            draw(root / f"ISIC-2017_{part}_Part1_GroundTruth" / f"{name}_segmentation.png", "L")
            number += 1
        write_table(
            root / f"ISIC-2017_{part}_Part3_GroundTruth.csv",
            "image_id melanoma seborrheic_keratosis",
            rows,
        )
    return found


def pad_ufes_20(root: Path) -> dict[str, tuple[str, str]]:
    rows = []
    for k in range(60):
        patient = f"PAT_{k // 3}"
        rows.append(
            {
                "patient_id": patient,
                "lesion_id": k // 2,
                "diagnostic": ("ACK", "BCC", "NEV")[k % 3],
                "fitspatrick": ("3.0", "", "2", "unknown")[k % 4],
            }
        )
        rows[-1]["img_id"] = f"{patient}_{k // 2}_{k:03}.png"
        draw(root / f"imgs_part_{1 + k % 3}" / rows[-1]["img_id"])
    write_table(root / "metadata.csv", PAD_COLUMNS, rows)
    return {Path(row["img_id"]).stem: (row["diagnostic"], row["patient_id"]) for row in rows}


def hands_11k(root: Path) -> dict[str, tuple[str, str]]:
    columns = "id age gender skinColor accessories nailPolish aspectOfHand imageName irregularities"
    rows = [
        {
            "id": f"{k // 2:07}",
            "skinColor": "fair",
            "aspectOfHand": ("dorsal right", "palmar left")[k // 3 % 2],
            "imageName": f"Hand_{k:07}.jpg",
        }
        for k in range(80)
    ]
    write_table(root / "HandInfo.csv", columns, rows)
    for row in rows:
        draw(root / "Hands" / row["imageName"])
    return {Path(row["imageName"]).stem: (row["aspectOfHand"], row["id"]) for row in rows}


def scin(root: Path) -> dict[str, tuple[str, str]]:
    """40 clear cases with one to three photographs, and below them some that must be left out."""
    cases, labels, found = [], [], {}

    def add(case: str, photographs: list[str], weights: str, **more) -> None:
        case_row = {"case_id": case, "source": "SCIN", "release": "1.0.0"}
        for k, name in enumerate(photographs, start=1):
            case_row[f"image_{k}_path"] = f"dataset/images/{name}.png"
            draw(root / "dataset" / "images" / f"{name}.png")
        cases.append(case_row)
        labels.append({"case_id": case, "weighted_skin_condition_label": weights, **more})

    for k in range(40):
        names = [f"-{k}{part}" for part in range(1 + k % 3)]
        condition = ("Eczema", "Psoriasis")[k % 2]
        add(f"-{k}", names, f"{{'{condition}': 0.67, 'Tinea': 0.33}}", dermatologist_fitzpatrick_skin_type_label_1="FST2",
            dermatologist_fitzpatrick_skin_type_label_2="FST5", monk_skin_tone_label_india="3", monk_skin_tone_label_us="4")  # fmt: skip
        found |= {name: (condition, f"-{k}") for name in names}
    add("tied", ["tied"], "{'Eczema': 0.5, 'Tinea': 0.5}")
    add("light", ["light"], "{'Eczema': 0.4, 'Tinea': 0.35, 'Acne': 0.25}")
    add("unlabelled", ["unlabelled"], "{}")
    # a, b and c hang together by two shared photographs, which themselves have no single label.
    add("a", ["a0", "ab"], "{'Eczema': 1.0}")
    add("b", ["ab", "bc", "b0"], "{'Tinea': 1.0}")
    add("c", ["bc", "c0"], "{'Eczema': 0.8, 'Acne': 0.2}")
    found |= {"a0": ("Eczema", "a"), "b0": ("Tinea", "a"), "c0": ("Eczema", "a")}
    write_table(root / "dataset" / "scin_cases.csv", SCIN_CASES, cases)
    write_table(root / "dataset" / "scin_labels.csv", SCIN_LABELS, labels)
    return found


LAYOUTS = {
    "HAM10000": ham10000,
    "ISIC 2017": isic_2017,
    "PAD-UFES-20": pad_ufes_20,
    "SCIN": scin,
    "11k Hands": hands_11k,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_row_has_its_class_and_no_group_is_in_two_splits(tmp_path, layout):
    truth = LAYOUTS[layout](tmp_path)
    data = SkinFolder(tmp_path)
    assert (
        data.layout == layout
        and layout in repr(data)
        and data.classes == sorted({label for label, _ in truth.values()})
    )
    assert {
        path.stem: (data.classes[label], group)
        for (path, _, label), group in zip(data.samples, data.groups)
    } == truth
    assert len(data) == len(truth) and all(
        data[index][0].size == (6, 5) for index in (0, len(data) - 1)
    )
    splits = {name: SkinFolder(tmp_path, split=name) for name in ("train", "val", "test")}
    assert sum(map(len, splits.values())) == len(data) and all(
        part.classes == data.classes for part in splits.values()
    )
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not set(splits[one].groups) & set(splits[other].groups) - {None}
        assert not {path for path, *_ in splits[one].samples} & {
            path for path, *_ in splits[other].samples
        }
    assert training_split(tmp_path) == "train" and [
        row.label for row in read_rows(tmp_path)[1]
    ] == [data.classes[label] for label in data.targets]


def test_groups_are_split_by_hash_in_the_shares_promised():
    shares = Counter(hash_split(f"HAM_{k:07}") for k in range(4000))
    assert abs(shares["train"] / 4000 - 0.70) < 0.03 and abs(shares["val"] / 4000 - 0.15) < 0.03
    # Written down, so that no later change moves anyone from one split to another.
    assert {group: hash_split(group) for group in ("0000000", "PAT_8", "PAT_3")} == {
        "0000000": "train",
        "PAT_8": "val",
        "PAT_3": "test",
    }


def test_official_splits_and_masks(tmp_path):
    isic_2017(tmp_path / "isic")
    assert [
        len(SkinFolder(tmp_path / "isic", split=name, return_mask=True))
        for name in ("train", "val", "test")
    ] == [5, 3, 4]
    image, mask, _ = SkinFolder(tmp_path / "isic", split="val", return_mask=True)[0]
    assert mask.shape == (1, 5, 6) and mask.all() and image.size == (6, 5)
    (tmp_path / "isic" / "ISIC-2017_Validation_Part3_GroundTruth.csv").unlink()
    with pytest.raises(ValueError, match="no split 'val'; it has: 'test', 'train'"):
        SkinFolder(tmp_path / "isic", split="val")
    ham10000(tmp_path / "ham")
    assert (
        len(SkinFolder(tmp_path / "ham", return_mask=True)) == 60
    )  # a photograph without a mask is left out
    pad_ufes_20(tmp_path / "pad")
    with pytest.raises(ValueError, match="names no masks"):
        SkinFolder(tmp_path / "pad", return_mask=True)


@pytest.mark.parametrize("table", ["HAM10000_metadata", "HAM10000_metadata.tab"])
def test_ham10000_as_dataverse_names_and_converts_its_table(tmp_path, table):
    truth = ham10000(tmp_path, table, masks=False)
    (tmp_path / "HAM10000_images_part_1").rename(
        tmp_path / "ham10000_images_part_1"
    )  # as a widespread copy has it
    data = SkinFolder(tmp_path)
    assert data.layout == "HAM10000" and len(data) == len(truth)


def test_pad_ufes_20_is_told_from_our_own_metadata_by_its_columns(tmp_path):
    pad_ufes_20(tmp_path / "pad")
    draw_folder(tmp_path / "own", count=6)
    assert (
        SkinFolder(tmp_path / "pad").layout == "PAD-UFES-20"
        and SkinFolder(tmp_path / "own").layout == "metadata.csv"
    )
    assert SkinFolder(tmp_path / "own" / "images").layout == "ImageFolder"
    tones = SkinFolder(tmp_path / "pad").tones
    assert tones[:4] == [{"fitzpatrick": 3}, {}, {"fitzpatrick": 2}, {}]
    (tmp_path / "pad" / "metadata.csv").write_text("img_id,patient_id\nx.png,PAT_1\n")
    with pytest.raises(
        ValueError, match="metadata.csv has no column 'diagnostic'; it has: img_id, patient_id"
    ):
        SkinFolder(tmp_path / "pad")


def test_scin_tones_weights_and_photographs_that_were_not_fetched(tmp_path):
    truth = scin(tmp_path)
    data = SkinFolder(tmp_path)
    assert (
        data.tones[0] == {"fitzpatrick": 2, "monk": 3.5}
        and data.tones[data.groups.index("a")] == {}
    )
    assert SkinFolder(tmp_path / "dataset").samples == data.samples
    added = {path.stem for path, *_ in SkinFolder(tmp_path, min_weight=0).samples} - set(truth)
    assert added == {"light"}  # a tie stays undecided at any weight
    assert set(SkinFolder(tmp_path, min_weight=0.9).classes) == {"Eczema", "Tinea"}
    eczema = SkinFolder(tmp_path, classes="Eczema")
    assert (
        eczema.classes == ["Eczema"]
        and set(eczema.targets) == {0}
        and len(eczema) == sum(label == "Eczema" for label, _ in truth.values())
    )
    (tmp_path / "dataset" / "images" / "a0.png").unlink()
    with pytest.warns(UserWarning, match=f"1 of {len(truth)} SCIN photographs"):
        assert len(SkinFolder(tmp_path)) == len(truth) - 1
    for path in (tmp_path / "dataset" / "images").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="holds none of the"):
        SkinFolder(tmp_path)


def test_complete_folders_do_not_warn(tmp_path):
    scin(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SkinFolder(tmp_path)


def test_classes_are_kept_in_the_order_asked(tmp_path):
    truth = pad_ufes_20(tmp_path)
    data = SkinFolder(tmp_path, classes=["NEV", "ACK"])
    assert data.class_to_idx == {"NEV": 0, "ACK": 1}
    assert (
        all(truth[path.stem][0] == data.classes[label] for path, _, label in data.samples)
        and len(data) == 40
    )
    with pytest.raises(ValueError, match="PAD-UFES-20.* no class 'nevus'; it has: ACK, BCC, NEV"):
        SkinFolder(tmp_path, classes=["nevus"])


def replace_in(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("build", "spoil", "error", "says"),
    [
        (ham10000, lambda root: (root / "HAM10000_images_part_1" / "ISIC_0000004.jpg").unlink(), FileNotFoundError, "ISIC_0000004.jpg, .*1 of 80"),
        (ham10000, lambda root: replace_in(root / "HAM10000_metadata.csv", "lesion_id", "lesion"), ValueError, "no column 'lesion_id'"),
        (isic_2017, lambda root: replace_in(root / "ISIC-2017_Training_Part3_GroundTruth.csv", "1.0,0.0", "1.0,1.0"), ValueError, "ISIC_0000001 is marked"),
        (isic_2017, lambda root: replace_in(root / "ISIC-2017_Test_v2_Part3_GroundTruth.csv", "melanoma", "mel"), ValueError, "no column 'melanoma'"),
        (pad_ufes_20, lambda root: replace_in(root / "metadata.csv", "patient_id", "patient"), ValueError, "no column 'patient_id'"),
        (hands_11k, lambda root: (root / "Hands" / "Hand_0000007.jpg").unlink(), FileNotFoundError, "HandInfo.csv names Hand_0000007.jpg"),
        (scin, lambda root: (root / "dataset" / "scin_labels.csv").unlink(), FileNotFoundError, "no .*scin_labels.csv"),
        (scin, lambda root: replace_in(root / "dataset" / "scin_labels.csv", "{}", "{Eczema"), ValueError, "case unlabelled has weighted"),
        (scin, lambda root: replace_in(root / "dataset" / "scin_cases.csv", "image_3_path", "third"), ValueError, "no column 'image_3_path'"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(tmp_path, build, spoil, error, says):
    build(tmp_path)
    spoil(tmp_path)
    with pytest.raises(error, match=says):
        SkinFolder(tmp_path)


def test_min_weight_is_for_scin(tmp_path):
    hands_11k(tmp_path / "hands")
    with pytest.raises(ValueError, match="read as 11k Hands: leave it out"):
        SkinFolder(tmp_path / "hands", min_weight=0.5)
    scin(tmp_path / "scin")
    with pytest.raises(ValueError, match="min_weight=2: weights are in"):
        SkinFolder(tmp_path / "scin", min_weight=2)
