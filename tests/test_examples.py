"""Every public name has an example in its docstring that runs, offline, and is in the reference."""

import doctest
import inspect
import re
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

import synthderm
from synthderm.evaluation import evaluate as module
from synthderm.evaluation.evaluate import Plan
from synthderm.imaging.io import to_pil
from tests.drawing import draw_skin

ROOT = Path(__file__).parents[1]
NAMES = [name for name in synthderm.__all__ if name != "__version__"]
# What torch, torchvision and other modules of the library call, and a user of it does not.
HOOKS = {
    *("forward", "make_params", "transform", "extra_repr", "edit_items"),
    *("draw", "restore", "find", "views", "sample", "choose_shown", "plain_state"),
    *("embed", "from_codes", "mean_style", "sample_skin_tone"),
}


def methods_of(name: str) -> dict[str, object]:
    """The public methods of a class that are written in this library; nothing of a function."""
    owner = getattr(synthderm, name)
    if not inspect.isclass(owner):
        return {}
    found = {}
    for key, value in inspect.getmembers(owner, callable):
        inner = inspect.unwrap(getattr(value, "__func__", value))
        is_own = str(getattr(inner, "__module__", "")).startswith("synthderm.")
        if is_own and not key.startswith("_") and key not in HOOKS:
            found[f"{name}.{key}"] = value
    return found


PUBLIC = {name: getattr(synthderm, name) for name in NAMES}
for _name in NAMES:
    PUBLIC |= methods_of(_name)


def docstring(thing: object) -> str:
    return inspect.getdoc(thing) or ""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of drawn photographs, and a network with random weights, as the examples name
    them."""
    folder = tmp_path_factory.mktemp("examples")
    for name, count in (("melanoma", 10), ("nevus", 12)):
        (folder / "photos" / name).mkdir(parents=True)
        for k in range(count):
            path = folder / "photos" / name / f"{k}.png"
            to_pil(draw_skin(40, 40, seed=count + k)).save(path)
    torch.manual_seed(0)
    state = timm.create_model("mobilenetv2_100").state_dict()
    save_file(state, folder / "network.safetensors")
    return folder


@pytest.mark.filterwarnings("ignore:.*does not say")
@pytest.mark.parametrize("name", PUBLIC)
def test_an_example_runs(name, place, monkeypatch):
    tiny = Plan(shares=(1.0,), doses=(1,), folds=2, repeats=1, copies=1, most_generated=20)
    monkeypatch.setattr(module, "QUICK", tiny)
    monkeypatch.chdir(place)
    text = docstring(PUBLIC[name])
    assert re.search(r"^Example:\n    >>> ", text, re.MULTILINE), f"{name} has no example"
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    shown: list[str] = []
    failures, _ = doctest.DocTestRunner().run(test, out=shown.append)
    assert not failures, "".join(shown)


def test_the_reference_names_every_public_method():
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    blocks = re.findall(r"synthderm\.(\w+)\n(?:   :members: (.*))?", page)
    listed = {name: {part.strip() for part in members.split(",")} for name, members in blocks}
    assert set(listed) == set(NAMES)
    for name in NAMES:
        wanted = {key.partition(".")[2] for key in methods_of(name)}
        assert listed[name] - {""} == wanted, f"docs/reference.md and {name} differ"
