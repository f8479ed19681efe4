"""What the names of files and folders say: masks, splits, folders of photographs of every class."""

import re
import unicodedata
from functools import lru_cache
from pathlib import PurePath

# The names of splits that are taken, in any case.
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
# Names that are likely meant as splits, without what stands between words.
LIKE_SPLITS = re.compile(
    r"k?fold(er)?s?\d+|k?folds?|splits?\d*|cv\d+|trn|tst|dev|devel|eval|evaluation|holdout"
    r"|(train(ing)?s?|val|valid|validations?|validierungs?|test(ing)?s?|dev|eval)"
    r"(set|split|data|dataset|daten|datensatz|fold|images?|imgs?|bilder|photos?|\d)+"
    r"|validierung|entrainement|apprentissage|entrenamiento|validacion|prueba|treino|teste"
)
LIKE_GROUPS = re.compile(r"(patient|pat|pid|case|subject|subj|person|lesion)[ _-]?\d+", re.I)
# Words without their plural's s.
MASK_WORDS = {
    *("mask", "maske", "masken", "masque", "mascara", "segmentation", "segmentierung", "seg"),
    *("segm", "segmask", "gt", "groundtruth", "annotation", "superpixel", "lesionmask"),
}
WHOLE = (["label"], ["target"], ["ann"], ["anno"])  # these say so alone
IMAGE_WORDS = {
    *("image", "img", "im", "imagen", "imagene", "photo", "photograph", "foto"),
    *("bild", "bilder", "picture", "pic", "jpg", "jpeg", "png", "jpegimage", "input", "data"),
    *("dataset", "frame"),
}
# What may stand beside these and is no class either.
FILLERS = {
    *("part", "all", "raw", "original", "full", "resized", "rgb", "skin", "color", "colour", "v"),
    *(
        "isic",
        "isbi",
        "bcn",
        "ham",
        "ph",
        "challenge",
        "task",
        "train",
        "training",
        "val",
        "validation",
        "test",
    ),
}
# At the end of a mask's name, after that of its photograph. The second are also what photographs
# are called, so they count for files that lost no detail.
CLEAR = r"masks?|maske|segmentations?|seg|segm|gt|ground[ _.-]?truth|annotations?"
UNCLEAR = r"lesion|label|contour|outline|roi|binary|annotated|expert|novice"
MASK_ENDING = re.compile(
    rf"(?P<base>.+?)(?P<words>(([ _.-]+|(?<=\d))({CLEAR}|{UNCLEAR}))+)([ _.-]?\d+)?", re.IGNORECASE
)
MAYBE = re.compile(rf"{CLEAR}|{UNCLEAR}", re.IGNORECASE)
MASK_BEGINNING = re.compile(rf"({CLEAR})[ _.-]+(?P<base>.+)", re.IGNORECASE)
# Pictures about a photograph that are no mask of one region, as ISIC publishes them.
OTHER_ENDING = re.compile(r"(?P<base>.+)_(superpixels|attribute_[a-z_]+)\.\w+$", re.IGNORECASE)
IMAGE_BEGINNING = re.compile(r"(image|img|im|photo|pic)[ _.-]*(?P<base>.+)", re.IGNORECASE)
IMAGE_ENDING = re.compile(
    r"(?P<base>.+)[ _.-](image|img|photo|orig|original|rgb|raw|input)", re.IGNORECASE
)
LOSSLESS = (".png", ".bmp", ".gif", ".tif", ".tiff")


def split_name(text: str) -> str | None:
    """The split of a name such as "Training" or "valid": "train", "val" or "test"; or None."""
    return SPLITS.get(text.strip().lower())


def is_like_split(name: str) -> bool:
    """Whether a folder is called as splits are, but by no name that is taken, as in "fold_0"."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return LIKE_SPLITS.fullmatch(re.sub(r"[\W_]", "", plain)) is not None


def split_word(name: str) -> str | None:
    """The split that a word of a name says, as in "ISIC_train"."""
    return next((split for word in _words(name) if (split := split_name(word))), None)


@lru_cache(maxsize=4096)
def is_mask_folder(name: str) -> bool:
    """Whether a folder is called as those of masks are, as in "lesion_masks" or "GroundTruth"."""
    words = [word.rstrip("s") for word in _words(name)]
    return (
        bool(MASK_WORDS & {*words, *map("".join, zip(words, words[1:]))})
        # "label_0" may be a class.
        or (words in WHOLE and not any(map(str.isdigit, name)))
    )


@lru_cache(maxsize=4096)
def is_container(name: str) -> bool:
    """Whether a folder is called as those that hold the photographs of every class are, as in
    "images" or "HAM10000_images_part_1"."""
    words = {word.rstrip("s") for word in _words(name)}
    return bool(words & IMAGE_WORDS) and words <= IMAGE_WORDS | FILLERS


def is_like_group(name: str) -> bool:
    """Whether a folder is called as those of patients are, as in "patient_12"."""
    return LIKE_GROUPS.fullmatch(name) is not None


def is_id(stem: str) -> bool:
    """Whether a name is likely one photograph's alone. A short number or a word is as likely to
    mean something else."""
    return len(stem) > 4 and any(map(str.isdigit, stem))


def base_of_mask(path: PurePath) -> str | None:
    """The name, without suffix, of the photograph that a mask is named after: "a" of "a_mask.png";
    None where the file is not called as masks are."""
    if MAYBE.search(path.name) is None:  # which is quicker
        return None
    if match := MASK_ENDING.fullmatch(path.stem):
        if re.search(CLEAR, match["words"], re.IGNORECASE) or path.suffix.lower() in LOSSLESS:
            return match["base"]
    elif match := MASK_BEGINNING.fullmatch(path.stem):
        return match["base"]
    return None


def is_clear(mask: PurePath) -> bool:
    """Whether a file that may be a mask is surely one, by its name or that of a folder.

    Args:
        mask: its path below the folder that is read.
    """
    in_masks = any(map(is_mask_folder, mask.parts[:-1]))
    return in_masks or re.search(CLEAR, mask.stem, re.IGNORECASE) is not None


def base_of_mask_folder(name: str) -> str:
    """The name of the folder that a folder of masks is named after: "mel" of "mel_masks"; empty
    where it is called "masks" alone."""
    return re.sub(rf"[ _.-]*({CLEAR})$|^({CLEAR})[ _.-]*", "", name, flags=re.IGNORECASE)


def base_of_other(path: PurePath) -> str | None:
    """The same of a picture that tells of a photograph and is no mask, as its superpixels are."""
    match = OTHER_ENDING.match(path.name)
    return match["base"] if match else None


def names_of_photograph(path: PurePath) -> list[str]:
    """The names by which a mask may call a photograph: "img_1" and "1_image" are "1" too."""
    stem = path.stem
    match = IMAGE_BEGINNING.fullmatch(stem) or IMAGE_ENDING.fullmatch(stem)
    return [stem, match["base"]] if match else [stem]


def _words(name: str) -> list[str]:
    """The words in a name, in lower case; "GroundTruth" has two."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFC", name))
    return re.findall(r"[^\W\d_]+", parted.casefold())
