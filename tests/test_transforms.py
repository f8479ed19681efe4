"""EczemaEdit in anyone's pipeline: the torchvision contract, line by line."""

import copy
import io
import pickle
import random
import warnings
from collections import Counter, OrderedDict, namedtuple
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from drawing import draw_skin
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

import synthderm.edit
from synthderm import EczemaEdit, EczemaEditor, fast
from synthderm.edit import add_eczema
from synthderm.images import to_pil, to_tensor
from synthderm.transforms import _check_fork, _warn_boxes

SIZE = (48, 60)


def tensor(dtype=torch.uint8) -> torch.Tensor:
    image = draw_skin(*SIZE)
    return image.to(dtype) if dtype.is_floating_point else (image * torch.iinfo(dtype).max).to(torch.int32).to(dtype)


def half_mask(dtype=torch.uint8) -> tv_tensors.Mask:
    mask = torch.zeros(1, *SIZE, dtype=dtype)
    mask[:, 10:40, 10:50] = 1
    return tv_tensors.Mask(mask)


@pytest.fixture
def always(editor) -> EczemaEdit:
    return EczemaEdit(p=1, severity=1.0, coverage=0.4, model=editor)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_pil_comes_back_in_its_mode(always, skin, mode):
    image = skin.convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    edited = always(image)
    assert isinstance(edited, Image.Image) and edited.mode == mode and edited.size == image.size
    assert edited.tobytes() != image.tobytes()
    if mode == "RGBA":
        assert edited.getchannel("A").tobytes() == image.getchannel("A").tobytes()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("wrap", [lambda x: x, tv_tensors.Image], ids=["tensor", "tv_tensor"])
def test_tensors_keep_type_dtype_and_shape(always, dtype, wrap):
    image = wrap(tensor(dtype))
    edited = always(image)
    assert type(edited) is type(image) and edited.dtype == dtype and edited.shape == image.shape
    assert not torch.equal(edited.to(torch.float64), image.to(torch.float64))


Sample = namedtuple("Sample", "picture label")


def structures():
    image, pil = tv_tensors.Image(tensor()), to_pil(tensor())
    yield "image and int", (pil, 3)
    yield "image and mask", (image, half_mask())
    yield "image, mask, label", (image, half_mask(), 1)
    yield "dict", {"image": image, "mask": half_mask(), "label": torch.tensor(2), "path": "x.png", "id": 7}
    yield "nested", [{"a": (pil, {"b": "text"})}, None, 4.5]
    yield "plain tensors", (tensor(), torch.tensor([1.0, 2.0]))
    yield "named tuple", Sample(pil, 1)
    yield "ordered dict", OrderedDict(image=image, label=1)
    if hasattr(tv_tensors, "KeyPoints"):
        yield "key points and video", (image, tv_tensors.KeyPoints([[1.0, 2.0]], canvas_size=SIZE), tv_tensors.Video(tensor()[None]))


@pytest.mark.parametrize("sample", [s for _, s in structures()], ids=[n for n, _ in structures()])
def test_structure_and_what_is_no_image_stay(always, sample):
    edited = always(sample)
    flat, spec = torch.utils._pytree.tree_flatten(sample)
    new, new_spec = torch.utils._pytree.tree_flatten(edited)
    assert spec == new_spec
    assert [type(x) for x in flat] == [type(x) for x in new]
    images = [k for k, x in enumerate(flat) if isinstance(x, (Image.Image, tv_tensors.Image, tv_tensors.Mask))] or [0]
    assert all(a is b for k, (a, b) in enumerate(zip(flat, new)) if k not in images)
    assert new[images[0]] is not flat[images[0]]


def test_pixels_outside_a_given_mask_are_untouched(editor):
    edit = EczemaEdit(p=1, severity=1.0, mask="given", model=editor)
    for dtype in (torch.uint8, torch.float32):
        image, mask = tv_tensors.Image(tensor(dtype)), half_mask()
        edited, _ = edit(image, mask)
        outside = (mask == 0).expand(3, -1, -1)
        assert torch.equal(edited[outside], image[outside]) and not torch.equal(edited[~outside], image[~outside])


@pytest.mark.parametrize("size", [(32, 32), (300, 4096), (4096, 300), (4096, 4096)])
def test_pixels_outside_are_untouched_at_every_size(editor, size):
    image, mask = torch.randint(256, (3, *size), dtype=torch.uint8), torch.zeros(1, *size, dtype=torch.bool)
    if size == (4096, 4096):  # a small mask, for the sake of memory
        mask[:, 3000:3400, 5:90] = True
    edit = EczemaEdit(p=1, severity=1.0, coverage=0.3, mask="given" if mask.any() else "random", model=editor)
    edited, touched = edit(tv_tensors.Image(image), tv_tensors.Mask(mask))
    changed = (edited != image).any(0, keepdim=True)
    assert changed.any() and not (changed & ~touched).any()


def test_random_masks_lie_on_the_skin_and_cover_what_is_asked(editor):
    image = draw_skin(96, 96)
    image[:, :, 48:] = torch.tensor([0.2, 0.4, 0.8]).view(3, 1, 1)  # a blue wall beside the skin
    empty = tv_tensors.Mask(torch.zeros(1, 96, 96, dtype=torch.bool))
    for coverage in (0.1, 0.5):
        _, mask = EczemaEdit(p=1, coverage=(coverage, coverage), model=editor)(image, empty)
        assert mask[..., 50:].sum() == 0
        assert mask[..., :48].float().mean().item() == pytest.approx(coverage, abs=0.06)


@pytest.mark.parametrize(("dtype", "value"), [(torch.bool, 1), (torch.uint8, 1), (torch.uint8, 255), (torch.int64, 1)])
@pytest.mark.parametrize("shape", [(1, *SIZE), SIZE])
def test_masks_are_joined_on_adding_and_cleared_on_removing(editor, dtype, value, shape):
    mask = tv_tensors.Mask((half_mask() * value).to(dtype).reshape(shape))
    image = tv_tensors.Image(tensor())
    edited, joined = EczemaEdit(p=1, coverage=0.5, model=editor)(image, mask)
    changed = (edited != image).any(0).reshape(shape[-2:])
    assert type(joined) is tv_tensors.Mask and joined.dtype == dtype and joined.shape == mask.shape
    assert (joined.reshape(SIZE)[changed] == value).all() and (joined[mask != 0] == value).all()
    assert joined.sum() > mask.sum()
    _, cleared = EczemaEdit("remove", p=1, mask="given", model=editor)(image, mask)
    assert cleared.sum() == 0 and cleared.dtype == dtype


def test_toggle_removes_where_there_is_eczema_and_adds_elsewhere(editor):
    edit = EczemaEdit("toggle", p=1, severity=1.0, mask="given", model=editor)
    image = tv_tensors.Image(tensor())
    _, cleared = edit(image, half_mask())
    assert cleared.sum() == 0
    _, added = edit(image, tv_tensors.Mask(torch.zeros(1, *SIZE, dtype=torch.uint8)))
    assert added.sum() > 0


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.bfloat16], ids=str)
def test_toggle_tells_the_images_of_a_batch_apart(editor, dtype):
    images, sick = torch.stack([tensor(dtype)] * 8), torch.arange(8) % 2 == 0
    masks = torch.as_tensor(half_mask(torch.bool)).repeat(8, 1, 1, 1) & sick.view(-1, 1, 1, 1)
    torch.manual_seed(2)
    edit = EczemaEdit("toggle", p=0.6, severity=1.0, mask="given", model=editor, return_record=True)
    (edited, new), record = edit.batch(images, masks)
    chosen = torch.zeros(8, dtype=torch.bool)
    chosen[record["edited"]] = True
    assert (chosen & sick).any() and (chosen & ~sick).any() and not chosen.all()
    has = new.flatten(1).any(1)
    assert torch.equal(has, torch.where(chosen, ~sick, sick))
    changed = (edited.to(torch.float64) != images.to(torch.float64)).any(1, keepdim=True)
    assert torch.equal(changed.flatten(1).any(1), chosen) and not (changed & ~(masks | new)).any()
    assert record["mask_area"] == pytest.approx((masks | new).float().mean((1, 2, 3))[record["edited"]].tolist())


def test_prediction_decides_where_to_remove(editor):
    images = torch.stack([draw_skin(40, 40, seed=k) for k in range(2)])
    edited, record = EczemaEdit("remove", p=1, model=editor, return_record=True).batch(images)
    assert len(record["mask_area"]) == 2 and edited.shape == images.shape


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ((to_pil(tensor()), 3), 9),
        ((tv_tensors.Image(tensor()), half_mask(), 0), 9),
        ((to_pil(tensor()), np.int64(3)), np.int64(9)),
        ((to_pil(tensor()), torch.tensor(3)), torch.tensor(9)),
        ({"image": tensor(), "label": 1, "count": 5}, 9),
        ({"image": tensor(), "Labels": torch.tensor(1), "x": 1}, torch.tensor(9)),
        ((tensor(), {"label_of_whom": 2, "labels": 1}), 9),
    ],
)
def test_edited_samples_get_the_label(editor, sample, expected):
    edited = EczemaEdit(p=1, label=9, model=editor)(sample)
    label = edited[-1] if isinstance(edited, tuple) else edited[next(k for k in edited if "label" in k.lower())]
    if isinstance(label, dict):
        assert label.pop("label_of_whom") == 2
        label = label["labels"]
    assert type(label) is type(expected) and label == expected
    if isinstance(sample, dict):
        others = [k for k in sample if k != "image" and "label" not in k.lower()]
        assert all(edited[k] == sample[k] for k in others)


def test_label_goes_where_the_getter_points(editor):
    edit = EczemaEdit(p=1, label=9, labels_getter=lambda s: s["meta"]["y"], model=editor)
    edited = edit({"image": tensor(), "meta": {"x": 1, "y": 1}})
    assert edited["meta"] == {"x": 1, "y": 9}


def test_no_edit_gives_the_same_objects_and_leaves_labels(editor):
    sample = {"image": tv_tensors.Image(tensor()), "mask": half_mask(), "label": 1}
    assert EczemaEdit(p=0, label=9, model=editor)(sample) is sample
    image = tensor()
    assert EczemaEdit(p=0, model=editor).batch(image[None])[0].data_ptr() == image.data_ptr()


def test_batches_draw_per_image_and_follow_each_image(editor):
    torch.manual_seed(0)
    images = torch.stack([draw_skin(40, 40, seed=k) for k in range(64)])
    labels, masks = torch.zeros(64, dtype=torch.long), torch.zeros(64, 40, 40, dtype=torch.bool)
    edit = EczemaEdit(p=0.5, label=1, coverage=0.4, severity=1.0, model=editor)
    new, new_masks, new_labels = edit.batch(images, masks, labels)
    changed = (new != images).flatten(1).any(1)
    assert 15 < changed.sum() < 49
    assert torch.equal(new_labels == 1, changed) and torch.equal(new_masks.flatten(1).any(1), changed)
    outside = ~new_masks[:, None].expand_as(new)
    assert torch.equal(new[outside], images[outside])
    assert labels.sum() == 0 and not masks.any(), "inputs were written to"


def test_a_batch_in_a_pipeline_draws_per_image_too(always):
    images = torch.stack([tensor()] * 4)
    masks = tv_tensors.Mask(torch.zeros(4, 1, *SIZE, dtype=torch.bool))
    edited, touched = always(tv_tensors.Image(images), masks)
    assert type(edited) is tv_tensors.Image and len({mask.numpy().tobytes() for mask in touched}) == 4
    assert not ((edited != images).any(1, keepdim=True) & ~touched).any()


class Waits(TorchDispatchMode):
    """Counts what makes a host wait for a GPU: values read back, and copies between kinds of memory or number."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = str(function.overloadpacket)
        if name in ("aten._local_scalar_dense", "aten.nonzero", "aten._to_copy", "aten.copy_", "aten.masked_select"):
            self.count[name] += 1
        return function(*args, **kwargs or {})


@pytest.mark.parametrize("mode", ["add", "remove", "toggle"])
def test_larger_batches_make_the_host_wait_no_more_often(editor, mode, monkeypatch):
    monkeypatch.setattr(synthderm.edit, "_one_at_a_time", lambda images: False)  # the path of a GPU
    edit, counts = EczemaEdit(mode, p=1, mask=None if mode == "add" else "given", model=editor), []
    for count in (4, 12):
        images, masks = torch.rand(count, 3, 32, 32), torch.zeros(count, 1, 32, 32, dtype=torch.bool)
        masks[::2, :, 4:20, 4:20] = True
        edit.batch(images, masks)  # fills caches
        with Waits() as waits:
            edit.batch(images, masks, torch.zeros(count, dtype=torch.long))
        counts.append(waits.count)
    assert counts[0] == counts[1] and counts[0].total() > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_batches_on_cuda_stay_there():
    images = torch.stack([draw_skin(64, 64, seed=k) for k in range(8)]).cuda()
    masks, labels = torch.zeros(8, 1, 64, 64, dtype=torch.bool, device="cuda"), torch.zeros(8, dtype=torch.long, device="cuda")
    new, new_masks, new_labels = EczemaEdit(p=0.7, label=1).batch(images, masks, labels)
    assert new.is_cuda and new_masks.is_cuda and new_labels.is_cuda
    changed = (new != images).any(1, keepdim=True)
    assert changed.any() and not (changed & ~new_masks).any()


def test_memory_format_stays(editor):
    edit = EczemaEdit(p=1, severity=1.0, coverage=0.4, model=editor)
    from_pil = v2.functional.pil_to_tensor(to_pil(tensor()))  # its channels lie together in memory
    assert not from_pil.is_contiguous() and edit(from_pil).stride() == from_pil.stride()
    images = torch.stack([tensor()] * 6).to(memory_format=torch.channels_last)
    torch.manual_seed(0)
    for p in (1, 0.5):
        edited = EczemaEdit(p=p, model=editor).batch(images)
        assert not torch.equal(edited, images) and edited.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("backend", ["torch", pytest.param("onnx", marks=pytest.mark.skipif(not fast.is_installed(), reason="needs the fast extra"))])
def test_only_chosen_rows_reach_the_network(editor, monkeypatch, backend):
    seen = []
    forward, paint = type(editor).forward, fast.paint
    monkeypatch.setattr(type(editor), "forward", lambda self, image, *rest: seen.append(len(image)) or forward(self, image, *rest))
    monkeypatch.setattr(fast, "paint", lambda session, look, *rest: seen.append(len(look)) or paint(session, look, *rest))
    torch.manual_seed(1)
    _, record = EczemaEdit(p=0.3, model=editor, return_record=True, backend=backend).batch(torch.stack([draw_skin(32, 32)] * 20))
    assert seen == [len(record["edited"])] and 0 < seen[0] < 20


def test_random_numbers_are_torchs_global_ones(editor):
    edit = EczemaEdit(p=0.5, model=editor)
    image = tensor()

    def run():
        torch.manual_seed(7)
        return [edit(image) for _ in range(8)]

    first, second = run(), run()
    assert all(torch.equal(a, b) for a, b in zip(first, second))
    assert len({a.numpy().tobytes() for a in first}) > 2


def test_no_other_random_numbers_are_drawn(always):
    before = random.getstate(), np.random.get_state()[1].tolist()
    always(tensor())
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_a_record_repeats_the_edits_of_a_batch(editor):
    images = torch.stack([draw_skin(40, 40, seed=k) for k in range(6)])
    torch.manual_seed(1)
    edited, record = EczemaEdit(p=0.5, coverage=0.3, model=editor, return_record=True).batch(images)
    rows = record["edited"]
    again = add_eczema(images[rows], None, torch.tensor(record["severity"]), coverage=0.3, seed=record["seed"], model=editor)
    assert 0 < len(rows) < 6 and torch.allclose(again.images, edited[rows], atol=1e-6)
    assert record["mask_area"] == pytest.approx(again.masks.float().mean((1, 2, 3)).tolist())


def test_a_record_repeats_the_edit(editor):
    image = tensor(torch.float32)
    (edited, mask), record = EczemaEdit(p=1, model=editor, return_record=True)(image, tv_tensors.Mask(torch.zeros(1, *SIZE, dtype=torch.bool)))
    assert record["edited"] == [0] and record["model_revision"] == "untrained"
    assert record["mask_area"][0] == pytest.approx(mask.float().mean().item())
    again = add_eczema(image, torch.as_tensor(mask), record["severity"][0], seed=record["seed"], model=editor)
    assert torch.allclose(again.images, edited, atol=1e-6)
    untouched, empty = EczemaEdit(p=0, model=editor, return_record=True)(image)
    assert untouched is image and empty["edited"] == []


class Pictures(Dataset):
    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return self.transform((to_pil(draw_skin(40, 40, seed=index)), index))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers(method):
    pipeline = v2.Compose([v2.RandomHorizontalFlip(), EczemaEdit(p=0.7), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    workers = 2 if method == "fork" else 1  # the others take seconds to import torch
    loader = DataLoader(Pictures(pipeline), batch_size=4, num_workers=workers, multiprocessing_context=method, persistent_workers=True)
    epochs = [[images for images, _ in loader] for _ in range(2)]
    assert all(images.shape == (4, 3, 40, 40) for epoch in epochs for images in epoch)
    assert not torch.equal(epochs[0][0], epochs[1][0]), "random numbers repeat from epoch to epoch"


def test_pickles_small_copies_and_reads_well():
    edit = EczemaEdit(label=1)
    assert len(pickle.dumps(edit)) < 3000
    assert repr(copy.deepcopy(pickle.loads(pickle.dumps(edit)))) == repr(edit)
    assert "\n" not in repr(edit) and "severity=(0.2, 1.0)" in repr(edit) and "'eczema'" in repr(edit)


def test_the_model_stays_out_of_a_parent_module(editor):
    edit = EczemaEdit(p=1, model=editor)
    parent = torch.nn.Sequential(edit, torch.nn.Conv2d(3, 2, 1))
    assert set(parent.state_dict()) == {"1.weight", "1.bias"}
    before = {key: value.clone() for key, value in editor.state_dict().items()}
    parent.train().half()
    assert not editor.training and all(torch.equal(before[k], v) for k, v in editor.state_dict().items())
    assert editor.stem.weight.dtype == torch.float32
    torch.save(parent.state_dict(), io.BytesIO())


def test_gradients(always):
    image = tensor(torch.float32).requires_grad_()
    edited = always(image)
    assert not edited.requires_grad
    conv = torch.nn.Conv2d(3, 1, 3)
    conv(edited[None]).sum().backward()
    assert conv.weight.grad is not None


@pytest.mark.parametrize("entry", ["batch", "__call__"])
def test_a_compiled_step_may_contain_the_edit(editor, entry):
    edit, conv = EczemaEdit(p=1, model=editor), torch.nn.Conv2d(3, 2, 3)

    @torch.compile(backend="eager")
    def step(images):
        return conv(getattr(edit, entry)(images)).mean()

    step(torch.stack([draw_skin(32, 32)] * 2)).backward()
    assert conv.weight.grad.abs().sum() > 0


def test_timm_loader():
    import timm.data

    class Plain(Dataset):
        transform = None

        def __len__(self):
            return 6

        def __getitem__(self, index):
            image = to_pil(draw_skin(40, 40, seed=index))
            return (self.transform(image) if self.transform else image), index % 2

    loader = timm.data.create_loader(Plain(), (3, 32, 32), 3, is_training=True, use_prefetcher=False, num_workers=0)
    loader.dataset.transform.transforms.insert(0, EczemaEdit(p=1))
    images, labels = next(iter(loader))
    assert images.shape == (3, 3, 32, 32) and labels.shape == (3,)


def test_after_batch_transfer_hook(editor):
    class Module:  # the shape of a Lightning hook
        edit = EczemaEdit(p=1, label=1, model=editor)

        def on_after_batch_transfer(self, batch, dataloader_idx):
            images, labels = batch
            return self.edit.batch(images, labels=labels)

    images, labels = Module().on_after_batch_transfer((torch.rand(3, 3, 32, 32), torch.zeros(3, dtype=torch.long)), 0)
    assert images.shape == (3, 3, 32, 32) and labels.tolist() == [1, 1, 1]


def test_boxes_are_kept_with_one_warning(always):
    _warn_boxes.cache_clear()
    boxes = tv_tensors.BoundingBoxes([[1, 1, 5, 5]], format="XYXY", canvas_size=SIZE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EczemaEdit(p=0)(tv_tensors.Image(tensor()), boxes)  # nothing was edited, they are in step
    with pytest.warns(UserWarning, match="bounding boxes"):
        _, same = always(tv_tensors.Image(tensor()), boxes)
    assert torch.equal(same, boxes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        always(tv_tensors.Image(tensor()), boxes)


def test_a_forked_worker_with_a_cuda_model_is_told_the_two_ways_out(monkeypatch):
    monkeypatch.setattr(torch.cuda, "_is_in_bad_fork", lambda: True)
    with pytest.raises(RuntimeError, match=r"pass its name.*EczemaEdit.batch"):
        _check_fork(torch.device("cuda"))
    _check_fork(torch.device("cpu"))

    class OnCuda(EczemaEditor):
        def parameters(self, recurse=True):
            yield SimpleNamespace(device=torch.device("cuda"))

    with pytest.raises(RuntimeError, match="forked DataLoader worker"):
        EczemaEdit(p=1, model=OnCuda([8, 8]))(tensor())


def test_models_in_folders(editor, tmp_path, monkeypatch):
    editor.save_pretrained(tmp_path / "org" / "name")
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "org" / "name", Path("org/name"), "./org/name"):
        edit = pickle.loads(pickle.dumps(EczemaEdit(p=1, model=path, return_record=True)))
        assert edit(tensor())[1]["model_revision"] == "local" and "org/name" in repr(edit) and "Path" not in repr(edit)
    with pytest.raises(FileNotFoundError, match="is not a model"):
        EczemaEdit(model=tmp_path / "none")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mode": "blur"}, "'blur' is none of add, remove, toggle"),
        ({"mask": "all"}, "'all' is none of"),
        ({"mask": "predict"}, "does not go with"),
        ({"mode": "remove", "mask": "random"}, "does not go with"),
        ({"mode": "toggle", "mask": "random"}, "does not go with"),
        ({"p": 1.5}, "1.5"),
        ({"severity": (0.5, 0.2)}, "low first"),
        ({"severity": (0, 2)}, r"\[0, 1\]"),
        ({"coverage": (0, 0.5)}, r"\(0, 1\]"),
        ({"coverage": "half"}, "pair"),
        ({"labels_getter": 3}, "labels_getter"),
        ({"model": "nothing"}, "bundled models are"),
    ],
)
def test_bad_arguments_are_named(options, says):
    with pytest.raises(ValueError, match=says):
        EczemaEdit(**{"p": 1} | options)(tensor())


@pytest.mark.parametrize(
    ("sample", "options", "error", "says"),
    [
        ("text", {}, TypeError, "no image"),
        ({"label": 3}, {}, TypeError, "no image"),
        (to_pil(tensor()).convert("CMYK"), {}, TypeError, "CMYK"),
        (Image.new("I;16", (8, 8)), {}, TypeError, "I;16"),
        ((to_pil(tensor()), to_pil(tensor())), {}, ValueError, "2 images"),
        (tensor(), {"mask": "given"}, ValueError, "no tv_tensors.Mask"),
        ((tv_tensors.Image(tensor()), tv_tensors.Mask(torch.zeros(1, 5, 5))), {"mask": "given"}, ValueError, r"\(1, 5, 5\)"),
        ((tv_tensors.Image(tensor()), tv_tensors.Mask(torch.zeros(4, *SIZE))), {}, ValueError, "one mask"),
        (tensor(torch.float32) * 255, {}, ValueError, r"in \[0, 1\]"),
        (torch.zeros(3, 8, 8, dtype=torch.int32), {}, TypeError, "int32"),
        ((to_pil(tensor()), "no number"), {"label": 1}, ValueError, "not an integer"),
        (to_pil(tensor()), {"label": 1}, ValueError, "no label was found"),
        ((torch.rand(2, 3, 8, 8), torch.rand(2, 4)), {"label": 1}, ValueError, "before MixUp|Edit before"),
    ],
)
def test_bad_samples_are_named(editor, sample, options, error, says):
    with pytest.raises(error, match=says):
        EczemaEdit(p=1, model=editor, **options)(sample)


def test_pil_and_tensor_agree(editor):
    edit = EczemaEdit(p=1, model=editor)
    torch.manual_seed(3)
    a = edit(tensor())
    torch.manual_seed(3)
    assert torch.equal(to_tensor(edit(to_pil(tensor()))), a)
