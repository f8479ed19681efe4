"""`synthderm edit` on photographs as people have them."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from synthderm.cli.main import main
from synthderm.imaging.io import read_image, to_pil
from tests.drawing import draw_skin
from tests.imaging.mask_forms import FORMS
from tests.imaging.profiles import ADOBE_RGB, DISPLAY_P3, rgb_profile


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / "in.png"
    to_pil(draw_skin(90, 130)).save(path)
    return path


def test_add_is_repeatable_by_seed_and_keeps_the_rest(tmp_path, photograph, capsys):
    outs = [tmp_path / f"out{k}.png" for k in range(3)]
    for out, seed in zip(outs, ("3", "3", "4")):
        assert (
            main(
                [
                    "edit",
                    str(photograph),
                    str(out),
                    "--severity",
                    "0.9",
                    "--seed",
                    seed,
                    "--save-mask",
                    str(tmp_path / "m.png"),
                ]
            )
            == 0
        )
    one, again, other = (np.asarray(Image.open(out)) for out in outs)
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    outside = np.asarray(Image.open(tmp_path / "m.png")) == 0
    assert np.array_equal(other[outside], np.asarray(Image.open(photograph))[outside])
    assert "severity 0.90" in capsys.readouterr().out


def test_a_mask_a_turned_photograph_and_removal(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    to_pil(draw_skin(60, 90)).save(tmp_path / "in.jpg", exif=exif)
    mask = Image.new("L", (60, 90))
    mask.paste(255, (10, 20, 40, 60))
    mask.save(tmp_path / "mask.png")
    assert (
        main(
            [
                "edit",
                str(tmp_path / "in.jpg"),
                str(tmp_path / "out.png"),
                "--severity",
                "1",
                "--mask",
                str(tmp_path / "mask.png"),
            ]
        )
        == 0
    )
    assert Image.open(tmp_path / "out.png").size == (60, 90)
    assert (
        main(["edit", str(tmp_path / "out.png"), str(tmp_path / "back.png"), "--mode", "remove"])
        == 0
    )


def test_a_folder(tmp_path, photograph):
    (tmp_path / "many" / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.png"):
        (tmp_path / "many" / name).write_bytes(photograph.read_bytes())
    assert main(["edit", str(tmp_path / "many"), str(tmp_path / "done")]) == 0
    assert sorted(
        p.relative_to(tmp_path / "done").as_posix() for p in (tmp_path / "done").rglob("*.png")
    ) == ["a.png", "deep/b.png"]


@pytest.mark.parametrize("form", ["0 and 1", "16 bits", "palette of Pascal VOC", "grey, opaque"])
def test_a_mask_means_the_same_however_it_is_stored(tmp_path, photograph, form):
    outs = []
    for name, mask in (("usual", FORMS["0 and 255"]), ("other", FORMS[form])):
        mask = mask.resize((130, 90), Image.Resampling.NEAREST)
        mask.save(tmp_path / f"{name}.png")
        out = tmp_path / f"out-{name}.png"
        assert main(["edit", str(photograph), str(out), "--mask", f"{tmp_path}/{name}.png"]) == 0
        outs.append(out.read_bytes())
    assert outs[0] == outs[1] and outs[0] != photograph.read_bytes()


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("mode", ["add", "remove"])
def test_a_mask_that_edits_nothing_is_an_error(tmp_path, photograph, capsys, suffix, mode):
    Image.new("L", (130, 90)).save(tmp_path / f"m.{suffix}")
    out = tmp_path / "out.png"
    arguments = [str(photograph), str(out), "--mode", mode, "--mask", f"{tmp_path}/m.{suffix}"]
    assert main(["edit", *arguments]) == 2
    error = capsys.readouterr().err
    assert f"m.{suffix} is empty" in error and error.count("\n") == 1 and not out.exists()


def test_adding_where_there_is_no_skin_is_an_error_and_removing_nothing_is_not(
    tmp_path, photograph, capsys
):
    Image.new("RGB", (90, 60), (30, 60, 220)).save(tmp_path / "sky.png")
    out = tmp_path / "out.png"
    assert main(["edit", str(tmp_path / "sky.png"), str(out)]) == 2 and not out.exists()
    assert "sky.png shows no skin" in capsys.readouterr().err
    assert main(["edit", str(photograph), str(out), "--severity", "0.0001"]) == 2
    assert "choose a higher --severity" in capsys.readouterr().err
    # Nothing to remove: the picture is as it was, and that is what is said.
    assert main(["edit", str(tmp_path / "sky.png"), str(out), "--mode", "remove"]) == 0
    assert "remove, no eczema was found" in capsys.readouterr().out
    assert read_image(out).tobytes() == read_image(tmp_path / "sky.png").tobytes()


@pytest.mark.parametrize("kind", ["Display P3", "Adobe RGB", "transparent", "grey", "turned"])
def test_severity_0_does_not_change_how_a_picture_looks(tmp_path, kind, capsys):
    skin = to_pil(draw_skin(60, 90))
    exif, profile = Image.Exif(), None
    if kind == "turned":
        exif[0x0112] = 8
    if kind in ("Display P3", "Adobe RGB"):
        profile = rgb_profile(DISPLAY_P3) if kind == "Display P3" else rgb_profile(ADOBE_RGB, 2.2)
    image = {"transparent": skin.convert("RGBA"), "grey": skin.convert("L")}.get(kind, skin)
    if kind == "transparent":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(tmp_path / "in.png", icc_profile=profile, exif=exif)
    assert main(["edit", f"{tmp_path}/in.png", f"{tmp_path}/out.png", "--severity", "0"]) == 0
    assert "0.0% of the image edited" in capsys.readouterr().out
    shown = [look(tmp_path / name) for name in ("in.png", "out.png")]
    assert shown[0].shape == shown[1].shape and np.abs(shown[0] - shown[1]).max() <= 2


def look(path) -> np.ndarray:
    """A file as a viewer shows it on white, on an sRGB screen."""
    with Image.open(path) as image:
        upright, profile = ImageOps.exif_transpose(image), image.info.get("icc_profile")
    layer = upright.convert("RGBA")
    shown = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    if profile:
        screen = ImageCms.createProfile("sRGB")
        shown = ImageCms.profileToProfile(shown, io.BytesIO(profile), screen)
    return np.asarray(shown, dtype=int)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{in}", "{out}", "--severity", "2"], "severity must be in"),
        (["{dir}/none.png", "{out}"], "none.png"),
        (["{in}", "{out}", "--mask", "{in}x"], "in.pngx"),
        (["{in}", "{out}", "--mask", "{small}"], "must match"),
        (["{in}", "{dir}/out.xyz"], "no suffix"),
        (["{in}", "{in}/deep/out.png"], "in.png"),
        (["{in}", "{out}", "--model", "nothing"], "unknown model"),
        (["{dir}", "{dir}/o", "--mask", "{in}"], "not with a folder"),
        (["{in}", "{out}", "--mask", "{in}"], "is not clear"),
        (["{in}", "{out}", "--mask", "{small}", "--coverage", "0.5"], "leave it out beside --mask"),
        (["{in}", "{out}", "--mode", "remove", "--signs", "scale=1"], "--signs is of eczema"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(tmp_path, photograph, capsys, arguments, says):
    Image.new("L", (5, 5)).save(tmp_path / "small.png")
    names = {
        "in": photograph,
        "out": tmp_path / "out.png",
        "dir": tmp_path,
        "small": tmp_path / "small.png",
    }
    before = sorted(tmp_path.iterdir())
    assert main(["edit", *(a.format(**names) for a in arguments)]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and "Traceback" not in error
    assert sorted(tmp_path.iterdir()) == before
