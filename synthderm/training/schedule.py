"""What changes while a generator is trained."""

from argparse import Namespace


def schedule(args: Namespace, shown: int) -> tuple[float, int]:
    """The weight of class and skin tone, and the image size, after `shown` images: functions of
    the count alone, so that resuming is exact.

    Args:
        args: of train_gan.py.
        shown: images that the run was trained on so far.
    """
    start, end = args.condition_images
    condition = min(1.0, max(0.0, (shown - start) / max(1, end - start)))
    return condition, args.size // 2 if shown < args.half_res_images else args.size
