"""`synthderm edit` on photographs as people have them."""

import numpy as np
import pytest
from PIL import Image

from synthderm.cli.main import main
from synthderm.imaging.io import to_pil
from tests.drawing import draw_skin


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
