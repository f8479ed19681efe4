"""`evaluate` and `synthderm helps`, from photographs to page."""

import builtins

import pytest
from PIL import Image

import synthderm
from synthderm import SkinFolder
from synthderm.cli.main import main
from synthderm.evaluation import evaluate as module
from synthderm.evaluation.evaluate import Plan
from synthderm.evaluation.report import write_page

TINY = Plan(shares=(0.5, 1.0), doses=(1,), folds=2, repeats=1, copies=1, most_generated=40)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(module, "USUAL", TINY)
    monkeypatch.setattr(module, "QUICK", TINY._replace(shares=(1.0,)))


@pytest.mark.filterwarnings("ignore:.*does not say")
def test_a_verdict_with_curves(classifier, photographs, source, tmp_path):
    found = synthderm.evaluate(photographs, source, classifier=classifier)
    assert found.difference.test_images == 30 and found.ours == "generated x1"
    assert found.difference.low <= found.difference.estimate <= found.difference.high
    arms = ["real only", "oversampling", "RandAugment", "generated x1"]
    assert [(one.arm, one.share) for one in found.figures] == [
        (arm, share) for share in TINY.shares for arm in arms
    ]
    for one in found.figures:
        for figure in (one.balanced_accuracy, one.auroc):
            assert 0 <= figure.low <= figure.estimate <= figure.high <= 1
    page = write_page(found, tmp_path / "new" / "page.html").read_text()
    assert found.verdict[1:] in page and "data:image/png;base64" in page
    assert "http" not in page and "a (18), b (12)" in page


@pytest.mark.filterwarnings("ignore:.*does not say")
def test_a_class_that_the_source_lacks_gets_no_images(classifier, photographs, source, tmp_path):
    with pytest.warns(UserWarning, match="has no b"):
        found = synthderm.evaluate(
            photographs, source, classifier=classifier, mapping={"b": None}, quick=True
        )
    assert found.facts["generated of"] == {"a": "a"}
    assert "b (12; none generated)" in write_page(found, tmp_path / "page.html").read_text()


@pytest.mark.filterwarnings("ignore:.*does not say")
def test_artifacts_are_drawn_as_asked(
    classifier, photographs, source, generator_dir, tmp_path, capsys
):
    options = {"classifier": classifier, "quick": True, "cache": tmp_path / "cache"}
    shares = {"hair": 1.0, "ruler": 0.285}
    found = synthderm.evaluate(photographs, generator_dir, artifacts=shares, **options)
    assert found.facts["artifacts"] == shares
    command = ["helps", "--data", str(photographs), "--source", str(generator_dir), "--quick"]
    command += ["--classifier", classifier, "--out", str(tmp_path / "out"), "--artifacts"]
    assert main([*command, "ruler=0.285", "hair=1"]) == 0
    page = (tmp_path / "out" / "index.html").read_text()
    assert " px, with hair on 100%, ruler on 28.5% of them. The" in " ".join(page.split())
    # The same images as from Python, and others than without.
    made = {path.name for path in (tmp_path / "out" / "features").glob("generated-*")}
    assert len(made) == 1 and all((tmp_path / "cache" / name).is_file() for name in made)
    plain = synthderm.evaluate(photographs, generator_dir, artifacts={}, **options)
    assert plain.facts["artifacts"] == {} and len(list((tmp_path / "cache").glob("gen*"))) == 2
    assert "px. The" in " ".join(write_page(plain, tmp_path / "page.html").read_text().split())
    with pytest.raises(ValueError, match="artifacts=.* is none: leave them out"):
        synthderm.evaluate(photographs, source, artifacts=shares, **options)
    assert main([*command[:-1], "--source", "eczema", "--artifacts", "hair=1"]) == 2
    error = capsys.readouterr().err
    assert "'eczema' is none: leave them out" in error


def test_a_quick_run_takes_whole_groups(photographs):
    data = SkinFolder(photographs)
    data.groups = [str(k // 3) for k in range(30)]
    part, groups = module._select(data, range(30), TINY._replace(most_photographs=12), seed=0)
    assert 12 <= len(part) == len(groups) < 30 and len(data.samples) == 30
    for number in set(part.groups):
        assert part.groups.count(number) == 3


@pytest.mark.filterwarnings("ignore:.*does not say")
def test_too_few_photographs_are_refused(classifier, source, tmp_path):
    for name, count in (("a", 12), ("b", 4)):
        (tmp_path / name).mkdir()
        for k in range(count):
            Image.new("RGB", (20, 16), (200, 150, 120 + k)).save(tmp_path / name / f"{k}.png")
    with pytest.raises(ValueError, match="class 'b' has 4 photographs"):
        synthderm.evaluate(tmp_path, source, classifier=classifier)


def test_without_scikit_learn_it_says_what_to_install(photographs, monkeypatch):
    real_import = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"pip install 'synthderm\[evaluation\]'"):
        synthderm.evaluate(photographs)


def test_the_command(classifier, photographs, generator_dir, tmp_path, capsys):
    command = ["helps", "--data", str(photographs), "--source", str(generator_dir)]
    command += ["--classifier", classifier, "--out", str(tmp_path / "out"), "--quick"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "oversampling: balanced accuracy" in shown and "found" in shown
    assert (tmp_path / "out" / "index.html").is_file()
    assert main([*command, "--map", "wrong"]) == 2
    assert "write CLASS=GENERATED" in capsys.readouterr().err
    assert main([*command[:-3], "--out", str(photographs / "x")]) == 2
