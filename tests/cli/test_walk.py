"""Walks: their ends are what one would get anyway, and what lies between is in order."""

import pytest
import torch
from PIL import Image

from synthderm import SyntheticSkinDataset
from synthderm.cli.interpolation import grow, slerp
from synthderm.cli.main import main
from synthderm.cli.walk import growth_walk, latent_walk, severity_walk, write_walk
from synthderm.imaging.io import to_pil
from synthderm.models.cache import load_generator
from tests.drawing import draw_skin


def disc(height: int, width: int, y: float, x: float, radius: float) -> torch.Tensor:
    yy, xx = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return ((yy - y) ** 2 + (xx - x) ** 2 <= radius**2)[None]


def blobs(height: int, width: int, seed: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    noise = torch.nn.functional.avg_pool2d(torch.randn(1, 1, height, width, generator=rng), 5, 1, 2)
    return noise[0] > 0.05


def test_slerp_keeps_ends_length_and_pace():
    rng = torch.Generator().manual_seed(0)
    a, b = torch.nn.functional.normalize(torch.randn(2, 64, generator=rng), dim=1) * 8
    path = slerp(a, b, torch.linspace(0, 1, 11))
    assert torch.allclose(path[0], a, atol=1e-5) and torch.allclose(path[-1], b, atol=1e-5)
    assert torch.allclose(path.norm(dim=1), torch.full((11,), 8.0), atol=1e-3)
    steps = (path[1:] - path[:-1]).norm(dim=1)
    assert steps.max() - steps.min() < 1e-3
    assert torch.equal(slerp(a, a, torch.tensor([0.3]))[0], 0.7 * a + 0.3 * a)
    assert slerp(a, -a, torch.linspace(0, 1, 3)).isfinite().all()


@pytest.mark.parametrize(
    "mask",
    [blobs(40, 30, 0), disc(200, 150, 90, 70, 50), torch.zeros(1, 8, 8, dtype=torch.bool)],
    ids=["blobs", "large", "empty"],
)
def test_masks_grow_from_nothing_to_all_and_lose_nothing(mask):
    steps = grow(mask, 7)
    assert steps.shape == (7, *mask.shape) and not steps[0].any() and torch.equal(steps[-1], mask)
    assert not (steps[:-1] & ~steps[1:]).any()
    if mask.any():
        assert (steps.sum((1, 2, 3)).diff() > 0).all()


def test_a_latent_walk_goes_through_the_items_of_data_sets(generator_dir):
    generator = load_generator(generator_dir)
    images, masks = latent_walk(generator, [3, 8, 5], [0, 1, 1], 9)
    assert (
        images.shape == (9, 3, 16, 16)
        and masks.shape == (9, 1, 16, 16)
        and masks.dtype == torch.bool
    )
    for frame, seed, label in ((0, 3, 0), (4, 8, 1), (8, 5, 1)):
        image, mask = SyntheticSkinDataset(
            generator_dir, length=1, labels=[label], seed=seed
        ).generate([0])
        assert ((images[frame] * 255).round() - image[0]).abs().max() <= 1 and (
            masks[frame] != mask[0]
        ).float().mean() < 0.01
    ends, middle = (images[0] - images[4]).abs().mean(), (images[0] - images[1]).abs().mean()
    assert 0 < middle < ends
    assert latent_walk(generator, [3], [0], 2, size=24)[0].shape == (2, 3, 24, 24)
    with pytest.raises(ValueError, match="2 seeds and 1 labels"):
        latent_walk(generator, [1, 2], [0], 3)
    with pytest.raises(ValueError, match=r"labels \[2\] are not all in \[0, 1\]"):
        latent_walk(generator, [1], [2], 3)
    with pytest.raises(ValueError, match="size=0"):
        latent_walk(generator, [1], [0], 1, size=0)
    with pytest.raises(ValueError, match="frames=0"):
        latent_walk(generator, [1], [0], 0)


@pytest.mark.parametrize("source", ["hands", "skin", "lesions"])
def test_a_latent_walk_of_each_bundled_generator_ends_at_its_items(source):
    generator = load_generator(source)
    images, _ = latent_walk(generator, [1, 2], [0, 0], 3)
    for frame, seed in ((0, 1), (2, 2)):
        image, _ = SyntheticSkinDataset(source, length=1, labels=[0], seed=seed).generate([0])
        # The data set may generate in bf16, which moves a pixel by a few grey levels.
        assert ((images[frame] * 255).round() - image[0]).abs().float().mean() < 2
    if generator.tones is not None:
        dark, light = (
            latent_walk(generator, [1], [0], 1, skin_tone=tone)[0].mean()
            for tone in (generator.tones[0], generator.tones[-1])
        )
        assert dark < light


def test_severity_and_growth_begin_with_the_image_and_stay_within_the_mask(editor):
    image, mask = (draw_skin(48, 60) * 255).to(torch.uint8), disc(48, 60, 24, 30, 15)
    severity = severity_walk(image, mask, 5, seed=3, model=editor)
    growth = growth_walk(image, mask, 5, 1.0, seed=3, model=editor)
    for walk in (severity, growth):
        assert torch.equal(walk.images[0], image) and not torch.equal(walk.images[-1], image)
        assert torch.equal(torch.where(walk.masks, image, walk.images), image.expand(5, -1, -1, -1))
    assert severity.severity.tolist() == [0, 0.25, 0.5, 0.75, 1] and torch.equal(
        severity.images[-1], growth.images[-1]
    )
    changed = (severity.images.int() - image.int()).abs().float().mean((1, 2, 3))
    assert (changed.diff() > 0).all()


def test_a_strip_and_an_animation_that_goes_there_and_back(tmp_path):
    images = torch.linspace(0, 1, 5).view(5, 1, 1, 1).expand(5, 3, 10, 12)
    write_walk(images, tmp_path / "x.png")
    assert Image.open(tmp_path / "x.png").size == (5 * 12 + 4 * 2, 10)
    write_walk(images, tmp_path / "x.gif", seconds=1)
    film = Image.open(tmp_path / "x.gif")
    assert film.n_frames == 8 and film.info["loop"] == 0 and film.info["duration"] == 200
    grey = []
    for frame in range(8):
        film.seek(frame)
        grey.append(film.convert("L").getpixel((5, 5)))
    assert grey[:5] == sorted(set(grey)) and grey[5:] == grey[3:0:-1]
    write_walk(images[:1], tmp_path / "one.gif")
    with pytest.raises(ValueError, match="no suffix"):
        write_walk(images, tmp_path / "x.xyz")
    for seconds in (0, -1, float("nan"), float("inf"), 1e6):
        with pytest.raises(ValueError, match="takes more than 0 and at most 3275"):
            write_walk(images, tmp_path / "no.gif", seconds=seconds)


def test_on_the_command_line(tmp_path, generator_dir, capsys):
    out = tmp_path / "w.gif"
    assert (
        main(
            [
                "walk",
                "latent",
                str(out),
                "--source",
                str(generator_dir),
                "--seeds",
                "1",
                "2",
                "--labels",
                "a",
                "b",
                "--frames",
                "4",
            ]
        )
        == 0
    )
    assert Image.open(out).size == (16, 16) and "4 pictures" in capsys.readouterr().out
    to_pil(draw_skin(30, 40)).save(tmp_path / "in.png")
    to_pil(disc(30, 40, 15, 20, 9)).save(tmp_path / "mask.png")
    for kind in ("severity", "growth"):
        assert (
            main(
                [
                    "walk",
                    kind,
                    str(tmp_path / "s.png"),
                    "--image",
                    str(tmp_path / "in.png"),
                    "--mask",
                    str(tmp_path / "mask.png"),
                    "--frames",
                    "3",
                ]
            )
            == 0
        )
        assert Image.open(tmp_path / "s.png").size == (3 * 40 + 4, 30)
    for arguments, says in (
        (["latent", "--image", "x.png"], "a latent walk shows"),
        (["growth", "--mask", "x.png"], "--mask goes with --image"),
        (
            ["latent", "--source", str(generator_dir), "--labels", "c"],
            "label 'c' is not one of the classes",
        ),
        (["severity", "--image", str(tmp_path / "in.png"), "--frames", "0"], "frames=0"),
        (["latent", "--source", "nothing"], "unknown source"),
        (["latent", "--coverage", "0.5"], "--coverage has no effect"),
        (["latent", "--seconds", "2"], "--seconds has no effect"),
        (["severity", "--severity", "0.5"], "--severity has no effect"),
        (["growth", "--skin-tone", "20"], "--skin-tone has no effect"),
        (["latent", "--artifacts", "hair=1"], "--artifacts has no effect on this walk (latent)"),
        (
            ["growth", "--image", str(tmp_path / "in.png"), "--artifacts", "none"],
            "--artifacts has no effect",
        ),
        (["severity", "--source", "eczema", "--artifacts", "hair=1"], "'eczema' is none"),
        (["growth", "--seeds", "1", "2"], "--seeds takes one"),
        (["severity", "--image", str(tmp_path / "in.png"), "--labels", "1"], "--labels has no"),
    ):
        assert main(["walk", arguments[0], str(tmp_path / "no.png"), *arguments[1:]]) == 2
        assert says in capsys.readouterr().err and not (tmp_path / "no.png").exists()


def test_eczema_is_added_to_an_image_with_the_artifacts_that_are_asked_for(tmp_path):
    out = tmp_path / "walk.png"
    common = [str(out), "--source", "lesions", "--frames", "2", "--size", "64", "--seeds", "3"]
    for kind in ("severity", "growth"):
        for words, shares in (("none", {}), ("hair=1 ink=1", {"hair": 1, "ink": 1})):
            assert main(["walk", kind, *common, "--artifacts", *words.split()]) == 0
            data = SyntheticSkinDataset("lesions", length=1, seed=3, size=64, artifacts=shares)
            with Image.open(out) as strip:  # severity 0, and a mask without a pixel
                first = strip.convert("RGB").crop((0, 0, 64, 64))
            assert first.tobytes() == to_pil(data.generate([0])[0][0]).tobytes()


def test_where_and_over_what_a_walk_is_written(tmp_path, capsys):
    photograph, empty = tmp_path / "in.png", tmp_path / "empty.png"
    to_pil(draw_skin(30, 40)).save(photograph)
    Image.new("L", (40, 30)).save(empty)
    (tmp_path / "link.png").symlink_to(photograph)
    Image.new("RGB", (40, 30), "blue").save(tmp_path / "sky.png")
    before = photograph.read_bytes()
    for out, arguments, says in (
        ("x.mp4", [], ".webp, .gif"),
        ("none", [], "has no suffix of a picture"),
        ("in.png", [], "would be written over"),
        ("link.png", [], "would be written over"),
        ("empty.png", ["--mask", str(empty)], "would be written over"),
        ("x.png", ["--mask", str(empty)], "empty.png is empty"),
        ("x.png", ["--image", str(tmp_path / "sky.png")], "sky.png shows no skin"),
        ("x.png", ["--mask", str(photograph)], "is not clear"),
    ):
        arguments = ["--image", str(photograph), *arguments]
        assert main(["walk", "severity", str(tmp_path / out), *arguments]) == 2, says
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1
    assert photograph.read_bytes() == before and not (tmp_path / "x.png").exists()
