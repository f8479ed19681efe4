"""How each kind of artifact is drawn, from random numbers, on a transparent canvas.

All lengths are shares of the image's side, so that random numbers give the same picture at any
size.
"""

import math
import random
from collections.abc import Callable, Iterable

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Point = tuple[float, float]
Color = tuple[int, int, int]

# Lines are drawn larger, up to 4 times and on layers of this side, and shrunk: that smooths edges.
LAYER = 768
GRAIN = 24  # of surfaces, from the darkest to the lightest pixel, of 255
TALL = 4 / 3  # photographs of 4 to 3 are squeezed to squares: what was round is taller
# Weights of the four points of a cubic Bezier curve, for 21 places on it.
BEZIER = [
    ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
    for t in (step / 20 for step in range(21))
]
HAIR_COLORS = [(38, 26, 22), (24, 22, 26), (78, 50, 36), (112, 84, 58)]
INK_COLORS = [(75, 30, 130), (70, 45, 150), (60, 55, 80)]
PATCH_COLORS = [
    (20, 130, 200),
    (70, 200, 200),
    (250, 110, 90),
    (242, 152, 40),
    (238, 232, 80),
    (70, 160, 90),
    (205, 210, 220),
]


class Canvas:
    """An image of nothing but artifacts, transparent where there is none.

    Args:
        side: in pixels.
    """

    def __init__(self, side: int) -> None:
        self.side, self.scale = side, min(4, max(2, LAYER // side))
        self.image = Image.new("RGBA", (side, side))
        self.begin()

    def begin(self, ground: int = 0) -> None:
        """A new layer: opaque everywhere (255), or nowhere (0)."""
        self.layer = Image.new("L", (self.side * self.scale, self.side * self.scale), ground)
        self.pen = ImageDraw.Draw(self.layer)

    def at(self, point: Point) -> Point:
        """A place of the image, from (0, 0) to (1, 1), in pixels of the layer."""
        return point[0] * self.side * self.scale, point[1] * self.side * self.scale

    def line(self, points: Iterable[Point], width: float, opacity: float = 1.0) -> None:
        """A line through these places, which covers as much at every size."""
        wanted = width * self.side * self.scale
        drawn = math.ceil(wanted)
        places = [self.at(point) for point in points]
        self.pen.line(places, round(255 * opacity * wanted / drawn), drawn, "curve")

    def ellipse(self, centre: Point, across: float, down: float, opacity: float = 1.0) -> None:
        """A filled ellipse with these radii."""
        x, y = centre
        corners = [self.at((x - across, y - down)), self.at((x + across, y + down))]
        self.pen.ellipse(corners, fill=round(255 * opacity))

    def paint(
        self,
        color: Color,
        opacity: float,
        blur: float = 0.0,
        grain: random.Random | None = None,
    ) -> None:
        """Put the layer on the canvas, and begin a new one.

        Args:
            color, opacity: of what is painted.
            blur: of its edges, a share of the side.
            grain: draws the grain of a surface, which no photograph shows all flat.
        """
        alpha = self.layer.reduce(self.scale)
        if blur * self.side >= 0.3:
            alpha = alpha.filter(ImageFilter.GaussianBlur(blur * self.side))
        painted = Image.new("RGB", alpha.size, color)
        if grain is not None:
            painted = ImageChops.add(painted, draw_grain(grain, self.side), offset=-GRAIN // 2)
        painted.putalpha(alpha.point(lambda value: value * opacity))
        self.image.alpha_composite(painted)
        self.begin()


def draw_grain(rng: random.Random, side: int) -> Image.Image:
    """Grey pixels from 0 to GRAIN, (side, side)."""
    # Of as many random numbers as there are pixels, what is drawn next would depend on the size.
    own = random.Random(rng.getrandbits(64))  # nosec B311, it draws a picture
    pixels = Image.frombytes("L", (side, side), own.randbytes(side * side))
    grain = pixels.point(lambda value: value * GRAIN // 255)
    return Image.merge("RGB", [grain, grain, grain])


def turn(angle: float, length: float, offset: float = 0.0) -> Point:
    """From the origin so far along a direction, and then so far to its left."""
    along, up = math.cos(angle), math.sin(angle)
    return length * along + offset * up, length * up - offset * along


def add(point: Point, step: Point) -> Point:
    return point[0] + step[0], point[1] + step[1]


def curve(
    rng: random.Random, centre: Point, angle: float, length: float, bend: float = 0.22
) -> list[Point]:
    """Points of a line that bends twice (a cubic Bezier curve)."""
    bends = [rng.gauss(0, bend) * length for _ in range(2)]
    ends = (-length / 2, 0.0), (-length / 6, bends[0]), (length / 6, bends[1]), (length / 2, 0.0)
    a, b, c, d = (add(centre, turn(angle, *end)) for end in ends)
    return [
        (
            s * a[0] + t * b[0] + u * c[0] + v * d[0],
            s * a[1] + t * b[1] + u * c[1] + v * d[1],
        )
        for s, t, u, v in BEZIER
    ]


def draw_hair(canvas: Canvas, rng: random.Random) -> None:
    """One hair to four dozen, most of them in one direction, in two colours."""
    direction, spread = rng.uniform(0, math.pi), rng.choice([0.2, 0.5, 1.5])
    bend, width = rng.uniform(0.06, 0.22), rng.uniform(0.0035, 0.0075)
    count, opacity = 48 ** rng.random(), rng.uniform(0.6, 0.95)
    for color in rng.sample(HAIR_COLORS, 2):
        for _ in range(round(count / 2 + 0.2)):
            centre = rng.uniform(-0.1, 1.1), rng.uniform(-0.1, 1.1)
            angle, length = rng.gauss(direction, spread), rng.uniform(0.25, 1.1)
            strand = curve(rng, centre, angle, length, bend)
            canvas.line(strand, width * rng.uniform(0.7, 1.2), rng.uniform(0.7, 1.0))
        canvas.paint(color, opacity)


def draw_stubble(canvas: Canvas, rng: random.Random) -> None:
    """Short hair that was shaved."""
    direction, color = rng.uniform(0, math.pi), rng.choice(HAIR_COLORS[:3])
    for _ in range(rng.randint(4, 25)):
        centre, length = (rng.random(), rng.random()), rng.uniform(0.03, 0.1)
        strand = curve(rng, centre, rng.gauss(direction, 0.4), length, 0.06)
        canvas.line(strand, rng.uniform(0.003, 0.006), rng.uniform(0.6, 1.0))
    canvas.paint(color, rng.uniform(0.4, 0.8))


def draw_ruler(canvas: Canvas, rng: random.Random) -> None:
    """A scale of 10 mm as dermoscopes project it, with its ticks and unit."""
    length = rng.uniform(0.4, 0.52)
    angle, centre = rng.gauss(0, 0.06), (rng.uniform(0.42, 0.6), rng.uniform(0.86, 0.95))
    kind = rng.random()
    if kind < 0.3:
        angle, centre = rng.uniform(-0.7, -0.3), (rng.uniform(0.5, 0.65), rng.uniform(0.72, 0.86))
    elif kind < 0.4:
        angle, centre = rng.gauss(0, 0.1), (rng.uniform(0.4, 0.7), rng.uniform(0.06, 0.14))
    elif kind < 0.46:
        angle, centre = math.pi / 2, (rng.uniform(0.1, 0.2), rng.uniform(0.35, 0.65))
    thickness, tall = rng.uniform(0.003, 0.005), rng.uniform(0.025, 0.036)
    ends = [add(centre, turn(angle, end * length / 2)) for end in (-1, 1)]
    for tick in range(11):
        height = tall if tick % 10 == 0 else 0.6 * tall
        along = (tick / 10 - 0.5) * length
        places = [add(centre, turn(angle, along, offset)) for offset in (0.0, height)]
        canvas.line(places, 0.7 * thickness, 0.8)
    canvas.line(ends, thickness)  # last: a fainter tick would cut it
    unit = add(ends[0], turn(angle, 0.0, -0.02))
    canvas.line([unit, add(unit, turn(angle, 0.035))], 0.016, 0.45)  # "mm", too small to read
    canvas.paint((62, 48, 48), rng.uniform(0.35, 0.95))


def draw_ticks(canvas: Canvas, rng: random.Random) -> None:
    """Ticks on the ring of a dermoscope, as far as it is in the picture; every fifth is longer."""
    middle = rng.choice([0.8, 0.7, 0.2, 0.3]) * math.pi  # in the lower corners
    middle = middle if rng.random() < 0.7 else -middle
    radius, length, first = rng.uniform(0.54, 0.6), rng.uniform(0.025, 0.04), rng.randrange(5)
    for tick in range(rng.randint(4, 10)):
        angle = middle + (tick - 4) * 0.1
        inner = radius - length * (1.7 if (tick + first) % 5 == 0 else 1)
        canvas.line([add((0.5, 0.5), turn(angle, r)) for r in (radius, inner)], 0.005)
    canvas.paint((20, 20, 20), rng.uniform(0.7, 1.0))


def draw_ink(canvas: Canvas, rng: random.Random) -> None:
    """Marks of a surgeon's pen, broken by the lines of the skin; sometimes a dotted ring."""
    around, color = rng.uniform(0, 2 * math.pi), rng.choice(INK_COLORS)
    for mark in range(rng.randint(1, 5)):
        angle = around + mark * rng.uniform(0.8, 1.8)
        centre = add((0.5, 0.5), turn(angle, rng.uniform(0.3, 0.5)))
        direction, long, wide = rng.uniform(0, math.pi), rng.uniform(0.04, 0.1), 0.02
        for _ in range(rng.randint(15, 60)):
            place = add(centre, turn(direction, rng.gauss(0, long / 2), rng.gauss(0, wide)))
            hatch = direction + rng.choice([0.8, -0.8]) + rng.gauss(0, 0.2)
            canvas.line(
                [place, add(place, turn(hatch, rng.uniform(0.005, 0.03)))],
                rng.uniform(0.004, 0.008),
                rng.uniform(0.4, 1.0),
            )
    if rng.random() < 0.2:
        radius, tall = rng.uniform(0.28, 0.42), rng.uniform(1.0, TALL)
        for step in range(160):
            x, y = turn(step / 25, radius * rng.uniform(0.97, 1.03))
            spot = add((0.5, 0.5), (x, y * tall))
            canvas.ellipse(spot, 0.006, 0.006, rng.uniform(0.1, 0.8))
    canvas.paint(color, rng.uniform(0.5, 0.95))


def draw_patch(canvas: Canvas, rng: random.Random) -> None:
    """A coloured sticker of one disc or two, half out of the picture."""
    radius, outside = rng.uniform(0.26, 0.4), rng.uniform(0.05, 0.2)
    centre = rng.choice([1 + outside, 1 + outside, -outside]), rng.uniform(0.1, 0.75)
    outer, inner = rng.sample(PATCH_COLORS, 2)
    canvas.ellipse(centre, radius, radius * TALL)
    canvas.paint(outer, 0.97, grain=rng)
    if rng.random() < 0.35:
        canvas.ellipse(centre, 0.55 * radius, 0.55 * radius * TALL)
        canvas.paint(inner, 0.97, grain=rng)


def draw_bubbles(canvas: Canvas, rng: random.Random) -> None:
    """Bubbles in the gel between glass and skin, bright and dark rims; sometimes the gel's edge."""
    rims: list[tuple[list[Point], float]] = []
    for _ in range(rng.randint(1, 6)):
        centre, radius = (rng.random(), rng.random()), 0.008 * 6 ** rng.random()
        angle, flat = rng.uniform(0, math.pi), rng.uniform(0.5, 1.0)
        steps = [step * math.pi / 12 for step in range(25)]
        rim = [turn(angle, radius * math.cos(t), flat * radius * math.sin(t)) for t in steps]
        rims.append(([add(centre, place) for place in rim], rng.uniform(0.3, 1.0)))
    if rng.random() < 0.4:
        centre = rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7)
        rims.append((curve(rng, centre, rng.uniform(0, math.pi), 1.4, 0.15), 0.7))
    for color, shift in (((70, 50, 45), 0.004), ((240, 236, 232), 0.0)):
        for rim, opacity in rims:
            canvas.line([add(place, (shift, shift)) for place in rim], 0.004, opacity)
        canvas.paint(color, rng.uniform(0.4, 0.8))


def draw_glare(canvas: Canvas, rng: random.Random) -> None:
    """The lamps of a dermoscope in the gel, at the left and right."""
    for x in (0.0, 1.0):
        height = rng.gauss(0.5, 0.05)
        for _ in range(rng.randint(1, 4)):
            radius = rng.uniform(0.02, 0.07)
            canvas.ellipse((rng.gauss(x, 0.02), rng.gauss(height, 0.04)), radius, radius)
    canvas.paint((255, 250, 255), rng.uniform(0.7, 1.0), blur=rng.uniform(0.005, 0.02))


def draw_corners(canvas: Canvas, rng: random.Random) -> None:
    """The tube of a dermoscope: dark corners, or a dark frame around a disc."""
    across, blur = rng.uniform(0.52, 0.64), rng.uniform(0.003, 0.03)
    down = across * TALL * rng.uniform(0.9, 1.05)
    if rng.random() < 0.3:
        across, down = rng.uniform(0.42, 0.52), rng.uniform(0.47, 0.58)
    canvas.begin(ground=255)
    centre = rng.gauss(0.5, 0.02), rng.gauss(0.5, 0.02)
    canvas.ellipse(centre, across, down, opacity=0.0)
    dark = rng.randint(0, 30)
    canvas.paint((dark, dark, dark + 4), rng.uniform(0.85, 1.0), blur, grain=rng)


# In the order in which they lie on each other.
DRAWINGS: dict[str, Callable[[Canvas, random.Random], None]] = {
    "patch": draw_patch,
    "ink": draw_ink,
    "bubbles": draw_bubbles,
    "stubble": draw_stubble,
    "hair": draw_hair,
    "ruler": draw_ruler,
    "ticks": draw_ticks,
    "glare": draw_glare,
    "corners": draw_corners,
}
