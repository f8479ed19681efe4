"""JPEG files whose segments are put together anew: scans without end, false lengths, no end."""

import io
import random
from pathlib import Path

from hypothesis import strategies as st
from PIL import Image

from synthderm.imaging.decoding import MOST_SCANS
from synthderm.imaging.io import read_image
from synthderm.imaging.jpeg_scans import count_scans
from tests.fuzz.mutations import seeds
from tests.fuzz.outcome import attempt, require

ATTACK = "JPEG files put together of segments: thousands of scans, false lengths, markers anywhere"
ALONE = {0x01, *range(0xD0, 0xDA)}  # markers without a length


def segments(data: bytes) -> list[bytes]:
    """A sound file in pieces: each marker with what follows it."""
    parts, place = [], 0
    while place < len(data):
        end = place + 2
        if data[place + 1] not in ALONE:
            end += int.from_bytes(data[end : end + 2], "big")
        while end < len(data) and (data[end] != 0xFF or data[end + 1] in {0, *range(0xD0, 0xD8)}):
            end += 1
        parts.append(data[place:end])
        place = end
    return parts


def make(rng: random.Random) -> bytes:
    file = io.BytesIO()
    side = rng.choice([8, 17, 64, 300])
    picture = Image.effect_noise((side, side), rng.choice([0, 50])).convert("RGB")
    picture.save(file, "JPEG", progressive=rng.random() < 0.8, subsampling=rng.choice([0, 2]))
    parts = segments(file.getvalue())
    for _ in range(rng.randrange(4)):
        place = rng.randrange(1, len(parts))
        kind = rng.randrange(7)
        if kind == 0:  # a scan that is gone over again and again
            parts[place:place] = [parts[place]] * rng.choice([1, 30, 2000, 20_000])
        elif kind == 1:
            del parts[place]
        elif kind == 2:
            rng.shuffle(parts)
        elif kind == 3:
            length = rng.choice([0, 1, 2, 3, 65_535]).to_bytes(2, "big")
            parts[place] = parts[place][:2] + length + parts[place][4:]
        elif kind == 4:
            marker = bytes([0xFF] * rng.choice([1, 3]) + [rng.randrange(256)])
            parts[place:place] = [marker * rng.choice([1, 2000])]
        elif kind == 5:
            parts[place] = parts[place][: rng.randrange(len(parts[place]) + 1)]
        else:  # other sizes in the frame
            for k, part in enumerate(parts):
                if part[1:2] in (b"\xc0", b"\xc2"):
                    sides = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x27\x10\x27\x10"])
                    parts[k] = part[:5] + sides + part[9:]
        parts = [part for part in parts if part] or [b"\xff\xd8"]
        if len(parts) < 2:
            break
    return b"".join(parts)


def count_slowly(data: bytes, most: int) -> int:
    """As `count_scans`, byte by byte."""
    scans, place = 0, 0
    while place < len(data) - 1 and scans < most:
        code = data[place + 1]
        if data[place] != 0xFF or code in (0, 0xFF) or 0xD0 <= code <= 0xD7:
            place += 1
            continue
        if code == 0xD9:
            break
        scans += code == 0xDA
        place += 2
        if code not in ALONE:
            place += int.from_bytes(data[place : place + 2], "big")
    return scans


def cases() -> st.SearchStrategy[bytes]:
    return seeds().map(make)


def prepare(folder: Path) -> None:
    """Nothing is needed."""


def check(data: bytes, folder: Path) -> str:
    scans = count_scans(data, MOST_SCANS + 1)
    require(scans == count_slowly(data, MOST_SCANS + 1), f"{scans} scans were counted")
    path = folder / "x.jpg"
    path.write_bytes(data)
    image, refusal = attempt(lambda: read_image(path), names=str(path))
    require(refusal is not None or scans <= MOST_SCANS, f"{scans} scans were gone over")
    return "read" if refusal is None else "refused"
