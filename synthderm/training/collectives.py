"""Sums and rows over the processes of a training, with gradients, and batch norm over them.

torch's own SyncBatchNorm has no CPU, and its gradients have none themselves.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class _Sum(torch.autograd.Function):
    """The sum over processes. Each adds its gradient to all, so the gradient is a sum too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return sum_over_processes(gradients[0])


def is_joined() -> bool:
    """Whether this process trains with others."""
    return dist.is_available() and dist.is_initialized()


def sum_over_processes(x: Tensor) -> Tensor:
    """The sum of the tensors that the processes have, of one shape, with gradients of any order."""
    return _Sum.apply(x)


def gather_rows(x: Tensor) -> Tensor:
    """The rows of all processes, (count * B, ...), of (B, ...) in each; with gradients of any order
    to all. Where a process trains alone: its own."""
    if not is_joined():
        return x
    others = torch.zeros_like(x)
    places = [x if rank == dist.get_rank() else others for rank in range(dist.get_world_size())]
    return sum_over_processes(torch.cat(places).float()).to(x.dtype)


class SyncedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose mean and variance are those of all processes, of as many images each."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        own = x.float()
        own_mean, own_variance = own.mean((0, 2, 3)), own.var((0, 2, 3), unbiased=False)
        means, variances = gather_rows(torch.stack([own_mean, own_variance])[None]).unbind(1)
        mean = means.mean(0)
        variance = variances.mean(0) + means.var(0, unbiased=False)
        self._remember(mean.detach(), variance.detach(), len(means) * x.numel() // x.shape[1])
        own = (own - mean[:, None, None]) * (variance + self.eps).rsqrt()[:, None, None]
        if self.affine:
            own = own * self.weight[:, None, None] + self.bias[:, None, None]
        return own.to(x.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics, as torch does, towards these of `count` values."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)


def sync_norms(network: nn.Module) -> None:
    """Let a network's batch norms be those of all processes. Its tensors keep names and values; a
    process that trains alone keeps torch's own."""
    if not is_joined():
        return
    for module in list(network.modules()):
        for name, norm in list(module.named_children()):
            if type(norm) is nn.BatchNorm2d:
                synced = SyncedBatchNorm(norm.num_features, norm.eps, affine=norm.affine)
                synced.load_state_dict(norm.state_dict())
                setattr(module, name, synced.to(_device_of(norm)).train(norm.training))


def _device_of(norm: nn.BatchNorm2d) -> torch.device:
    assert norm.running_mean is not None
    return norm.running_mean.device
