"""Edits have the same bits and the same record whatever torch is switched to around them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torchvision import tv_tensors

from synthderm import EczemaEdit, add_eczema, find_eczema, random_mask, remove_eczema
from synthderm.imaging.io import to_pil
from synthderm.imaging.lesions import _tables
from synthderm.imaging.masks import _noise_basis
from synthderm.imaging.resize import _knots, _matrix, _neighbours
from synthderm.models.cache import _load_editor
from tests.drawing import draw_skin
from tests.states import STATES, in_every_state

SIZE = (37, 230)  # of which rows and columns are enlarged in different ways


@pytest.fixture(scope="module")
def folder(editor, tmp_path_factory) -> Path:
    return editor.save_pretrained(tmp_path_factory.mktemp("editor"))


IMAGES = draw_skin(*SIZE).expand(2, -1, -1, -1).contiguous()
MASKS = torch.zeros(2, 1, *SIZE, dtype=torch.bool)
MASKS[:, :, 5:30, 20:180] = True
LABELS = torch.tensor([0, 0])
SAMPLES = {
    "PIL": (to_pil(IMAGES[0]), 0, 5),
    "float": (tv_tensors.Image(IMAGES[0]), tv_tensors.Mask(MASKS[0]), torch.tensor(0), 5),
    "uint16": {"image": (IMAGES[0] * 65535).to(torch.int32).to(torch.uint16), "label": 0},
    "batch": (IMAGES, LABELS),
}


def clear_caches() -> None:
    for cache in (_load_editor, _matrix, _knots, _neighbours, _noise_basis, _tables):
        cache.cache_clear()


def run(folder: Path) -> dict[str, list]:
    """What the public functions and the transform give of one random state."""
    torch.manual_seed(5)
    images, masks = IMAGES, MASKS
    results = {
        "mask": [random_mask(images, 0.4, seed=3)],
        "global random numbers": [random_mask(images[0])],
        "add": list(add_eczema(images, None, 0.8, seed=1, model=folder)),
        "remove": list(remove_eczema(images[0], masks[0], model=folder)),
        "find": [find_eczema(images, model=folder)],
    }
    for mode, source in (("add", "random"), ("add", "given"), ("toggle", "given")):
        label = {"add": 1, "remove": 2} if mode == "toggle" else 1
        edit = EczemaEdit(
            mode, p=0.9, mask=source, label=label, model=folder, return_record=True, severity=0.9
        )
        for name, sample in SAMPLES.items():
            if source == "random" or name == "float":
                results[f"{mode}, {source}, {name}"] = flatten(edit(sample))
        batch = edit.batch(images, masks, LABELS)
        results[f"{mode}, {source}, batch()"] = flatten(batch)
    return results


def flatten(output) -> list:
    return torch.utils._pytree.tree_flatten(output)[0]


def assert_equal(results: dict[str, list], expected: dict[str, list]) -> None:
    assert results.keys() == expected.keys()
    for name, parts in results.items():
        for part, other in zip(parts, expected[name], strict=True):
            assert type(part) is type(other), name
            if isinstance(part, torch.Tensor):
                assert part.dtype == other.dtype and part.device == other.device, name
                assert torch.equal(part, other), name
            elif hasattr(part, "tobytes"):
                assert part.tobytes() == other.tobytes(), name
            else:
                assert part == other, name


@in_every_state
def test_edits_do_not_depend_on_the_state_of_torch(folder, switched):
    clear_caches()
    expected, threads = run(folder), torch.get_num_threads()
    clear_caches()
    with switched():
        results = run(folder)
    assert_equal(results, expected)
    assert torch.get_num_threads() == threads
    assert_equal(run(folder), expected)  # with what was loaded and cached inside


def test_edits_in_threads_do_not_disturb_one_another(folder):
    image, seen = IMAGES[0], []
    expected = add_eczema(image, None, 0.8, seed=1, model=folder)

    def work(state: str) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled="autocast" in state):
            for _ in range(3):
                edit = add_eczema(image, None, 0.8, seed=1, model=folder)
                seen.append(all(torch.equal(a, b) for a, b in zip(edit, expected)))
                seen.append(torch.zeros(1).dtype == torch.float64)
                seen.append(torch.is_autocast_enabled("cpu") == ("autocast" in state))

    threads = torch.get_num_threads()
    with STATES["default dtype float64"](), ThreadPoolExecutor(4) as pool:
        list(pool.map(work, ["autocast to bf16", "plain"] * 2))
        counts = set(pool.map(lambda _: torch.get_num_threads(), range(8)))
    assert all(seen) and len(seen) == 36
    assert counts == {threads}


def test_what_was_loaded_in_inference_mode_can_be_trained_with(folder):
    clear_caches()
    with torch.inference_mode():
        edited = add_eczema(IMAGES, None, 0.8, seed=1, model=folder).images
    weight = torch.ones(3, 1, 1, requires_grad=True)
    (edited * weight).sum().backward()
    assert weight.grad.abs().sum() > 0
    thumbnail = _matrix("average", SIZE[1], 64, torch.device("cpu"))
    (thumbnail * torch.ones((), requires_grad=True)).sum().backward()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_autocast_on_cuda_changes_no_bit(folder, dtype):
    images = IMAGES.cuda()
    edit = EczemaEdit(p=1, label=1, model=folder, return_record=True)
    labels = torch.zeros(2, dtype=torch.long, device="cuda")

    def edits() -> list:
        torch.manual_seed(5)
        removed = remove_eczema(images, random_mask(images, seed=1), model=folder)
        return [*flatten(edit.batch(images, labels=labels)), *removed]

    expected = edits()
    with torch.autocast("cuda", dtype):
        results = edits()
    torch.set_default_device("cuda")
    try:
        results_there = edits()
    finally:
        torch.set_default_device(None)
    assert_equal(
        {"autocast": results, "device": results_there},
        dict.fromkeys(("autocast", "device"), expected),
    )


def test_an_editor_in_another_dtype_is_refused(editor):
    half = type(editor)([8, 8]).half()
    with pytest.raises(TypeError, match=r"torch.float16, .* use editor.float\(\)"):
        EczemaEdit(p=1, model=half)(draw_skin(20, 20))
