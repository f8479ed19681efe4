"""Models by name, frozen, loaded once a process."""

import copy
import os
from functools import lru_cache
from pathlib import Path

import torch

from synthderm.determinism import usual_torch
from synthderm.models.editor import EczemaEditor
from synthderm.models.generator import SkinGenerator

# Bundled name, folder, Hub id ("org/name@revision"), or a loaded editor.
Model = str | os.PathLike[str] | EczemaEditor


def load_generator(model: str | os.PathLike[str], device: str = "cpu") -> SkinGenerator:
    """The frozen generator of this name on this device."""
    return _load_generator(model if isinstance(model, str) else Path(model), device)


@lru_cache(maxsize=4)
@usual_torch()
def _load_generator(model: str | Path, device: str) -> SkinGenerator:
    return SkinGenerator.from_pretrained(model).freeze().to(device)


def load_editor(model: Model, device: torch.device | str = "cpu") -> EczemaEditor:
    """The frozen editor of this name, or the editor that is given, on this device.

    What is loaded stays on the CPU, where forked workers can use it; a copy goes elsewhere.

    Raises:
        TypeError: the editor that is given is not in float32.
    """
    if isinstance(model, EczemaEditor):
        _check_fork(next(model.parameters()).device)
        if model.stem.weight.dtype != torch.float32:
            raise TypeError(
                f"the editor's weights are {model.stem.weight.dtype}, edits are worked out in"
                " float32: use editor.float()."
            )
    else:
        model = _load_editor(model if isinstance(model, str) else Path(model))
    device = torch.device(device)
    return model if model.stem.weight.device == device else _copy_to(model, device)


@lru_cache(maxsize=4)
@usual_torch()
def _load_editor(model: str | Path) -> EczemaEditor:
    editor = EczemaEditor.from_pretrained(model).requires_grad_(False)
    return editor.to(memory_format=torch.channels_last)


@lru_cache(maxsize=4)
@usual_torch()
def _copy_to(editor: EczemaEditor, device: torch.device) -> EczemaEditor:
    return copy.deepcopy(editor).to(device)


def _check_fork(device: torch.device) -> None:
    if device.type == "cuda" and torch.cuda._is_in_bad_fork():
        raise RuntimeError(
            "the editor is on CUDA, which a forked DataLoader worker can't use. Either leave the"
            " model on the CPU (pass its name), or edit after loading, in the main process, with"
            " EczemaEdit.batch(images)."
        )
