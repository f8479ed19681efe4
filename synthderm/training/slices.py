"""A batch in slices, one after the other: which rows, and buffers as if there had been one pass."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def split_rows(batch: int, parts: int, run: int = 1) -> list[Tensor]:
    """The rows of each part of a batch: every `parts`-th one, so that each part has as many rows of
    the batch's first half as any other.

    Args:
        batch: number of rows, a multiple of `parts` times `run`.
        parts: how many there are.
        run: how many neighbours stay together.

    Returns:
        (batch / parts,) int64 each.
    """
    return list(torch.arange(batch).view(-1, parts, run).transpose(0, 1).flatten(1))


class SharedBuffers:
    """Buffers of networks in training mode over several slices: each slice starts from the same,
    and in the end they are the mean of what the slices left.

    So spectral norms take as many power iterations as in one pass, and running statistics one step.

    Args:
        networks: may be none.
        count: number of slices. One leaves the buffers alone.
    """

    def __init__(self, networks: Sequence[nn.Module], count: int) -> None:
        self.count = self.left = count
        self.buffers: list[Tensor] = []
        if count > 1:
            modules = [m for network in networks for m in network.modules() if m.training]
            self.buffers = [buffer for m in modules for buffer in m.buffers(recurse=False)]
        self.before = [buffer.clone() for buffer in self.buffers]
        self.change = [torch.zeros_like(buffer) for buffer in self.buffers]

    @torch.no_grad()
    def next(self) -> None:
        """After a slice."""
        self.left -= 1
        for buffer, before, change in zip(self.buffers, self.before, self.change):
            change += buffer - before
            buffer.copy_(before)
            if not self.left:
                buffer += (change / self.count).to(buffer.dtype)

    @torch.no_grad()
    def forget(self) -> None:
        """As if there had been no pass at all."""
        for buffer, before in zip(self.buffers, self.before):
            buffer.copy_(before)
