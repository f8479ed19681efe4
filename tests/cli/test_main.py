"""The command line as a whole: exit codes, and one line for every mistake."""

import subprocess
import sys
import warnings

import pytest

import synthderm.cli.render
from synthderm import __version__
from synthderm.cli.main import COMMANDS, main
from synthderm.cli.messages import one_line


def test_python_m_synthderm_is_the_command_line():
    command = [sys.executable, "-m", "synthderm"]
    shown = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout == f"synthderm {__version__}\n"
    failed = subprocess.run([*command, "edit", "none.png", "x.png"], capture_output=True, text=True)
    assert failed.returncode == 2 and failed.stdout == ""
    assert failed.stderr.startswith("synthderm: none.png") and failed.stderr.count("\n") == 1


def run_with(monkeypatch, run) -> int:
    """`synthderm render`, which does this instead."""
    monkeypatch.setattr(synthderm.cli.render, "run", run)
    return main(["render", "lesions", "x", "--length", "1"])


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(13, "Permission denied", "/x/a.png"), "/x/a.png: Permission denied."),
        (FileNotFoundError("there is no folder a."), "there is no folder a."),
        (OSError(28, "No space left on device"), "No space left on device."),
        (ValueError("one\n  two"), "one two"),
        (TypeError("x"), "x"),
        (ImportError("not installed"), "not installed"),
        (ValueError(), "ValueError"),
    ],
)
def test_mistakes_are_one_line_and_2(monkeypatch, capsys, error, says):
    def run(_):
        raise error

    assert run_with(monkeypatch, run) == 2
    assert capsys.readouterr().err == f"synthderm: {says}\n" and one_line(error) == says


def test_other_exit_codes(monkeypatch, capsys):
    def stopped(_):
        raise KeyboardInterrupt

    assert run_with(monkeypatch, stopped) == 130 and capsys.readouterr().err.count("\n") == 1
    assert run_with(monkeypatch, lambda _: None) == 0
    assert run_with(monkeypatch, lambda _: 1) == 1


def test_warnings_are_one_line(monkeypatch, capsys):
    shown = warnings.showwarning
    assert run_with(monkeypatch, lambda _: warnings.warn("take care", stacklevel=1)) == 0
    assert capsys.readouterr().err == "synthderm: take care\n"
    assert warnings.showwarning is shown


def test_a_pipe_that_was_closed_is_no_mistake():
    code = (
        "import sys, synthderm.cli.render as p; from synthderm.cli.main import main\n"
        "p.run = lambda _: [print('x' * 999) for _ in range(9999)] and None\n"
        "sys.exit(main(['render', 'lesions', 'x', '--length', '1']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert "usage: synthderm" in capsys.readouterr().out
