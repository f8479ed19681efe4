"""Training in several processes, each with a device of its own: a GPU, or cores of a CPU.

Every process draws the random numbers of the whole batch from the same random state, and computes
its own rows of it. Batch statistics, gradients and what is logged are those of all rows. So each
process takes the same step as a single one would, up to rounding, all have the same weights, and a
checkpoint knows nothing of processes. The main process alone measures and writes.

Where a batch is too large for the memory, each process goes through its rows in slices, and takes
one step for all (gradient accumulation).
"""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from synthderm.training.collectives import sum_over_processes
from synthderm.training.slices import SharedBuffers, split_rows

# How launchers say how many processes they started: torchrun and accelerate, then three of MPI.
LAUNCHED = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
PATIENCE = timedelta(hours=2)  # for the main process, which validates while the others wait


class Rows(Protocol):
    """A batch that can be divided."""

    def rows(self, rows: Tensor) -> Any:
        """The part of these (N,) rows."""


Batch = TypeVar("Batch", bound=Rows)
Part = TypeVar("Part")


class Devices:
    """The processes of a run, and what they do together. A process that was started alone needs no
    other library, and computes as if this class were not there.

    Args:
        device: of each process, as torch names it; of several GPUs each takes its own.

    Raises:
        ValueError: several processes were started and accelerate is not installed, or a launcher
            was asked for several and started one.
    """

    def __init__(self, device: str) -> None:
        self.device, self.rank, self.count = torch.device(device), 0, 1
        self._messages: Any = None
        self._slices: list[Tensor] | None = None
        if any(int(os.environ.get(name) or 1) > 1 for name in LAUNCHED):
            self._join()
        elif "ACCELERATE_MIXED_PRECISION" in os.environ and "MASTER_PORT" in os.environ:
            raise ValueError(
                "accelerate launch --cpu starts several processes by MPI alone: start them by"
                " torchrun --nproc-per-node N, with --device cpu."
            )

    def _join(self) -> None:
        try:
            from accelerate import PartialState
        except ImportError:
            raise ValueError(
                "training in several processes needs accelerate: pip install 'synthderm[train]'."
            ) from None
        state = PartialState(cpu=self.device.type == "cpu", timeout=PATIENCE)
        self.device, self.rank, self.count = state.device, state.process_index, state.num_processes
        # On sockets, whatever the devices: it fails at once where a process has died.
        self._messages = dist.new_group(backend="gloo", timeout=PATIENCE)

    @property
    def is_main(self) -> bool:
        """Whether this process measures, prints and writes."""
        return self.rank == 0

    def split(self, batch: int, accumulate: int, *, multiple: int = 1, run: int = 1) -> None:
        """Settle which rows of each batch this process computes, a slice at a time.

        Args:
            batch: images of the whole batch.
            accumulate: slices of each process.
            multiple: of how many images a slice must be.
            run: how many neighbours stay together.

        Raises:
            ValueError: the batch can't be divided so.
        """
        parts = self.count * accumulate
        if parts > 1 and batch % (parts * multiple):
            processes = f"{self.count} processes" if self.count > 1 else "one process"
            raise ValueError(
                f"--batch {batch} can't be divided among {processes} with --accumulate"
                f" {accumulate}: give a multiple of {parts * multiple}."
            )
        if parts > 1:
            rows = split_rows(batch, parts, run)
            self._slices = rows[self.rank * accumulate : (self.rank + 1) * accumulate]

    def parts(self, batch: Batch) -> list[Batch]:
        """The slices of a batch that this process computes."""
        return [batch] if self._slices is None else [batch.rows(rows) for rows in self._slices]

    def backward(
        self,
        parts: Sequence[Part],
        losses: Callable[[Part], tuple[Tensor, Tensor]],
        networks: Sequence[nn.Module],
        parameters: Sequence[nn.Parameter],
    ) -> Tensor:
        """Give parameters the gradients of the whole batch's mean loss.

        Args:
            parts: the slices of this process, or what was made of each.
            losses: gives of one of them its loss and (N,) numbers to be known.
            networks: all that have buffers which a forward pass changes.
            parameters: those that learn; they have no gradients yet.

        Returns:
            the mean of these numbers over the whole batch.
        """
        known = []
        buffers = SharedBuffers(networks, len(parts))
        for part in parts:
            loss, numbers = losses(part)
            (loss / len(parts)).backward()
            known.append(numbers.detach())
            buffers.next()
        self._average_gradients(parameters)
        mean = torch.stack(known).mean(0)
        return mean if self.count == 1 else sum_over_processes(mean) / self.count

    @torch.no_grad()
    def _average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.count == 1:
            return
        flat = sum_over_processes(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = (flat / self.count).split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts):
            gradient.copy_(part.view(gradient.shape))

    def agree(self, value: int) -> int:
        """What the main process says, for all, who wait for it here."""
        if self.count == 1:
            return value
        message = torch.tensor(value)
        dist.broadcast(message, 0, group=self._messages)
        return int(message)

    def check_equal(self, value: int, says: str) -> None:
        """
        Raises:
            ValueError: with `says`, where the processes have different values.
        """
        if self.count == 1:
            return
        values = [torch.tensor(0) for _ in range(self.count)]
        dist.all_gather(values, torch.tensor(value), group=self._messages)
        if len({int(one) for one in values}) > 1:
            raise ValueError(says)

    def close(self) -> None:
        """End the connections, when all processes have come here."""
        if self.count > 1:
            dist.barrier(group=self._messages)
            dist.destroy_process_group()
