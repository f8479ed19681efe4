"""Published data sets, drawn small with their true tables and folders.

Each function writes one and returns the truth: class and group of each photograph, by file stem.
"""

import csv
from pathlib import Path

from PIL import Image

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


Truth = dict[str, tuple[str, str | None]]


def write_table(path: Path, columns: str, rows: list[dict], delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns.split(), restval="", delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def draw(path: Path, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (6, 5), (200, 150, 130) if mode == "RGB" else 255).save(path)


def ham10000(root: Path, table: str = "HAM10000_metadata.csv", masks: bool = True) -> Truth:
    """80 photographs of 40 lesions."""
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
    # As the archive of masks unpacks: a folder within a folder.
    mask_folder = Path("HAM10000_segmentations_lesion_tschandl")
    mask_folder = root / mask_folder / mask_folder
    for k, row in enumerate(rows):
        draw(root / f"HAM10000_images_part_{1 + k % 2}" / f"{row['image_id']}.jpg")
        if masks and k % 4:
            draw(mask_folder / f"{row['image_id']}_segmentation.png", "L")
    return {row["image_id"]: (row["dx"], row["lesion_id"]) for row in rows}


def isic_2017(root: Path) -> Truth:
    classes = ("nevus", "melanoma", "seborrheic_keratosis")
    truth: Truth = {}
    for part, count in {"Training": 5, "Validation": 3, "Test_v2": 4}.items():
        rows = []
        folder = root / f"ISIC-2017_{part}_Data"
        truth_name = f"ISIC-2017_{part}_Part{{}}_GroundTruth"
        for _ in range(count):
            number = len(truth)
            name = f"ISIC_{number:07}"
            label = classes[number % 3]
            flags = {known: float(label == known) for known in classes[1:]}
            rows.append({"image_id": name, **flags})
            truth[name] = (label, None)
            draw(folder / f"{name}.jpg")
            draw(folder / f"{name}_superpixels.png")
            draw(root / truth_name.format(1) / f"{name}_segmentation.png", "L")
        columns = "image_id melanoma seborrheic_keratosis"
        write_table(root / f"{truth_name.format(3)}.csv", columns, rows)
    return truth


def one_hot(label: str, columns: str) -> dict[str, float]:
    """The columns of the classes, 1.0 in that of the label."""
    return {name: float(name == label) for name in columns.split()[1:]}


def isic_2018(root: Path) -> Truth:
    columns = "image MEL NV BCC AKIEC BKL DF VASC"
    truth: Truth = {}
    groupings = []
    for part, count in {"Training": 6, "Validation": 3, "Test": 4}.items():
        rows = []
        for _ in range(count):
            name = f"ISIC_{24306 + len(truth):07}"
            label = columns.split()[1 + len(truth) % 7]
            lesion = f"HAM_{len(truth) // 2:07}" if part == "Training" else None
            if lesion:
                groupings.append({"image": name, "lesion_id": lesion})
            rows.append({"image": name, **one_hot(label, columns)})
            truth[name] = (label, lesion)
            draw(root / f"ISIC2018_Task3_{part}_Input" / f"{name}.jpg")
        # As the archives unpack.
        folder = f"ISIC2018_Task3_{part}_GroundTruth"
        write_table(root / folder / f"{folder}.csv", columns, rows)
    table = root / "ISIC2018_Task3_Training_LesionGroupings.csv"
    write_table(table, "image lesion_id diagnosis_confirm_type", groupings)
    masks = root / "HAM10000_segmentations_lesion_tschandl"
    draw(masks / "ISIC_0024306_segmentation.png", "L")
    return truth


def isic_2019(root: Path, test: bool = False) -> Truth:
    """80 photographs, every fourth of no named lesion; and 9 to test on."""
    columns = "image MEL NV BCC AK BKL DF VASC SCC UNK"
    truth: Truth = {}
    rows, metadata = [], []
    for k in range(80):
        name = f"ISIC_{k:07}" + "_downsampled" * (k % 10 == 0)
        label = columns.split()[1 + k % 8]
        lesion = f"BCN_{k // 2:07}" if k % 4 else None
        rows.append({"image": name, **one_hot(label, columns)})
        metadata.append({"image": name, "lesion_id": lesion, "sex": "female"})
        truth[name] = (label, lesion)
        draw(root / "ISIC_2019_Training_Input" / "ISIC_2019_Training_Input" / f"{name}.jpg")
    write_table(root / "ISIC_2019_Training_GroundTruth.csv", columns, rows)
    more = "image age_approx anatom_site_general lesion_id sex"
    write_table(root / "ISIC_2019_Training_Metadata.csv", more, metadata)
    if test:
        names = [f"ISIC_{34321 + k:07}" for k in range(9)]
        labels = columns.split()[1:]
        rows = [{"image": n, **one_hot(label, columns)} for n, label in zip(names, labels)]
        scored = f"{columns} score_weight validation_weight"
        write_table(root / "ISIC_2019_Test_GroundTruth.csv", scored, rows)
        for name, label in zip(names, labels):
            draw(root / "ISIC_2019_Test_Input" / f"{name}.jpg")
            truth[name] = (label, None)
    return truth


def isic_2020(root: Path, table: str = "ISIC_2020_Training_GroundTruth_v2.csv") -> Truth:
    columns = (
        "image_name patient_id lesion_id sex age_approx anatom_site_general_challenge diagnosis"
        " benign_malignant target"
    )
    rows = [
        {
            "image_name": f"ISIC_{k:07}",
            "patient_id": f"IP_{k // 3:07}",
            "lesion_id": f"IL_{k:07}",
            "diagnosis": "unknown",
            "benign_malignant": ("benign", "malignant")[k % 2],
            "target": k % 2,
        }
        for k in range(60)
    ]
    write_table(root / table, columns, rows)
    for row in rows:
        draw(root / "train" / f"{row['image_name']}.jpg")
    draw(root / "test" / "ISIC_0052060.jpg")
    return {row["image_name"]: (row["benign_malignant"], row["patient_id"]) for row in rows}


def pad_ufes_20(root: Path) -> Truth:
    rows = []
    for k in range(60):
        patient = f"PAT_{k // 3}"
        row = {
            "patient_id": patient,
            "lesion_id": k // 2,
            "diagnostic": ("ACK", "BCC", "NEV")[k % 3],
            "fitspatrick": ("3.0", "", "2", "unknown")[k % 4],
            "img_id": f"{patient}_{k // 2}_{k:03}.png",
        }
        rows.append(row)
        draw(root / f"imgs_part_{1 + k % 3}" / row["img_id"])
    write_table(root / "metadata.csv", PAD_COLUMNS, rows)
    return {Path(row["img_id"]).stem: (row["diagnostic"], row["patient_id"]) for row in rows}


def hands_11k(root: Path) -> Truth:
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


def scin(root: Path) -> Truth:
    """40 clear cases with one to three photographs, then some that must be left out."""
    cases: list[dict] = []
    labels: list[dict] = []
    truth: Truth = {}
    tones = {
        "dermatologist_fitzpatrick_skin_type_label_1": "FST2",
        "dermatologist_fitzpatrick_skin_type_label_2": "FST5",
        "monk_skin_tone_label_india": "3",
        "monk_skin_tone_label_us": "4",
    }

    def add(case: str, photographs: list[str], weights: str, **more: str) -> None:
        row = {"case_id": case, "source": "SCIN", "release": "1.0.0"}
        for k, name in enumerate(photographs, start=1):
            row[f"image_{k}_path"] = f"dataset/images/{name}.png"
            draw(root / "dataset" / "images" / f"{name}.png")
        cases.append(row)
        labels.append({"case_id": case, "weighted_skin_condition_label": weights, **more})

    for k in range(40):
        names = [f"-{k}{part}" for part in range(1 + k % 3)]
        condition = ("Eczema", "Psoriasis")[k % 2]
        add(f"-{k}", names, f"{{'{condition}': 0.67, 'Tinea': 0.33}}", **tones)
        truth |= {name: (condition, f"-{k}") for name in names}
    add("tied", ["tied"], "{'Eczema': 0.5, 'Tinea': 0.5}")
    add("light", ["light"], "{'Eczema': 0.4, 'Tinea': 0.35, 'Acne': 0.25}")
    add("unlabelled", ["unlabelled"], "{}")
    # a, b and c hang together by two shared photographs, which themselves have no single label.
    add("a", ["a0", "ab"], "{'Eczema': 1.0}")
    add("b", ["ab", "bc", "b0"], "{'Tinea': 1.0}")
    add("c", ["bc", "c0"], "{'Eczema': 0.8, 'Acne': 0.2}")
    truth |= {"a0": ("Eczema", "a"), "b0": ("Tinea", "a"), "c0": ("Eczema", "a")}
    write_table(root / "dataset" / "scin_cases.csv", SCIN_CASES, cases)
    write_table(root / "dataset" / "scin_labels.csv", SCIN_LABELS, labels)
    return truth


LAYOUTS = {
    "HAM10000": ham10000,
    "ISIC 2017": isic_2017,
    "ISIC 2018": isic_2018,
    "ISIC 2019": isic_2019,
    "ISIC 2020": isic_2020,
    "PAD-UFES-20": pad_ufes_20,
    "SCIN": scin,
    "11k Hands": hands_11k,
}
