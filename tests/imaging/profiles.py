"""Colour profiles (ICC, version 2) that are made by hand."""

import struct
from itertools import product

import numpy as np

D50 = (0.9642, 1.0, 0.8249)
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
# x and y of red, green and blue.
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))


def xyz_tag(values) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def curve_tag(gamma: float | None) -> bytes:
    """A power, or sRGB's own curve where None."""
    if gamma is not None:
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    x = np.linspace(0, 1, 1024)
    y = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return b"curv\0\0\0\0" + struct.pack(">I", 1024) + (y * 65535).round().astype(">u2").tobytes()


def make_profile(space: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    text = b"a test"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" * 79
    tags = {b"desc": description, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz_tag(D50)} | tags
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    header = struct.pack(
        ">I4sI4s4s4s", offset + len(body), b"none", 0x02400000, b"mntr", space, pcs
    )
    header += (
        b"\0" * 12 + b"acsp" + b"\0" * 28 + struct.pack(">3i", *(round(v * 65536) for v in D50))
    )
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def rgb_profile(primaries=SRGB, gamma: float | None = None) -> bytes:
    """A profile of these primaries on the white of daylight (D65)."""
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    columns = columns * np.linalg.solve(columns, white)
    scale = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
    columns = np.linalg.inv(BRADFORD) @ scale @ BRADFORD @ columns
    tags = {name + b"XYZ": xyz_tag(column) for name, column in zip((b"r", b"g", b"b"), columns.T)}
    return make_profile(
        b"RGB ", tags | {name + b"TRC": curve_tag(gamma) for name in (b"r", b"g", b"b")}
    )


def grey_profile(gamma: float) -> bytes:
    return make_profile(b"GRAY", {b"kTRC": curve_tag(gamma)})


def grey_inks_profile() -> bytes:
    """A CMYK profile of four inks that are all grey."""
    levels = [
        255 * (1 - ink_k) * (1 - (c + m + y) / 3) for c, m, y, ink_k in product((0, 1), repeat=4)
    ]
    table = bytes(value for level in levels for value in (round(level), 128, 128))
    ramp = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * (k % 4 == 0) for k in range(9)))
    lut = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + identity + ramp * 4 + table + ramp * 3
    return make_profile(b"CMYK", {b"A2B0": lut}, pcs=b"Lab ")
