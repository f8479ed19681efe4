"""timm networks by one line of text: with weights from the Hub, or from a file."""

import copy
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from synthderm.hub.model_folder import check_header


class InputConfig(NamedTuple):
    """What a network expects of an image in [0, 1]: side in pixels, mean and deviation."""

    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def load_backbone(spec: str, **options: Any) -> nn.Module:
    """A pretrained timm network in eval mode.

    Args:
        spec: NAME, with timm's own weights from the Hub; or NAME=FILE.safetensors, weights that
            were trained with TensorFlow's padding and with mean and deviation 0.5. Tensors of the
            file that the network does not have (its head, with `features_only`) are passed over.
        options: further arguments of `timm.create_model`.

    Raises:
        ValueError: the file lacks a tensor that the network has, or a huge header.
    """
    import timm
    from safetensors.torch import load_file

    name, _, file = spec.partition("=")
    if not file:
        return timm.create_model(name, pretrained=True, **options).eval()
    network = timm.create_model(name, pad_type="same", **options)
    check_header(Path(file))
    stored = load_file(file)
    expected = network.state_dict()
    missing = [key for key in expected if key not in stored]
    if missing:
        raise ValueError(
            f"{file} does not fit {name}: {missing[0]} is missing ({len(missing)} in all)."
        )
    network.load_state_dict({key: stored[key] for key in expected})
    return network.eval()


def input_config(network: nn.Module, spec: str) -> InputConfig:
    """What a network of `load_backbone` expects of its input."""
    from timm.data.config import resolve_model_data_config

    if "=" in spec:
        return InputConfig(224, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    config = resolve_model_data_config(network)
    return InputConfig(config["input_size"][-1], config["mean"], config["std"])


def fold_norms(model: nn.Module) -> nn.Module:
    """The same function in eval mode, with each batch norm folded into the convolution before it:
    a quarter less time.

    Pairs are found by their order in a module, as timm's networks have them. The result is
    compared with the model, which stays as it was where they differ.
    """
    folded = copy.deepcopy(model).eval().requires_grad_(False)
    for module in list(folded.modules()):
        conv_name, conv = "", None
        for name, child in list(module.named_children()):
            if (
                isinstance(child, nn.BatchNorm2d)
                and isinstance(conv, nn.Conv2d)
                and conv.out_channels == child.num_features
            ):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, child))
                setattr(module, name, getattr(child, "act", None) or nn.Identity())
            if not isinstance(child, nn.Identity):
                conv_name, conv = name, child
    probe = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    model.eval().requires_grad_(False)
    with torch.no_grad():
        is_same = all(
            torch.allclose(a, b, rtol=1e-3, atol=1e-3 * float(b.abs().max()))
            for a, b in zip(folded(probe), model(probe))
        )
    return folded if is_same else model
