"""The commands of the study."""

import argparse
import inspect
import re

import pytest

from synthderm.study.__main__ import main
from synthderm.study.build import build
from synthderm.study.cli import add_arguments
from synthderm.study.power import power_table
from synthderm.study.psych_ds import export
from synthderm.study.report import report
from synthderm.study.serve import serve
from synthderm.study.study_folder import Study


def test_the_command_line(sources, tmp_path, capsys):
    out = tmp_path / "study"
    folders = ["--out", str(out), "--real", sources["real"], "--generated", sources["generated"]]
    numbers = "--participants 6 --yesno 4 --two 2 --repeats 1 --checks 2 --images 8 --seconds 3"
    main(["build", *folders, *numbers.split()])
    assert "9 trials for each of 6 participants, 80 px images" in capsys.readouterr().out
    assert Study(out).settings.seconds == 3
    with pytest.raises(SystemExit, match="go together"):
        main(["build", "--real", sources["real"], "--out", str(tmp_path / "other")])
    with pytest.raises(SystemExit, match="is not a study"):
        main(["analyse", str(tmp_path)])
    with pytest.raises(SystemExit, match="no answers yet"):
        main(["analyse", str(out)])


def test_the_power_command(capsys):
    main(["power", "--margin", "0.1", "--trials", "20", "--sd", "0.1"])
    assert re.search(r"^\s+20\s+26\s+25$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "function"),
    [
        ("build", build),
        ("power", power_table),
        ("serve", serve),
        ("analyse", report),
        ("export", export),
    ],
)
def test_the_arguments_of_a_command_are_those_of_its_function(command, function):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    required = {"build": ["--out", "x"], "power": [], "export": ["x", "--out", "y"]}
    chosen = vars(parser.parse_args([command, *required.get(command, ["x"])]))
    parameters = inspect.signature(function).parameters
    assert chosen.keys() - {"run", "study_command"} == parameters.keys()
    for name, parameter in parameters.items():
        if parameter.default is not parameter.empty:
            assert chosen[name] == parameter.default, name
