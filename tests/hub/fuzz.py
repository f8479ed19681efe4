"""Load `COUNT` mutated copies of a model folder and report what happened, as JSON: run by
`test_hub_fuzz.py`.

    python tests/hub/fuzz.py FOLDER SCRATCH COUNT SEED

Every mutant must load or be refused with a ValueError of one short line. A process of its own
measures the memory, and an audit hook sees every file opened for writing, socket, process and
unpickled class.
"""

import faulthandler
import json
import os
import random
import resource
import struct
import sys
import time
from collections import Counter
from pathlib import Path

import torch

from synthderm.models.generator import SkinGenerator

HUGE = [
    -1,
    -(2**63),
    0,
    1,
    2**31,
    2**32,
    10**10,
    2**53,
    2**63 - 1,
    2**63,
    2**64 - 1,
    2**64,
    10**30,
    1.5,
    1e300,
    float("nan"),
    float("inf"),
]
NAMES = [
    "../../../escape",
    "/etc/passwd",
    "",
    "\0",
    "a" * 10_000,
    "..\\..\\escape",
    "__metadata__",
    "stem.bias\n",
    "\ud83d\ude00",
    "__class__",
    "%s%n",
    ".",
]
ODD = [None, True, [], {}, "", "x", "F99", "../..", [[[]]], {"a": {}}, "9" * 5000, *HUGE, *NAMES]


def split(file: bytes) -> tuple[dict, bytes]:
    length = struct.unpack("<Q", file[:8])[0]
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def join(header, data: bytes, length: int | None = None) -> bytes:
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


def mutate_json(rng: random.Random, value):
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
    header, data = split(body)
    entries = [key for key in header if key != "__metadata__"]
    entry = header[rng.choice(entries)]
    kind = rng.randrange(10)
    if kind == 0:
        return mutate_bytes(rng, body)
    if kind == 1:
        return join(
            header,
            data,
            length=rng.choice(
                [0, 1, 7, len(body), 10**8, 10**8 + 1, 10**10, 2**31, 2**32, 2**63, 2**64 - 1]
            ),
        )
    if kind == 2:  # overlapping, backward or far offsets
        entry["data_offsets"] = rng.choice(
            [
                [0, 4],
                [4, 0],
                [-4, 0],
                [0, 10**10],
                [2**63, 2**64 - 1],
                [len(data) - 1, len(data)],
                [0],
                [0, 1, 2],
                [0, len(data)],
            ]
        )
    elif kind == 3:
        entry["shape"] = rng.choice(
            [
                [-1],
                [-4, -4],
                [2**32, 2**32],
                [2**63, 4],
                [10**10],
                [0],
                [],
                [1] * 5000,
                entry["shape"][::-1],
                [0, 10**12],
                [2.5],
            ]
        )
    elif kind == 4:
        entry["dtype"] = rng.choice(
            [
                "F64",
                "F16",
                "I8",
                "F8_E4M3",
                "F8_E8M0",
                "F4",
                "C64",
                "Q7",
                "",
                "f32",
                "OBJECT",
                "BOOL",
            ]
        )
    elif kind == 5:
        header[rng.choice(NAMES)] = (
            dict(entry) if rng.random() < 0.5 else header.pop(rng.choice(entries))
        )
    elif kind == 6:  # deep JSON, inside a good header or alone
        deep = b"[" * rng.choice([50, 200, 100_000]) if rng.random() < 0.5 else b'{"a":' * 100_000
        return join(
            rng.choice(
                [
                    deep,
                    b'{"__metadata__":' + deep,
                    json.dumps(header).encode()[:-1] + b',"x":' + deep,
                ]
            ),
            data,
        )
    elif kind == 7:  # a large header, truly there
        return join(json.dumps(header).encode() + b" " * rng.choice([10**5, 10**6]), data)
    elif kind == 8:  # many entries
        header |= {
            f"extra{i}": {"dtype": "F32", "shape": [0], "data_offsets": [len(data)] * 2}
            for i in range(rng.choice([1, 5_000]))
        }
    else:
        header = mutate_json(rng, header)
    return join(header, data)


def mutate_config(rng: random.Random, body: bytes) -> bytes:
    kind = rng.randrange(6)
    if kind == 0:
        return mutate_bytes(rng, body)
    if kind == 1:
        deep = rng.choice([b"[", b'{"a":']) * rng.choice([900, 100_000])
        return rng.choice([deep, body.rstrip()[:-1] + b', "x": ' + deep])
    config = json.loads(body)
    if kind < 5:
        config["arguments"] = mutate_json(rng, config["arguments"])
        for key in (
            "size",
            "classes",
        ):  # else the copies beside the arguments would catch nearly everything
            if isinstance(config["arguments"], dict) and key in config["arguments"]:
                config[key] = config["arguments"][key]
    else:
        config = mutate_json(rng, config)
    return json.dumps(config).encode()


def sparse(path: Path, size: int) -> None:
    """A file of `size` bytes, nearly all of them a hole, whose header claims one tensor of that
    size."""
    header = json.dumps(
        {"stem.bias": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    ).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)


def main(folder: Path, scratch: Path, count: int, seed: int) -> dict:
    seen, armed = Counter(), False

    def watch(event: str, arguments: tuple) -> None:
        writes = (
            event == "open"
            and isinstance(arguments[2], int)
            and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        if armed and (
            writes
            or event.startswith(
                (
                    "pickle.",
                    "socket.",
                    "subprocess.",
                    "os.system",
                    "os.rename",
                    "os.mkdir",
                    "os.remove",
                    "shutil.",
                )
            )
        ):
            seen[f"{event} {arguments[0]!r:.80}"] += 1

    sys.addaudithook(watch)
    rng = random.Random(seed)
    good = {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")}
    reference = SkinGenerator.from_pretrained(folder).state_dict()
    result = {"loaded": 0, "refused": 0, "bad": [], "slowest": 0.0, "reasons": Counter()}
    for number in range(count):
        name = "model.safetensors" if rng.random() < 0.6 else "config.json"
        mutate = mutate_tensors if name == "model.safetensors" else mutate_config
        for file, body in good.items():
            (scratch / file).write_bytes(mutate(rng, body) if file == name else body)
        if number == 0:
            sparse(scratch / "model.safetensors", 10 * 10**9)
        (scratch / "case").write_text(f"{seed} {number}")  # names the case if the process dies
        faulthandler.dump_traceback_later(60, exit=True)
        started, armed = time.process_time(), True
        try:
            model = SkinGenerator.from_pretrained(scratch)
            result["loaded"] += 1
            if list(model.state_dict()) != list(reference) or not all(
                torch.isfinite(value).all() for value in model.state_dict().values()
            ):
                result["bad"].append(f"{number}: loaded another network")
        except ValueError as error:
            result["refused"] += 1
            result["reasons"][next((word for word in REASONS if word in str(error)), "other")] += 1
            if (
                len(str(error)) > 700
                or "\n" in str(error)
                or not str(error).startswith((str(scratch), repr(str(scratch))))
            ):
                result["bad"].append(f"{number}: {str(error)[:300]!r}")
        except BaseException as error:
            result["bad"].append(f"{number}: {type(error).__name__} {str(error)[:200]!r}")
        armed = False
        result["slowest"] = max(result["slowest"], time.process_time() - started)
    faulthandler.cancel_dump_traceback_later()
    return {**result, "audit": dict(seen), "peak_mb": peak_mb()}


def peak_mb() -> float:
    """The most memory that this process has had. Linux's ru_maxrss would count what its parent had
    when it was started."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


REASONS = [
    "not a readable safetensors", "does not fit", "not valid JSON", "does not describe", "asks for", "beside arguments", "format_version",
    "no arguments", "holds a", "value_range", "NaN", "more than", "format version",
]  # fmt: skip

if __name__ == "__main__":
    print(
        json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
    )
