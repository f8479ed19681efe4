"""Shards: the files depend on the items alone, and not on who wrote them, when, or how often."""

import json
import tarfile
import threading
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from synthderm import SkinFolder, SyntheticSkinDataset
from synthderm.datasets.rendered_names import Shards
from synthderm.rendering.items import (
    Encoder,
    GeneratedItems,
    LeftOut,
    encode_items,
    shortest_cycle,
)
from synthderm.rendering.render import render
from synthderm.rendering.verify import verify
from tests.rendering.stub import data, files, noise

SMALL = {"shard_size": 4, "batch": 3}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("count", [1, 3])
def test_files_do_not_depend_on_how_the_work_is_shared(tmp_path, file_format, workers, count):
    options = {"file_format": file_format, **SMALL}
    whole = files(render(data(22), tmp_path / "whole", **options))
    for index in reversed(range(count)):
        assert not (tmp_path / "out" / "manifest.json").exists()
        render(data(22), tmp_path / "out", part=(index, count), workers=workers, **options)
    assert files(tmp_path / "out") == whole and verify(tmp_path / "out") == []
    other = render(data(22, seed=1), tmp_path / "other", **options)
    assert files(other).keys() == whole.keys() and files(other) != whole


def test_batches_and_a_turn_of_labels_change_nothing(tmp_path, file_format):
    options = {"file_format": file_format, "shard_size": 4}
    whole = files(render(data(11), tmp_path / "whole", **options))
    assert files(render(data(11), tmp_path / "batches", batch=1, **options)) == whole
    assert files(render(data(3), tmp_path / "turns", length=11, **options)) == whole


def test_a_length_that_is_raised_gives_the_files_of_that_length(tmp_path, file_format):
    options = {"file_format": file_format, **SMALL}
    out = render(data(6), tmp_path / "out", **options)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("000*") if path.is_file()}
    render(data(14), out, part=(1, 2), **options)
    render(data(14), out, part=(0, 2), **options)
    assert files(out) == files(render(data(14), tmp_path / "whole", **options))
    kept = "000000.*" if file_format != "png" else "000000[0-5].*"
    assert all(path.stat().st_mtime_ns == before[path] for path in out.rglob(kept))
    with pytest.raises(ValueError, match="--length 3 is less"):
        render(data(3), out, **options)


def test_a_file_that_is_lost_or_cut_short_is_written_again(tmp_path, file_format):
    options = {"file_format": file_format, **SMALL}
    out = render(data(10), tmp_path / "out", **options)
    whole = files(out)
    names = sorted(name for name in whole if name.startswith(("images", "masks", "000")))
    (out / names[1]).unlink()
    (out / names[0]).write_bytes(whole[names[0]][:50])
    (out / names[-1]).write_bytes(b"")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*0*.*")}
    render(data(10), out, **options)
    assert files(out) == whole
    if file_format == "png":  # images are kept, and those alone are made again
        again = {path.stem for path, time in before.items() if path.stat().st_mtime_ns != time}
        assert again == {Path(name).stem for name in (names[0], names[1], names[-1])}
    (out / names[0]).write_bytes(whole[names[0]][:50])
    (out / "checksums.sha256").unlink()
    render(data(10), out, **options)
    assert files(out) == whole


def test_a_stop_that_leaves_files_without_their_bytes(tmp_path, file_format):
    """As a machine that goes down may."""
    options = {"file_format": file_format, **SMALL}
    out = render(data(10), tmp_path / "out", part=(0, 2), **options)
    made = sorted(path for path in out.rglob("0*.*") if path.parent.name != "unfinished")
    for path in made[:3]:
        path.write_bytes(path.read_bytes()[:20])
    render(data(10), out, **options)
    assert files(out) == files(render(data(10), tmp_path / "whole", **options))
    assert verify(out) == []


def test_a_manifest_without_sizes_costs_a_look_at_every_file(tmp_path):
    out = render(data(10), tmp_path / "out", **SMALL)
    whole = files(out)
    manifest = json.loads((out / "manifest.json").read_text())
    assert sum(manifest["bytes"]) == sum(
        len(content) for name, content in whole.items() if name.startswith(("images", "masks"))
    )
    (out / "manifest.json").write_text(json.dumps(manifest | {"bytes": []}))
    name = next(name for name in sorted(whole) if name.startswith("images"))
    (out / name).write_bytes(whole[name][:-1])
    render(data(10), out, **SMALL)
    assert files(out) == whole


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"file_format": "jpeg"}, "another format .png, now jpeg."),
        ({"file_format": "webdataset"}, "another format .png, now webdataset."),
        ({"masks": False}, "another masks"),
        ({"shard_size": 5}, "another shard_size"),
    ],
)
def test_a_folder_of_something_else_is_refused(tmp_path, other, says):
    out = render(data(4), tmp_path / "out", shard_size=4)
    before = files(out)
    with pytest.raises(ValueError, match=f"{says}.*choose a new folder"):
        render(data(4), out, **{"shard_size": 4} | other)
    with pytest.raises(ValueError, match="another seed .0, now 2."):
        render(data(4, seed=2), out, shard_size=4)
    assert files(out) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "000000.tar").touch()
    with pytest.raises(ValueError, match=r"holds other files .000000.tar."):
        render(data(4), tmp_path / "mine", file_format="webdataset")


def test_tar_files_hold_what_the_items_are_and_nothing_of_the_machine(tmp_path):
    out = render(data(5), tmp_path / "out", file_format="webdataset", **SMALL)
    with tarfile.open(out / "000001.tar") as tar:
        members = tar.getmembers()
        content = {member.name: tar.extractfile(member).read() for member in members}
    assert list(content) == [f"000000004{end}" for end in (".png", ".mask.png", ".cls", ".json")]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}
    image, mask, label = data(5, return_mask=True)[4]
    assert Image.open(BytesIO(content["000000004.png"])).tobytes() == image.tobytes()
    assert Image.open(BytesIO(content["000000004.mask.png"])).getcolors()[-1][1] == 255
    assert content["000000004.cls"] == str(label).encode()
    row = json.loads(content["000000004.json"])
    name = "tests.rendering.stub.noise"
    assert row == {
        **{"label": "a", "severity": None, "skin_tone": None, "seed": 0, "index": 4},
        **{"model": name, "weights_hash": "function"},
    }


def test_encoding_overlaps_generation():
    """The first batch is encoded while the second is made: each waits for the other."""
    second = threading.Event()

    class Items(GeneratedItems):
        def make(self, numbers):
            if 2 in numbers:
                second.set()
            return super().make(numbers)

    class Waiting(Encoder):
        def encode(self, item):
            assert second.wait(20)
            return super().encode(item)

    items, ready = Items(data(9)), []
    encoder = Waiting("png", "png")
    made = encode_items(items, range(9), encoder, batch=2, threads=2, report=ready.append)
    plain = encode_items(items, range(9), Encoder("png", "png"), batch=4)
    assert list(made) == list(plain) and sum(ready) == 9


def test_items_that_cannot_be_made_are_left_out_and_named(tmp_path, file_format):
    class Items(GeneratedItems):
        def make(self, numbers):
            made = super().make(numbers)
            return [LeftOut(x.number, "no skin") if x.number in (1, 5, 6) else x for x in made]

    options = {"file_format": file_format, **SMALL}
    out = render(Items(data(10)), tmp_path / "train", **options)
    left_out = json.loads((out / "manifest.json").read_text())["left_out"]
    assert left_out == dict.fromkeys(["1", "5", "6"], "no skin") and verify(out) == []
    says = "train: 3 of 10 items are not there, since they could not be made, as item 1: no skin;"
    with pytest.warns(UserWarning, match=says) as caught:
        read = SyntheticSkinDataset.from_rendered(out)
    assert len(caught) == 1
    if file_format == "png":
        for root in (out, tmp_path):  # in which it is a split
            with pytest.warns(UserWarning, match=says):
                assert len(SkinFolder(root)) == 7
    there = [0, 2, 3, 4, 7, 8, 9]
    assert [x[0].tobytes() for x in read] == [data(10)[k][0].tobytes() for k in there]
    render(Items(data(12)), out, **options)
    assert files(out) == files(render(Items(data(12)), tmp_path / "whole", **options))


def test_labels_are_stored_as_one_turn():
    assert shortest_cycle([0, 1, 2, 0, 1, 2, 0]) == [0, 1, 2] and shortest_cycle([0] * 9) == [0]
    assert shortest_cycle([0, 0, 1]) == [0, 0, 1] and shortest_cycle([]) == []
    shards = Shards(10, 4)
    assert [list(shards.numbers(k)) for k in range(shards.count)][2] == [8, 9]
    assert sorted(k for i in range(3) for k in shards.part(i, 3)) == [0, 1, 2]


def test_arguments_that_are_none(tmp_path):
    for options, says in (
        ({"file_format": "tfrecord"}, "format 'tfrecord' is none of png, jpeg, webp, webdataset"),
        ({"encoding": "gif"}, "encoding 'gif' is none of png, jpeg, webp"),
        ({"shard_size": 0}, "shard_size=0 must be at least 1"),
    ):
        with pytest.raises(ValueError, match=says):
            render(data(2), tmp_path / "out", **options)
    large = SyntheticSkinDataset(noise, length=2, classes=["a"], seed=2**70)
    with pytest.raises(ValueError, match="no number of 64 bits"):
        render(large, tmp_path / "out", file_format="parquet")
    assert not (tmp_path / "out").exists()
