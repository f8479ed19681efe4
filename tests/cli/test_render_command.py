"""The command line of `synthderm render`: shards, jobs, and what is refused."""

import errno
import subprocess
import sys

import pytest

from synthderm import SyntheticSkinDataset
from synthderm.cli.main import main
from synthderm.rendering.progress import Progress
from synthderm.rendering.work import HashedFile
from tests.rendering.stub import files


def render(*arguments) -> int:
    return main(["render", *map(str, arguments)])


def test_jobs_of_an_array_give_the_files_of_one(tmp_path, generator_dir, capsys):
    options = ["--length", 11, "--format", "webdataset", "--shard-size", 3]
    assert render(generator_dir, tmp_path / "whole", *options) == 0
    assert "whole: 11 images, in 4 files, 0.1 MB" in capsys.readouterr().out
    for k, says in ((2, "1 of 4 shards are there"), (0, "3 of 4"), (1, "out: 11 images, in 4")):
        assert render(generator_dir, tmp_path / "out", *options, "--shard", f"{k}/3") == 0
        said = capsys.readouterr()
        assert says in said.out and said.err == ""
    assert render("--shard", "1/3", generator_dir, *options, tmp_path / "out") == 0
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    read = SyntheticSkinDataset.from_rendered(tmp_path / "out")
    assert read.targets == [0, 1] * 5 + [0]


def test_a_launcher_says_which_part_is_whose(tmp_path, generator_dir, monkeypatch, capsys):
    options = ["--length", 5, "--format", "webdataset", "--shard-size", 2, "--shard", "rank"]
    with pytest.raises(SystemExit):
        render(generator_dir, tmp_path / "out", *options)
    assert "RANK and WORLD_SIZE are not set" in capsys.readouterr().err
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, says in (("1", "1 of 3 shards are there"), ("0", "5 images, in 3 files")):
        monkeypatch.setenv("RANK", rank)
        assert render(generator_dir, tmp_path / "out", *options) == 0
        assert says in capsys.readouterr().out


def test_a_full_disk_is_one_sentence(tmp_path, generator_dir, monkeypatch, capsys):
    def write(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(HashedFile, "write", write)
    options = ["--length", 5, "--format", "webdataset"]
    assert render(generator_dir, tmp_path / "out", *options) == 2
    error = capsys.readouterr().err
    says = "000000.tar: No space left on device; make room, and the same command goes on.\n"
    assert error.endswith(says) and error.count("\n") == 1


def test_labels_in_turn(tmp_path, generator_dir):
    options = ["--length", 7, "--labels", "b", "a", "b", "--format", "webdataset"]
    assert render(generator_dir, tmp_path / "out", *options) == 0
    data = SyntheticSkinDataset(generator_dir, length=7, labels=["b", "a", "b"])
    read = SyntheticSkinDataset.from_rendered(tmp_path / "out")
    assert read.targets == data.targets == [1, 0, 1, 1, 0, 1, 1]
    assert [x[0].tobytes() for x in read] == [x[0].tobytes() for x in data]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--shard", "3/3"], "the jobs of 3 are 0/3 to 2/3"),
        (["--shard", "a/b"], "'a/b': write I/N, as in 0/3"),
        (["--shard", "1/2/3"], "write I/N"),
        (["--shard", "0/0"], "there is at least 1 job"),
        (["--shard=-1/3"], "write I/N"),
        (["--format", "tfrecord"], "invalid choice"),
    ],
)
def test_wrong_words_are_refused_by_the_parser(tmp_path, capsys, options, says):
    with pytest.raises(SystemExit):
        render("lesions", tmp_path / "out", "--length", 3, *options)
    assert says in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--workers", 0], "workers=0 must be at least 1"),
        (["--shard-size", 5], "--shard-size is of shards: leave it out, or add --format"),
        (["--encoding", "png"], "--encoding is of shards"),
        (["--format", "webdataset", "--shard-size", 0], "shard-size=0 must be at least 1"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, capsys, options, says):
    assert render("lesions", tmp_path / "out", "--length", 3, *options) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_what_is_lacking_is_said(capsys):
    for arguments, lacking in ((["lesions", "x"], "--length"), (["lesions", "--length", 3], "OUT")):
        with pytest.raises(SystemExit):
            render(*arguments)
        assert f"required: {lacking}" in capsys.readouterr().err


def test_progress_tells_the_rate_and_the_time_left(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with Progress("render", 1000, 200) as progress:
        now[0] += 5
        progress(100)
        assert capsys.readouterr().err == ""
        now[0] += 5
        progress(100)
        line = "render: 400 of 1,000 images, 20.0 images/s, 0 min 30 s left\n"
        assert capsys.readouterr().err == line
        now[0] += 5
        progress(1)
        assert capsys.readouterr().err == ""
    assert Progress("render", 10**9).line().startswith("render: 0 of 1,000,000,000 images, 0.0")


def test_help_names_the_three_ways(capsys):
    with pytest.raises(SystemExit):
        render("--help")
    shown = capsys.readouterr().out
    for way in ("SOURCE OUT --length N", "--edit eczema --images DIR OUT", "--verify OUT"):
        assert way in shown


def test_the_parser_needs_no_torch():
    code = (
        "import sys; from synthderm.cli.main import main\n"
        "try: main(['render', 'lesions', 'x', '--shard', '3/3'])\n"
        "except SystemExit: print('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert shown.stdout == "False\n"
