"""The state of a generator's training that travels with its weights, so that hours add up from one
training to the next: discriminators, encoder, optimizers and running figures.

A folder holds the averaged generator as any model folder does, and beside it `training.json` and
the tensors of `checkpoint.pt` in half the space. Weights of networks are in float16, right to a
part in 2,000. Adam's second moments, which range over 17 orders of magnitude, are in bfloat16: it
has their range and is right to a part in 250, which moves a step by half of that. Vectors (biases,
norms, running statistics) stay in float32. The frozen network of --features is not in it, but its
hash is.
"""

import hashlib
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synthderm.hub.model_card import without_folders
from synthderm.hub.model_folder import CONFIG, WEIGHTS, short
from synthderm.models.backbones import load_backbone
from synthderm.models.generator import SkinGenerator
from synthderm.training.checkpoint import CHECKPOINT, Part, load_state, read_checkpoint
from synthderm.training.run import describe_run
from synthderm.training.tensor_files import INDEX, read_index, read_tensors, write_tensors

RECIPE = "train_gan.py"
NETWORKS = ("generator", "discriminators", "encoder")
OPTIMIZERS = {  # and what sentences call them
    "optimizer_g": "the generator's optimizer",
    "optimizer_d": "the discriminators' optimizer",
}
FIGURES = ("means", "augment_p", "beta")
# The settings on which the discriminators depend, and those on which a generator does not.
DISCRIMINATORS = ("size", "disc_channels", "classes", "skin_tone", "features")
NOT_GENERATOR = ("disc_channels", "features", "encoder")


def write_training_state(run: Path, folder: Path) -> list[Path]:
    """Write the state of a run as it was at its last checkpoint, and its averaged generator.

    Args:
        run: folder of a run of train_gan.py that was validated once at least.
        folder: it is made where it does not exist; an older training state in it is replaced.

    Returns:
        The files that hold tensors.

    Raises:
        ValueError: there is no such run, or the folder holds another model.
    """
    values = read_checkpoint(run)
    if values is None:
        raise ValueError(f"{run} has no {CHECKPOINT}: name the --out of a run of {RECIPE}.")
    record = values["record"]
    if record.get("recipe") != RECIPE:
        raise ValueError(
            f"{run} holds a run of {record.get('recipe', 'another program')}: only {RECIPE} has"
            " discriminators to keep."
        )
    if not (run / "last" / CONFIG).is_file():
        raise ValueError(f"{run} was not validated yet, it has no last/: train for longer.")
    if (folder / CONFIG).is_file() and not (folder / INDEX).is_file():
        raise ValueError(f"{folder} holds a model already: name a new folder.")
    ema = SkinGenerator.from_pretrained(run / "last")
    ema.load_state_dict(values["ema"])
    ema.card = {}  # of the weights in last/, which may be older
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)
    card = without_folders(describe_run(record, values["state"]))  # it is made to travel
    ema.save_pretrained(folder, card=card, half=True)
    args = Namespace(**record["parts"][-1]["arguments"])
    index = {
        "recipe": RECIPE,
        "shown": int(record["facts"].get("shown_before", 0)) + values["state"]["shown"],
        "settings": training_settings(args, ema.config),
    }
    return write_tensors(folder, flatten(values), index, beside=[CONFIG, WEIGHTS])


def training_settings(args: Namespace, config: Mapping[str, Any]) -> dict[str, Any]:
    """What decides whether a training state fits a command line.

    Args:
        args: of the command line.
        config: what rebuilds the generator. The quantiles of skin tones and the shares of artifacts
            are no part of its weights, and the latents are the code and the noise.
    """
    apart = ("tones", "artifacts", "latent_dim")
    return {
        **{key: value for key, value in config.items() if key not in apart},
        "skin_tone": "tones" in config,
        "disc_channels": args.disc_channels,
        "encoder": bool(args.recon_weight),
        "features": _identify(args.features) if args.features else None,
    }


def _identify(features: str) -> str:
    """The name of a frozen network, and a hash of its tensors."""
    digest = hashlib.sha256()
    for tensor in load_backbone(features, features_only=True).state_dict().values():
        digest.update(tensor.contiguous().numpy().tobytes())
    name, from_file, _ = features.partition("=")  # weights of a file are used in another way
    return f"{name}{from_file} {digest.hexdigest()}"


def flatten(values: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a checkpoint that go on, by names as "optimizer_d/3/exp_avg_sq", in half the
    space."""
    tensors = {}
    for part in NETWORKS:
        for key, value in values[part].items():
            tensors[f"{part}/{key}"] = _halve(value, torch.float16)
    for part in OPTIMIZERS:
        for number, moments in values[part]["state"].items():
            for key, value in moments.items():
                tensors[f"{part}/{number}/{key}"] = _halve(value, torch.bfloat16)
    for part in FIGURES:
        tensors[f"{part}/value"] = values[part]
    return tensors


def _halve(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A matrix or convolution kernel in half precision, if its values are within its range; any
    other tensor as it is."""
    if not tensor.is_floating_point() or tensor.dim() < 2:
        return tensor
    half = tensor.to(dtype)
    return half if torch.isfinite(half).all() else tensor


def take_training_state(
    parts: Mapping[str, Part], args: Namespace, config: Mapping[str, Any], folder: Path
) -> tuple[int, str]:
    """Load what fits of a folder's training state into the parts of a step.

    The discriminators and their optimizer fit or do not, whatever the generator does; the
    generator's last weights, the encoder and their optimizer likewise. Nothing is taken in halves.

    Args:
        parts: of the step, by name; changed in place. The generator and its average have the
            folder's averaged weights already, as far as these fit.
        args: of the command line.
        config: what rebuilds the generator.
        folder: of the generator that the run begins with.

    Returns:
        The images after which the training goes on, 0 where it starts anew; and in one line what
        was taken and what starts anew.

    Raises:
        ValueError: the training state is not whole, or not what it says.
    """
    networks = [name for name in NETWORKS if name != "encoder" or args.recon_weight]
    index = read_index(folder)
    if index is None:
        return 0, _tell(networks, [], 0, [f"it has no {INDEX}"])
    settings, kept = training_settings(args, config), index.get("settings")
    if not isinstance(kept, dict) or type(index.get("shown")) is not int:
        raise ValueError(f"{folder / INDEX} lacks settings or shown: it was edited by hand.")
    other = [n for n in {**settings, **kept} if kept.get(n) != settings.get(n)]
    goes_on = {
        "generator": set(other) <= set(NOT_GENERATOR),
        "discriminators": not set(other) & set(DISCRIMINATORS),
    }
    goes_on["encoder"] = goes_on["generator"] and "encoder" not in other
    loaded = [name for name in networks if goes_on[name]]
    if goes_on["discriminators"]:
        loaded += ["optimizer_d", "means", "augment_p"]
    if goes_on["encoder"]:  # with or without one, the optimizer has the same parameters
        loaded += ["optimizer_g", "beta"]
    for name in loaded:
        _load(parts[name], read_tensors(folder, index, f"{name}/"), f"{folder}: {name}")
    shown = index["shown"] if goes_on["generator"] and goes_on["discriminators"] else 0
    return shown, _tell(networks, loaded, shown, [_differ(n, kept, settings) for n in other])


def _load(part: Part, tensors: dict[str, Tensor], where: str) -> None:
    """Load tensors into a part of a step, strictly."""
    state: Any = tensors
    try:
        if isinstance(part, torch.optim.Optimizer):
            state = _optimizer_state(part, tensors)
        elif isinstance(part, Tensor):
            state = tensors["value"]
            if state.shape != part.shape:
                raise ValueError(f"shape {tuple(state.shape)} instead of {tuple(part.shape)}")
        load_state(part, state)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{where} does not fit ({short(str(error), 200)}): another version of synthderm wrote"
            f" it, or {INDEX} was edited by hand."
        ) from None


def _optimizer_state(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> Any:
    """The state dict of an optimizer; `load_state` compares the shapes of moments."""
    count = sum(len(group["params"]) for group in optimizer.param_groups)
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        number, _, name = key.partition("/")
        if not number.isdecimal() or int(number) >= count:
            raise ValueError(f"it has no parameter {short(number)}")
        if name == "step" and tensor.numel() != 1:
            raise ValueError(f"{short(key)} has shape {tuple(tensor.shape)}, not ()")
        if name == "exp_avg_sq" and (tensor < 0).any():
            raise ValueError(f"{key} is below 0")
        state.setdefault(int(number), {})[name] = tensor
    if not state or not all({"step", "exp_avg_sq"} <= set(moments) for moments in state.values()):
        raise ValueError("moments are missing")
    groups = [{"params": group["params"]} for group in optimizer.state_dict()["param_groups"]]
    return {"state": state, "param_groups": groups}


def _tell(networks: Sequence[str], loaded: Sequence[str], shown: int, why: Sequence[str]) -> str:
    """What was taken and what starts anew, in one line."""
    taken, anew = (
        [name for name in (*networks, *OPTIMIZERS) if (name in loaded) is had]
        for had in (True, False)
    )
    after = f" after {shown:,} images" if shown else ""
    if not anew:
        return f"{_join(taken)} go on{after}"
    if "generator" in anew:  # its average was taken, as far as it fits
        anew.remove("generator")
        taken.insert(0, "the generator's weights")
    return f"{_join(taken)} go on{after}; {_join(anew)} start anew: {'; '.join(why)}"


def _differ(name: str, kept: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """One sentence about a setting that is another one now."""
    if name == "features":
        return "--features names another network"
    if name == "encoder":
        return "one of the two has no --recon-weight"
    return f"{name} was {short(kept.get(name))} and is {short(settings.get(name))}"


def _join(names: Sequence[str]) -> str:
    """Names as in a sentence: "a, b and c"."""
    if set(OPTIMIZERS) <= set(names):
        names = [*(name for name in names if name not in OPTIMIZERS), "optimizers"]
    *first, last = (OPTIMIZERS.get(name, name) for name in names)
    return f"{', '.join(first)} and {last}" if first else last
