"""A number that the workers of a DataLoader see change."""

from typing import Any

import torch

from synthderm.determinism import usual_torch


class SharedInteger:
    """An integer in shared memory: what one process sets, the workers that it has started read,
    also those that stay from epoch to epoch. Any other copy of it is on its own."""

    def __init__(self, value: int = 0) -> None:
        with usual_torch():
            self._tensor = torch.zeros(1, dtype=torch.int64).share_memory_()
        self.value = value

    # By way of numpy, since torch refuses to change tensors that were made in inference mode.
    @property
    def value(self) -> int:
        return int(self._tensor.numpy()[0])

    @value.setter
    def value(self, value: int) -> None:
        self._tensor.numpy()[0] = value

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._tensor.share_memory_()  # a copy is not, unless it was sent to a worker
