"""The same bits whatever torch has been switched to by the program around."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

AUTOCAST_DEVICES = ("cpu", "cuda", "mps", "xpu")


@contextmanager
def usual_torch() -> Iterator[None]:
    """Without autocast, without inference mode, and with the CPU as default device, in this thread.

    Under autocast products are rounded to 16 bits; what is cached in inference mode can't be
    trained with later. Also a decorator. Where nothing is switched, it costs some microseconds.

    The default dtype stays as it is: it belongs to all threads, and another one may be making
    tensors right now. So the code inside names the dtype wherever it makes a tensor of floats.
    """
    with ExitStack() as stack:
        for device in AUTOCAST_DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.no_grad())  # which inference mode includes
        if not _is_default_device_the_cpu():
            stack.enter_context(torch.device("cpu"))
        yield


def _is_default_device_the_cpu() -> bool:
    try:
        return torch.empty(0).device.type == "cpu"  # in a fifth of `get_default_device`'s time
    except RuntimeError:  # CUDA, in a forked worker that can't use it
        return False
