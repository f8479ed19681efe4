"""What a network costs: parameters, multiplications and milliseconds."""

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

REPEATS = 9


@torch.no_grad()
def measure_costs(
    network: nn.Module, make_one: Callable[[], object], device: torch.device
) -> dict[str, float]:
    """Parameters, multiply-accumulates of one image, and milliseconds of one image on one core (on
    a GPU: of the clock), the median of `REPEATS`.

    Args:
        network: whose parameters count.
        make_one: makes one image, or edits it.
        device: where the network is.
    """
    counter = FlopCounterMode(display=False)
    with counter:
        make_one()
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    times = []
    for _ in range(REPEATS):
        begun = clock()
        make_one()
        if device.type != "cpu":
            torch.cuda.synchronize(device)
        times.append(1000 * (clock() - begun))
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "macs": counter.get_total_flops() // 2,
        "ms_per_image": median(times),
    }
