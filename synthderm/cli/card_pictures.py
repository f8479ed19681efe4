"""The pictures of a model's card: what the model makes, not chosen, as one small JPEG."""

import torch
from PIL import Image
from torch import Tensor

from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.hub.pretrained import Pretrained
from synthderm.imaging.artifacts import cover_at_random
from synthderm.imaging.contact_sheet import contact_sheet
from synthderm.imaging.io import encode_image, to_pil
from synthderm.imaging.provenance import Provenance, provenance_options
from synthderm.models.editor import EczemaEditor
from synthderm.models.generator import SkinGenerator
from synthderm.transforms.functional import add_eczema

COLUMNS, SIDE = 6, 128  # pictures in a row, and the side of each in pixels
QUALITY = 82  # of the JPEG


def card_pictures(model: Pretrained, name: str, weights: str) -> bytes | None:
    """A JPEG of two rows: of a generator its first images, in the second row with the outlines of
    their masks; of an editor a generated hand and a close-up of skin, from severity 0 to 1.

    Args:
        model: a `SkinGenerator` or an `EczemaEditor`; of others there are no pictures, None.
        name: of the model, bundled or on the Hub.
        weights: their SHA-256.
    """
    if isinstance(model, SkinGenerator):
        return _to_jpeg(_generated(model), Provenance("generated", name, weights))
    if isinstance(model, EczemaEditor):  # which edits generated skin here
        return _to_jpeg(_edited(model), Provenance("generated", name, weights, mode="add"))
    return None


def _generated(model: SkinGenerator) -> Image.Image:
    rng, count = torch.Generator().manual_seed(0), 2 * COLUMNS
    labels = torch.arange(count) % len(model.classes)
    latents = torch.randn(count, model.latent_dim, generator=rng)
    tones = None
    if model.tones is not None:
        tones = torch.stack([model.sample_skin_tone(rng, None) for _ in range(count)])
    images, masks = model.generate(latents, labels, skin_tone=tones)
    if model.artifacts:
        images = cover_at_random(images, model.artifacts, [rng] * count)
    outlines = [None] * COLUMNS + list(masks[COLUMNS:])
    captions = [model.classes[label] for label in labels.tolist()]
    return contact_sheet(
        [to_pil(x) for x in images], outlines, captions, columns=COLUMNS, side=SIDE
    )


def _edited(model: EczemaEditor) -> Image.Image:
    severity = torch.linspace(0, 1, COLUMNS)
    pictures: list[Tensor] = []
    for source, seed in (("hands", 31), ("skin", 3)):
        data = SyntheticSkinDataset(source, length=1, seed=seed, size=SIDE, artifacts={})
        canvas = data.generate([0])[0][0]
        for value in severity.tolist():
            edit = add_eczema(canvas, severity=value, coverage=0.5, seed=2, model=model)
            pictures.append(edit.images)
    captions = [f"severity {value:.1f}" for value in severity.tolist()] * 2
    return contact_sheet([to_pil(x) for x in pictures], None, captions, columns=COLUMNS, side=SIDE)


def _to_jpeg(sheet: Image.Image, origin: Provenance) -> bytes:
    options = {"quality": QUALITY, "subsampling": "4:2:0", **provenance_options(origin, "JPEG")}
    return encode_image(sheet, "JPEG", **options)
