"""One region, stored in the ways that masks are stored."""

import numpy as np
from PIL import Image

SIZE = (30, 20)
REGION = np.zeros(SIZE[::-1], dtype=bool)
REGION[4:14, 6:21] = True
WHITE = Image.fromarray(REGION.astype(np.uint8) * 255)


def palette(*colours: tuple[int, int, int], order=(0, 1)) -> Image.Image:
    """The region as indices of colours."""
    image = Image.fromarray(np.where(REGION, order[1], order[0]).astype(np.uint8), "L")
    indexed = Image.new("P", SIZE)
    indexed.putdata(list(image.tobytes()))
    indexed.putpalette([value for colour in colours for value in colour])
    return indexed


def layers(colour: Image.Image, alpha: Image.Image) -> Image.Image:
    image = colour.convert("LA" if colour.mode == "L" else "RGBA")
    image.putalpha(alpha)
    return image


def values(inside: float, outside: float = 0, dtype: type = np.uint8) -> Image.Image:
    return Image.fromarray(np.where(REGION, inside, outside).astype(dtype))


def colours(inside: tuple[int, int, int], outside: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    return Image.fromarray(np.where(REGION[..., None], inside, outside).astype(np.uint8))


ONES = values(1)
FULL = Image.new("L", SIZE, 255)
BLANK = Image.new("L", SIZE)
FORMS = {
    "0 and 255": WHITE,
    "0 and 1": ONES,
    "0 and 2": values(2),
    "0 and 128": values(128),
    "16 bits": values(65535, dtype=np.uint16),
    "16 bits, 0 and 1": values(1, dtype=np.uint16),
    "16 bits, 0 and 255": values(255, dtype=np.uint16),
    "32 bits, 0 and 1": values(1, dtype=np.int32),
    "floats, 0 and 1": values(1, dtype=np.float32),
    "floats, 0 and 255": values(255, dtype=np.float32),
    "1 bit": WHITE.convert("1"),
    "palette, black and white": palette((0, 0, 0), (255, 255, 255)),
    "palette, white and black": palette((255, 255, 255), (0, 0, 0), order=(1, 0)),
    "palette of Pascal VOC": palette((0, 0, 0), (128, 0, 0)),
    "palette, nearly black": palette((0, 0, 0), (1, 1, 1)),
    "palette without colours": palette((0, 0, 0), (0, 0, 0)),
    "palette of one white": palette((255, 255, 255), (255, 255, 255)),
    "RGB": WHITE.convert("RGB"),
    "RGB, 0 and 1": ONES.convert("RGB"),
    "red on black": colours((255, 0, 0)),
    "dark blue on black": colours((0, 0, 90)),
    "grey, opaque": layers(WHITE, FULL),
    "grey 0 and 1, opaque": layers(ONES, FULL),
    "RGBA, opaque": layers(WHITE.convert("RGB"), FULL),
    "RGBA, half transparent everywhere": layers(WHITE.convert("RGB"), FULL.point(lambda _: 128)),
    "white on transparent white": layers(FULL.convert("RGB"), WHITE),
    "white on transparent black": layers(WHITE.convert("RGB"), WHITE),
    "grey, white on transparent": layers(FULL, WHITE),
    "alpha of 0 and 1": layers(FULL.convert("RGB"), ONES),
    "red on transparent": layers(colours((200, 0, 0)), WHITE),
    "CMYK": WHITE.convert("RGB").convert("CMYK"),
}
