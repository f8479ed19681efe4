"""Arguments of the transform, the functions and the data set, and what they are called with."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image
from torchvision import tv_tensors

import synthderm
from synthderm.models.editor import EczemaEditor
from tests.drawing import liven
from tests.fuzz.outcome import attempt, require

ATTACK = "arguments of any type and size for EczemaEdit, add_eczema, remove_eczema, random_mask"
NUMBERS = [
    *(0, 1, -1, 0.5, 1.5, 1e300, -0.0, 2**31, 2**63, 2**70, -(10**400), float("nan"), float("inf")),
    *(True, False, None, "0.5", "", b"1", 1j, [], {}, (), object, np.float32(0.5), np.int64(1)),
    *(torch.tensor(0.5), torch.tensor([0.2, 0.4]), torch.tensor([]), torch.tensor(float("nan"))),
    *(np.array([0.1, 0.9]), np.array("x"), [0.2, 0.8], (0.8, 0.2), (0.1, 0.2, 0.3), {0.1, 0.2}),
    *([True, 0.5], ["a", "b"], [None, None], range(2), torch.tensor(True), torch.ones(1, 2, 3)),
]
OPTIONS = {
    "mode": ["add", "remove", "toggle", "ad", "", None, 0, ["add"], ("add",), np.str_("add")],
    "mask": [None, "random", "given", "predict", "x", 0, True, ["random"]],
    "label": [
        None,
        0,
        1,
        255,
        2**70,
        -1,
        1.0,
        1.9,
        True,
        "x",
        {"add": 1},
        {"add": 1, "remove": 0},
        {},
    ],
    "labels_getter": ["default", None, "label", 0, len],
    "return_record": [False, True],
    "p": NUMBERS,
    "severity": NUMBERS,
    "coverage": NUMBERS,
}


class Case(NamedTuple):
    """A public function by its name, options, and what it is called with."""

    function: str
    options: dict[str, Any]
    inputs: tuple[Any, ...]


@cache
def editor() -> EczemaEditor:
    return liven(EczemaEditor([8, 8]))


@st.composite
def images(draw: Any) -> Any:
    """Tensors, arrays and PIL images of good and odd kinds."""
    batch = draw(st.sampled_from([(), (), (2,), (0,), (1, 1)]))
    channels = draw(st.sampled_from([3, 3, 3, 1, 4, 2, 0]))
    sides = draw(st.sampled_from([1, 9, 24, 24, 0])), draw(st.sampled_from([1, 20, 20, 0]))
    pixels = torch.rand(*batch, channels, *sides)
    kind = draw(st.integers(0, 10))
    if kind < 3:
        return (pixels * 255).byte()
    if kind == 3:
        return draw(st.sampled_from([pixels, pixels * 255, pixels - 1, pixels / 0]))
    if kind == 4:
        dtypes = [torch.uint16, torch.int16, torch.bool, torch.float16, torch.float64]
        return (pixels * 255).to(draw(st.sampled_from(dtypes)))
    if kind == 5:
        return draw(st.sampled_from([pixels[..., ::2], pixels.transpose(-1, -2)]))
    if kind == 10:
        return draw(st.sampled_from([pixels.to("meta"), pixels.to_sparse()]))
    if kind == 6:
        return Image.new(
            draw(st.sampled_from(["RGB", "L", "RGBA", "P", "CMYK", "1"])), (20, 16), 90
        )
    if kind == 7:
        dtype = draw(st.sampled_from([np.uint8, np.float32, np.int64, np.bool_]))
        return draw(st.sampled_from([np.zeros((16, 20, 3)), np.zeros((16, 20))])).astype(dtype)
    return draw(
        st.sampled_from([tv_tensors.Image((pixels * 255).byte()), None, "a.png", 3, b"", []])
    )


@st.composite
def masks(draw: Any, image: Any) -> Any:
    shape = tuple(getattr(image, "shape", (3, 16, 20)))
    sides = shape[-2:] if len(shape) > 1 else (16, 20)
    region = torch.rand(*shape[:-3], draw(st.sampled_from([1, 1, 1, 3])), *sides) > 0.4
    dtypes = [torch.bool, torch.bool, torch.uint8, torch.uint16, torch.int16, torch.float32]
    region = region.to(draw(st.sampled_from(dtypes)))
    odd = [region[..., :1], region.flatten(-2), None, 0, "m", region.numpy()]
    return draw(st.sampled_from([region] * 4 + [tv_tensors.Mask(region)] * 4 + odd))


@st.composite
def cases(draw: Any) -> Case:
    function = draw(st.sampled_from(["EczemaEdit", "EczemaEdit", "batch", *FUNCTIONS]))
    image = draw(images())
    mask = draw(masks(image))
    if function in FUNCTIONS:
        names = FUNCTIONS[function]
        options = {name: st.sampled_from(NUMBERS) for name in names}
        return Case(function, draw(st.fixed_dictionaries({}, optional=options)), (image, mask))
    chosen = {name: st.sampled_from(values) for name, values in OPTIONS.items()}
    # Few at once, or one that is wrong would hide the rest.
    few = draw(st.sets(st.sampled_from(list(OPTIONS)), max_size=2))
    options = {"p": 1.0} | {name: draw(chosen[name]) for name in few}
    label = draw(st.sampled_from([0, 1, True, 1.5, "a", None, torch.tensor(0), np.int64(0), [0]]))
    forms = [(image,), (image, mask), (image, label), (image, mask, label)]
    forms += [({"image": image, "mask": mask, "label": label},), ({"mask": mask, "image": image},)]
    return Case(function, options, draw(st.sampled_from(forms)))


FUNCTIONS = {
    "add_eczema": ["severity", "coverage", "seed", "signs"],
    "remove_eczema": ["severity"],
    "find_eczema": ["threshold"],
    "random_mask": ["coverage", "seed"],
}


def prepare(folder: Path) -> None:
    """Nothing is needed."""


def check(case: Case, folder: Path) -> str:
    image, *rest = case.inputs
    before = image.clone() if isinstance(image, torch.Tensor) else None
    _, refusal = attempt(lambda: call(case))
    if refusal is not None:
        return "refused"
    is_plain = before is not None and before.layout == torch.strided and before.device.type == "cpu"
    require(not is_plain or torch.equal(before, image), "the input was written to")
    return "accepted"


def call(case: Case) -> Any:
    image, *rest = case.inputs
    if case.function == "random_mask":
        return synthderm.random_mask(image, **case.options)
    if case.function == "find_eczema":
        return synthderm.find_eczema(image, model=editor(), **case.options)
    if case.function in FUNCTIONS:
        function = getattr(synthderm, case.function)
        return function(image, *rest, model=editor(), **case.options)
    edit = synthderm.EczemaEdit(model=editor(), **case.options)
    return edit.batch(*case.inputs[:3]) if case.function == "batch" else edit(*case.inputs)
