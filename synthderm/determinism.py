"""The same bits whatever torch has been switched to by the program around."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Lock

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


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's global random numbers as after `torch.manual_seed(seed)`, and then as they were
    before; on the CPU, where all that is random about an edit is drawn."""
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(state)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run on one thread. Some convolutions add up in another order on two threads than on one;
    loader workers have one thread, so one is what every process uses. It costs a quarter of a
    millisecond, or nothing where there is one thread anyway."""
    with _SWITCHING:
        threads = torch.get_num_threads()
    if threads > 1:
        _set_threads(1)
    try:
        yield
    finally:
        if threads > 1:
            _set_threads(threads)


def _set_threads(count: int) -> None:
    """Set how many threads torch uses in this thread, and in no other.

    `torch.set_num_threads` also sets what a thread begins with that has not used torch before. A
    new one reads that first, and puts it back.
    """
    with _SWITCHING, ThreadPoolExecutor(1) as new:
        others = new.submit(torch.get_num_threads).result()
        torch.set_num_threads(count)
        new.submit(torch.set_num_threads, others).result()


# Held while another thread would begin with a number that is not its own; never over a fork.
_SWITCHING = Lock()
os.register_at_fork(
    before=_SWITCHING.acquire,
    after_in_parent=_SWITCHING.release,
    after_in_child=_SWITCHING.release,
)
