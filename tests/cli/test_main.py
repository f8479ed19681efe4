"""The command line as a whole: exit codes, and one line for every mistake."""

import subprocess
import sys
import warnings

import pytest

import synthderm.cli.edit
from synthderm import __version__
from synthderm.cli.main import COMMANDS, main
from synthderm.cli.messages import one_line
from synthderm.hub.resolve import bundled_sources


def test_python_m_synthderm_is_the_command_line():
    command = [sys.executable, "-m", "synthderm"]
    shown = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout == f"synthderm {__version__}\n"
    failed = subprocess.run([*command, "edit", "none.png", "x.png"], capture_output=True, text=True)
    assert failed.returncode == 2 and failed.stdout == ""
    assert failed.stderr.startswith("synthderm: none.png") and failed.stderr.count("\n") == 1


def run_with(monkeypatch, run) -> int:
    """`synthderm edit`, which does this instead."""
    monkeypatch.setattr(synthderm.cli.edit, "run", run)
    return main(["edit", __file__, "x.png"])


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


@pytest.mark.parametrize("command", ["render", "show", "audit"])
def test_help_names_every_bundled_source(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert f" {', '.join(bundled_sources())}, a model's folder" in text


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--help", 0),
        ("--version", 0),
        ("nothing", 2),
        ("--bogus edit a b", 2),
        *[(f"{command} --help", 0) for command in COMMANDS],
        *[(f"{command} --bogus", 2) for command in COMMANDS],
        ("edit {x} {x}.png --severity 2", 2),
        ("edit {x} {x}.png --severity nan", 2),
        ("edit {x} {x}.png --coverage 0", 2),
        ("edit {x} {x}.png --signs scale=9", 2),
        ("edit {x} {x}.png --signs red=1", 2),
        ("edit {x} {x}.png --mode improve", 2),
        ("edit {x} {x}.png --mode remove --seed 1", 2),
        ("edit none.png x.png", 2),
        ("render lesions x", 2),
        ("render lesions x --length 0", 2),
        ("render lesions x --length 1 --format tiff", 2),
        ("render eczema x --length 1 --severity 0.5 2", 2),
        ("render lesions x --length 1 --truncation 0", 2),
        ("show lesions --side 0", 2),
        ("walk latent x.png --severity 0.5", 2),
        ("walk growth x.gif --coverage 2", 2),
        ("walk sideways x.gif", 2),
        ("publish", 2),
        ("study serve", 2),
    ],
)
def test_mistakes_in_arguments_show_before_torch_is_imported(tmp_path, line, code):
    """In one process all would see the modules of the first."""
    words = line.format(x=tmp_path).split()
    program = (
        "import sys\nfrom synthderm.cli.main import main\n"
        f"try: code = main({words!r})\nexcept SystemExit as stop: code = stop.code\n"
        "heavy = {'torch', 'numpy', 'PIL'} & set(sys.modules)\n"
        "print(code, *heavy)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == str(code), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
