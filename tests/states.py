"""Torch switched as programs switch it, for tests that nothing of it changes a bit."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def default_device(device: str) -> Iterator[None]:
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def deterministic_algorithms() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


STATES = {
    "autocast to bf16": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast to fp16": lambda: torch.autocast("cpu", torch.float16),
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "default dtype float64": lambda: default_dtype(torch.float64),
    "default dtype float16": lambda: default_dtype(torch.float16),
    # Tensors without memory: whatever is made there by mistake can't be read.
    "default device": lambda: default_device("meta"),
    "device context": lambda: torch.device("meta"),
    "deterministic algorithms": deterministic_algorithms,
}
# `switched()` is a context in which torch is switched in one of these ways.
in_every_state = pytest.mark.parametrize("switched", list(STATES.values()), ids=list(STATES))
