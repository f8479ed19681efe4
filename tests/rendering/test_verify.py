"""Checksums: what is changed, lost or added is named."""

import hashlib
import shutil

import pytest

from synthderm.cli.main import main
from synthderm.rendering.render import render
from synthderm.rendering.verify import verify
from tests.rendering.stub import data, files


@pytest.fixture
def out(tmp_path, file_format):
    return render(data(9), tmp_path / "out", file_format=file_format, shard_size=4)


def test_every_file_is_in_the_checksums_as_sha256sum_reads_them(out):
    lines = [line.split("  ") for line in (out / "checksums.sha256").read_text().splitlines()]
    found = files(out)
    assert {name for _, name in lines} == found.keys() - {"checksums.sha256"}
    assert all(hashlib.sha256(found[name]).hexdigest() == digest for digest, name in lines)


def test_each_fault_is_named(out):
    whole = files(out)
    for name, content in whole.items():
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
        (out / name).write_bytes(flipped)
        assert verify(out, threads=2), name
        if name != "checksums.sha256":
            assert [line.split(":")[0] for line in verify(out)] == [name]
        (out / name).unlink()
        assert [line.split(": missing")[0] for line in verify(out)] == [name]
        (out / name).write_bytes(content)
    (out / "images").mkdir(exist_ok=True)
    (out / "images" / "new.txt").touch()
    assert verify(out) == ["images/new.txt: not of this rendering"]


def test_what_is_wrong_is_mended_by_the_same_command(tmp_path, out, file_format):
    whole = files(out)
    name = next(name for name in sorted(whole) if name.startswith(("000", "masks")))
    (out / name).write_bytes(whole[name][:-1] + b"x")
    assert verify(out) == [
        f"{name}: changed; delete it, and the same render command makes it again"
    ]
    (out / name).unlink()
    render(data(9), out, file_format=file_format, shard_size=4)
    assert verify(out) == [] and files(out) == whole


def test_the_command(tmp_path, capsys):
    out = render(data(9), tmp_path / "out", file_format="webdataset", shard_size=4)
    assert main(["render", "--verify", str(out)]) == 0
    (out / "000001.tar").unlink()
    assert main(["render", "--verify", str(out), "--workers", "2"]) == 1
    said = capsys.readouterr()
    assert said.out == f"{out}: all files are as they were written\n"
    assert said.err.splitlines() == [
        f"synthderm: {out} is not as it was written:",
        "  000001.tar: missing; the same render command makes it again",
    ]
    shutil.rmtree(out)
    render(data(9), out, file_format="webdataset", shard_size=4, part=(0, 2))
    assert main(["render", "--verify", str(out)]) == 1
    assert "not rendered to the end (2 of 3 shards are there)" in capsys.readouterr().err
    for wrong, says in (
        (tmp_path / "nothing", "there is no folder"),
        (tmp_path, "has no manifest.json: `synthderm render` did not write it"),
    ):
        assert main(["render", "--verify", str(wrong)]) == 2
        assert says in capsys.readouterr().err
    assert main(["render", "lesions", "--verify", str(out)]) == 2
    assert "leave lesions out" in capsys.readouterr().err
