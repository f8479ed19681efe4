"""Functions and diffusers pipelines as sources of `SyntheticSkinDataset`."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from synthderm import SyntheticSkinDataset
from synthderm.datasets import function_source
from synthderm.datasets.function_source import DiffusersPipeline
from tests.drawing import write_pipeline
from tests.states import in_every_state

NAMES = ["nevus", "melanoma"]


def noise(seeds, labels):
    """A source: the label in the first channel, noise from the seed in the others, and the left
    half as mask."""
    images = torch.stack(
        [
            torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(seed))
            for seed in seeds.tolist()
        ]
    )
    images[:, 0] = labels.view(-1, 1, 1) / 10
    masks = torch.zeros(len(seeds), 1, 16, 16, dtype=torch.bool)
    masks[..., :8] = True
    return images, masks


def test_function_as_source():
    data = SyntheticSkinDataset(noise, length=5, classes=NAMES, return_mask=True)
    assert data.revision == "function" and data.classes == NAMES and data.targets == [0, 1, 0, 1, 0]
    for index in range(5):
        image, mask, label = data[index]
        assert (
            image.size == (16, 16)
            and image.getpixel((3, 3))[0] == round(25.5 * label)
            and mask.sum() == 128
            and label == index % 2
        )
    first, again = data[0][0], SyntheticSkinDataset(noise, length=9, classes=NAMES)[0][0]
    assert first.tobytes() == again.tobytes() and first.tobytes() != data[2][0].tobytes()
    assert SyntheticSkinDataset(noise, length=1, classes=NAMES, size=32)[0][0].size == (32, 32)


def test_function_in_workers_and_batches_gives_the_same():
    data = SyntheticSkinDataset(noise, length=6, classes=NAMES, seed=3)
    alone = [data[index][0].tobytes() for index in range(6)]
    loader = DataLoader(data, batch_size=4, num_workers=2, collate_fn=list)
    assert [image.tobytes() for batch in loader for image, _ in batch] == alone
    assert pickle.loads(pickle.dumps(data))[1][0].tobytes() == alone[1]


def test_function_with_its_own_classes_and_pil_images():
    class Grey:
        classes, size = ["a", "b", "c"], 8

        def __call__(self, seeds, labels):
            return [Image.new("L", (4, 4), 10 * label) for label in labels.tolist()]

    data = SyntheticSkinDataset(Grey(), length=3)
    assert data.classes == ["a", "b", "c"]
    assert [data[index][0].getpixel((0, 0)) for index in range(3)] == [
        (0, 0, 0),
        (10, 10, 10),
        (20, 20, 20),
    ]
    assert data[0][0].size == (8, 8)


@pytest.mark.parametrize("value", [0, 1, 127, 200, 255])
def test_uint8_images_keep_their_values(value):
    data = SyntheticSkinDataset(
        lambda seeds, labels: torch.full((len(seeds), 3, 4, 4), value, dtype=torch.uint8),
        length=1,
        classes=["a"],
    )
    assert data[0][0].getpixel((0, 0)) == (value, value, value)


@pytest.mark.parametrize(
    ("output", "error", "says"),
    [
        (lambda n: None, TypeError, "gave NoneType: images are"),
        (lambda n: torch.zeros(n + 1, 3, 8, 8), ValueError, "it should be .2, 3, H, W."),
        (lambda n: torch.zeros(n, 8, 8, 3), ValueError, r"gave images of shape \(2, 8, 8, 3\)"),
        (lambda n: torch.full((n, 3, 8, 8), 2.0), ValueError, "values from 2 to 2"),
        (lambda n: torch.full((n, 3, 8, 8), -1.0), ValueError, "values from -1 to -1"),
        (lambda n: torch.full((n, 3, 8, 8), torch.nan), ValueError, "values from nan"),
        (
            lambda n: (torch.zeros(n, 3, 8, 8), torch.zeros(n, 1, 8, 8)),
            ValueError,
            "masks torch.float32 of shape",
        ),
        (
            lambda n: (torch.zeros(n, 3, 8, 8), torch.zeros(n, 1, 4, 4, dtype=torch.bool)),
            ValueError,
            r"torch.bool of shape \(2, 1, 8, 8\)",
        ),
        (lambda n: (torch.zeros(n, 3, 8, 8), 1), ValueError, "masks int"),
    ],
)
def test_what_a_function_may_not_give(output, error, says):
    data = SyntheticSkinDataset(lambda seeds, labels: output(len(seeds)), length=2, classes=["a"])
    with pytest.raises(error, match=says):
        data.generate([0, 1])


def test_classes_and_masks_are_asked_for():
    with pytest.raises(ValueError, match="name them, as in classes="):
        SyntheticSkinDataset(noise, length=1)
    with pytest.raises(ValueError, match="name them"):
        SyntheticSkinDataset("diffusers:org/name", length=1)
    with pytest.raises(ValueError, match="has its own: leave it out"):
        SyntheticSkinDataset("./somewhere", length=1, classes=["a"])
    data = SyntheticSkinDataset(
        lambda seeds, labels: noise(seeds, labels)[0], length=1, classes=["a"], return_mask=True
    )
    with pytest.raises(ValueError, match="gives images alone"):
        data[0]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Path:
    return write_pipeline(tmp_path_factory.mktemp("pipeline"))


def test_pipeline_as_source(pipeline):
    data = SyntheticSkinDataset(f"diffusers:{pipeline}", length=3, classes=NAMES, size=16)
    assert data.revision == "local" and data.classes == NAMES
    alone = [data[index] for index in range(3)]
    assert [image.size for image, _ in alone] == [(16, 16)] * 3 and [
        label for _, label in alone
    ] == [0, 1, 0]
    assert len({image.tobytes() for image, _ in alone}) == 3
    assert [image.tobytes() for image, _ in data.__getitems__([2, 1, 0])] == [
        image.tobytes() for image, _ in alone[::-1]
    ]
    assert pickle.loads(pickle.dumps(data))[1][0].tobytes() == alone[1][0].tobytes()


@in_every_state
def test_a_pipeline_gives_the_same_bits(switched, pipeline):
    function = DiffusersPipeline(str(pipeline), NAMES, steps=2)
    expected = SyntheticSkinDataset(function, length=2).generate([0, 1])[0]
    function_source._load_pipeline.cache_clear()
    with switched():
        assert torch.equal(SyntheticSkinDataset(function, length=2).generate([0, 1])[0], expected)


def test_pipeline_takes_steps(pipeline):
    few, more = (
        SyntheticSkinDataset(DiffusersPipeline(str(pipeline), NAMES, steps=steps), length=1)[0][0]
        for steps in (2, 4)
    )
    assert few.size == (8, 8) and few.tobytes() != more.tobytes()


class Conditional:
    """Stands for pipelines that take a prompt, or the class's number."""

    def __init__(self):
        self.asked = []

    def run(self, **options):
        self.asked.append(options)
        return type(
            "Output", (), {"images": torch.rand(1, 4, 4, 3, generator=options["generator"]).numpy()}
        )


class Prompted(Conditional):
    def __call__(self, prompt, num_inference_steps=50, generator=None, output_type="pil"):
        return self.run(
            prompt=prompt, steps=num_inference_steps, generator=generator, output_type=output_type
        )


class Numbered(Conditional):
    def __call__(self, class_labels, num_inference_steps=50, generator=None, output_type="pil"):
        return self.run(class_labels=class_labels, generator=generator, output_type=output_type)


def test_classes_reach_the_pipeline(pipeline, monkeypatch):
    prompted, numbered = Prompted(), Numbered()
    monkeypatch.setattr(function_source, "_load_pipeline", lambda directory, device: prompted)
    data = SyntheticSkinDataset(
        DiffusersPipeline(str(pipeline), NAMES, prompts=["a mole", "a melanoma"], steps=7), length=2
    )
    data.generate([0, 1])
    assert [asked["prompt"] for asked in prompted.asked] == [
        "a mole",
        "a melanoma",
    ] and prompted.asked[0]["steps"] == 7
    SyntheticSkinDataset(f"diffusers:{pipeline}", classes=NAMES, length=2).generate([1])
    assert prompted.asked[2]["prompt"] == "melanoma"
    monkeypatch.setattr(function_source, "_load_pipeline", lambda directory, device: numbered)
    data.generate([1])
    assert numbered.asked[0]["class_labels"] == [1]
    with pytest.raises(ValueError, match="1 prompts for 2 classes"):
        DiffusersPipeline(str(pipeline), NAMES, prompts=["a mole"])


def test_safety_checker_is_taken_off(pipeline, monkeypatch):
    import diffusers

    fake = type(
        "Fake",
        (),
        {
            "to": lambda self, device: self,
            "set_progress_bar_config": lambda self, disable: None,
            "safety_checker": print,
        },
    )()
    monkeypatch.setattr(diffusers.DiffusionPipeline, "from_pretrained", lambda *_, **__: fake)
    assert function_source._load_pipeline.__wrapped__(pipeline, "cpu").safety_checker is None


def test_code_and_pickles_of_a_pipeline_are_refused(pipeline, tmp_path):
    evil = shutil.copytree(pipeline, tmp_path / "code")
    (evil / "pipeline.py").write_text(f"open({str(tmp_path / 'trap')!r}, 'w')")
    (evil / "model_index.json").write_text(
        json.dumps(
            {
                **json.loads((pipeline / "model_index.json").read_text()),
                "_class_name": ["pipeline", "Evil"],
            }
        )
    )
    with pytest.raises(ValueError, match="holds code .pipeline.py., which is never run"):
        SyntheticSkinDataset(f"diffusers:{evil}", length=1, classes=["a"])
    pickled = shutil.copytree(pipeline, tmp_path / "pickled")
    weights = next(pickled.rglob("*.safetensors"))
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(OSError, match="safetensors"):
        SyntheticSkinDataset(f"diffusers:{pickled}", length=1, classes=["a"])[0]
    with pytest.raises(FileNotFoundError, match="no model_index.json"):
        DiffusersPipeline(str(tmp_path), ["a"])
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        DiffusersPipeline(str(tmp_path / "nowhere"), ["a"])
    assert not (tmp_path / "trap").exists()


def test_missing_diffusers_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "diffusers", None)
    with pytest.raises(ImportError, match="pip install 'synthderm.diffusers.'"):
        DiffusersPipeline("org/name", ["a"])
