"""A repository's files, and what arrived of them."""

import os

CONFIG, WEIGHTS = b'{"format_version": 1}', os.urandom(50_000)
# Two files, which need not be a model for `resolve`, and others that must not be asked for.
FILES = {
    "config.json": CONFIG,
    "model.safetensors": WEIGHTS,
    "README.md": b"# card",
    "pytorch_model.bin": b"\x80\x04.",
    "model.py": b"1/0",
}


def content(answer: dict) -> dict[str, bytes]:
    """The files in the folder that was resolved."""
    directory = answer["result"][0]
    return {
        name: open(os.path.join(directory, name), "rb").read()
        for name in sorted(os.listdir(directory))
    }
