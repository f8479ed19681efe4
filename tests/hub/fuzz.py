"""Load `COUNT` mutated copies of a model folder and report what happened, as JSON.

    python tests/hub/fuzz.py FOLDER SCRATCH COUNT SEED

Every mutant must load or be refused with a ValueError of one short line. A process of its own
measures the memory, and an audit hook sees every file opened for writing, socket, process and
unpickled class. `test_fuzz.py` runs it.
"""

import faulthandler
import json
import random
import struct
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from synthderm.models.generator import SkinGenerator
from tests.fuzz.watch import Watch, peak_mb

HUGE = [
    *(-1, -(2**63), 0, 1, 2**31, 2**32, 10**10, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64),
    *(10**30, 1.5, 1e300, float("nan"), float("inf")),
]
NAMES = [
    *("../../../escape", "/etc/passwd", "", "\0", "a" * 10_000, "..\\..\\escape", "__metadata__"),
    *("stem.bias\n", "\ud83d\ude00", "__class__", "%s%n", "."),
]
ODD = [None, True, [], {}, "", "x", "F99", "../..", [[[]]], {"a": {}}, "9" * 5000, *HUGE, *NAMES]
LENGTHS = [0, 1, 7, -1, 10**8, 10**8 + 1, 10**10, 2**31, 2**32, 2**63, 2**64 - 1]  # -1: the file's
SHAPES = [
    *(
        [-1],
        [-4, -4],
        [2**32, 2**32],
        [2**63, 4],
        [10**10],
        [0],
        [],
        [1] * 5000,
        None,
    ),  # None: turned
    *([0, 10**12], [2.5]),
]
DTYPES = [
    *("F64", "F16", "I8", "F8_E4M3", "F8_E8M0", "F4", "C64", "Q7", "", "f32", "OBJECT", "BOOL"),
]
REASONS = [
    *("not a readable safetensors", "does not fit", "not valid JSON", "does not describe"),
    *("asks for", "beside arguments", "format_version", "no arguments", "holds a", "value_range"),
    *("NaN", "more than", "format version"),
]


def split(file: bytes) -> tuple[dict, bytes]:
    length = struct.unpack("<Q", file[:8])[0]
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def join(header: Any, data: bytes, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def mutate_bytes(rng: random.Random, body: bytes) -> bytes:
    kind = rng.randrange(4)
    spot = rng.randrange(len(body)) if rng.random() < 0.5 else rng.randrange(min(len(body), 200))
    if kind == 0:
        return body[:spot]
    if kind == 1:
        return body[:spot] + rng.randbytes(rng.randrange(1, 9)) + body[spot + rng.randrange(9) :]
    if kind == 2:
        return body + rng.randbytes(rng.randrange(1, 1000))
    return body[:spot] + bytes(rng.randrange(1, 64)) + body[spot:]


def mutate_json(rng: random.Random, value: Any) -> Any:
    """Another value at one random place, or an entry added, renamed or removed."""
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.1:
        return rng.choice(ODD)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key, copy = rng.choice(keys), value.copy()
    kind = rng.random()
    if kind < 0.75:
        copy[key] = mutate_json(rng, value[key])
    elif kind < 0.85:
        del copy[key]
    elif isinstance(copy, dict):
        copy[rng.choice(NAMES)] = copy.pop(key) if rng.random() < 0.5 else rng.choice(ODD)
    else:
        copy += [rng.choice(ODD)] * rng.choice([1, 10, 2000])
    return copy


def mutate_tensors(rng: random.Random, body: bytes) -> bytes:
    kind = rng.randrange(10)
    if kind == 0:
        return mutate_bytes(rng, body)
    header, data = split(body)
    if kind == 1:
        length = rng.choice(LENGTHS)
        return join(header, data, length=len(body) if length < 0 else length)
    if kind == 2:
        return join(nest(rng, header), data)
    if kind == 3:  # a large header, truly there
        return join(json.dumps(header).encode() + b" " * rng.choice([10**5, 10**6]), data)
    if kind == 4:
        return join(mutate_json(rng, header), data)
    if kind == 5:  # many entries
        empty = {"dtype": "F32", "shape": [0], "data_offsets": [len(data)] * 2}
        header |= {f"extra{number}": empty for number in range(rng.choice([1, 5_000]))}
    else:
        mutate_entry(rng, header, len(data))
    return join(header, data)


def mutate_entry(rng: random.Random, header: dict, size: int) -> None:
    """Change one tensor's entry in place: its offsets, shape, dtype or name."""
    entries = [key for key in header if key != "__metadata__"]
    entry = header[rng.choice(entries)]
    kind = rng.randrange(4)
    if kind == 0:  # overlapping, backward or far offsets
        far = [[0, 4], [4, 0], [-4, 0], [0, 10**10], [2**63, 2**64 - 1], [0], [0, 1, 2]]
        entry["data_offsets"] = rng.choice([*far, [size - 1, size], [0, size]])
    elif kind == 1:
        entry["shape"] = rng.choice(SHAPES) or entry["shape"][::-1]
    elif kind == 2:
        entry["dtype"] = rng.choice(DTYPES)
    else:
        moved = dict(entry) if rng.random() < 0.5 else header.pop(rng.choice(entries))
        header[rng.choice(NAMES)] = moved


def nest(rng: random.Random, header: dict) -> bytes:
    """Deep JSON, inside a good header or alone."""
    deep = b"[" * rng.choice([50, 200, 100_000]) if rng.random() < 0.5 else b'{"a":' * 100_000
    inside = json.dumps(header).encode()[:-1] + b',"x":' + deep
    return rng.choice([deep, b'{"__metadata__":' + deep, inside])


def mutate_config(rng: random.Random, body: bytes) -> bytes:
    kind = rng.randrange(6)
    if kind == 0:
        return mutate_bytes(rng, body)
    if kind == 1:
        deep = rng.choice([b"[", b'{"a":']) * rng.choice([900, 100_000])
        return rng.choice([deep, body.rstrip()[:-1] + b', "x": ' + deep])
    config = json.loads(body)
    if kind == 5:
        return json.dumps(mutate_json(rng, config)).encode()
    config["arguments"] = mutate_json(rng, config["arguments"])
    # Else the copies beside the arguments would catch nearly everything.
    for key in ("size", "classes"):
        if isinstance(config["arguments"], dict) and key in config["arguments"]:
            config[key] = config["arguments"][key]
    return json.dumps(config).encode()


def write_sparse(path: Path, size: int) -> None:
    """A file of `size` bytes, nearly all of them a hole, whose header claims one such tensor."""
    entry = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    header = json.dumps({"stem.bias": entry}).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)


def find_fault(scratch: Path, reference: dict, reasons: Counter) -> str | None:
    """Load a folder: None if it gives the same network, or is refused as it should be."""
    try:
        state = SkinGenerator.from_pretrained(scratch).state_dict()
    except ValueError as error:
        message = str(error)
        reasons[next((reason for reason in REASONS if reason in message), "other")] += 1
        names_folder = message.startswith((str(scratch), repr(str(scratch))))
        is_good = len(message) <= 700 and "\n" not in message and names_folder
        return None if is_good else repr(message[:300])
    except BaseException as error:
        return f"{type(error).__name__} {str(error)[:200]!r}"
    reasons["loaded"] += 1
    finite = all(torch.isfinite(value).all() for value in state.values())
    return None if list(state) == list(reference) and finite else "loaded another network"


def main(folder: Path, scratch: Path, count: int, seed: int) -> dict:
    watch = Watch()
    rng = random.Random(seed)
    good = {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")}
    reference = SkinGenerator.from_pretrained(folder).state_dict()
    bad, reasons, slowest = [], Counter(), 0.0
    for number in range(count):
        name = "model.safetensors" if rng.random() < 0.6 else "config.json"
        mutate = mutate_tensors if name == "model.safetensors" else mutate_config
        for file, body in good.items():
            (scratch / file).write_bytes(mutate(rng, body) if file == name else body)
        if number == 0:
            write_sparse(scratch / "model.safetensors", 10 * 10**9)
        (scratch / "case").write_text(f"{seed} {number}")  # names the case if the process dies
        faulthandler.dump_traceback_later(60, exit=True)
        started, watch.armed = time.process_time(), True
        fault = find_fault(scratch, reference, reasons)
        watch.armed = False
        slowest = max(slowest, time.process_time() - started)
        if fault:
            bad.append(f"{number}: {fault}")
    faulthandler.cancel_dump_traceback_later()
    loaded = reasons.pop("loaded")
    return {
        "loaded": loaded,
        "refused": reasons.total(),
        "bad": bad,
        "reasons": reasons,
        "slowest": slowest,
        "audit": dict(watch.seen),
        "peak_mb": peak_mb(),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))))
