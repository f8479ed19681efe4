"""Makes the drawings of docs/how-it-works.md: docs/drawing-*.svg.

python -m docs.drawings
"""

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT, GAP, MARGIN = 150, 66, 34, 12  # of a box, between boxes, around all
LINE = 17

# Each drawing: rows of boxes, from left to right. A box is a title and what stands beneath it; None
# leaves its place empty. An arrow leads from each box to the next one.
Box = tuple[str, str]
DRAWINGS: dict[str, list[list[Box | None]]] = {
    "edit": [
        [
            ("image", "any size"),
            ("thumbnail", "64 px, with its mask"),
            ("network", "0.29 M weights"),
            ("maps", "32 px: signs, light"),
            ("blend", "at full size"),
            ("edited image", "the same outside"),
        ],
        [
            None,
            None,
            ("seed", "which lesion"),
            ("tiles", "scale, papules, cracks"),
            ("blend", "a height a pixel"),
        ],
    ],
    "generator": [
        [
            ("seed, index", "the only chance"),
            ("latents", "code and noise"),
            ("style", "+ class, + skin tone"),
            ("levels", "4 px to half the side"),
            ("image, mask", "four pixels for each"),
        ],
    ],
    "data": [
        [
            ("photographs", "SkinFolder"),
            ("real + synthetic", "MixedSkinDataset"),
            ("transforms", "crop, EczemaEdit"),
            ("loader", "timm, torch, Lightning"),
            ("your classifier", "tested on real images"),
        ],
        [
            ("generator", "SyntheticSkinDataset"),
            ("real + synthetic", "by class name"),
            None,
            None,
            None,
        ],
    ],
}


def draw(rows: list[list[Box | None]]) -> str:
    """An SVG picture of boxes and arrows that suits light and dark pages."""
    columns = max(map(len, rows))
    width = columns * (WIDTH + GAP) - GAP + 2 * MARGIN
    height = len(rows) * (HEIGHT + GAP) - GAP + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="14">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#888"/></marker></defs>',
        f'<rect width="{width}" height="{height}" rx="8" fill="#fff"/>',
    ]
    for row, boxes in enumerate(rows):
        top = MARGIN + row * (HEIGHT + GAP)
        for column, box in enumerate(boxes):
            left = MARGIN + column * (WIDTH + GAP)
            if box is None:
                continue
            parts.append(_box(left, top, *box))
            if column + 1 < len(boxes) and boxes[column + 1] is not None:
                middle = top + HEIGHT / 2
                parts.append(
                    f'<path d="M{left + WIDTH} {middle}h{GAP - 2}" stroke="#888" '
                    'stroke-width="2" marker-end="url(#tip)"/>'
                )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(left: float, top: float, title: str, text: str) -> str:
    middle = left + WIDTH / 2
    return (
        f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#f6efe9" '
        'stroke="#b08968"/>'
        f'<text x="{middle}" y="{top + HEIGHT / 2 - 4}" text-anchor="middle" font-weight="bold">'
        f"{escape(title)}</text>"
        f'<text x="{middle}" y="{top + HEIGHT / 2 - 4 + LINE}" text-anchor="middle" '
        f'font-size="12">{escape(text)}</text>'
    )


def main() -> None:
    for name, rows in DRAWINGS.items():
        path = Path(__file__).with_name(f"drawing-{name}.svg")
        path.write_text(draw(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
