"""The shape of the package: what imports what, and what `import synthderm` costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import synthderm

PACKAGE = Path(synthderm.__file__).parent
# A module may import from the ranks below its own, never from its own or above.
RANKS = [
    {"hub", "color", "images", "resize", "blocks", "labels"},
    {"publish"},
    {"pretrained", "layouts", "textures"},
    {"masks", "nets", "losses", "runs", "augment", "editor", "folders", "adapters"},
    {"fast"},
    {"renderer", "edit", "metrics", "judges", "photographs", "patches"},
    {"cover"},
    {"sources"},
    {"datasets", "transforms", "checks"},
    {"demo", "study", "render", "walk"},
    {"cli"},
]
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_imports_run_one_way(path):
    assert path.stem in RANK, f"{path.name} has no rank: add it to RANKS"
    for node in ast.walk(ast.parse(path.read_text())):
        names = (
            [node.module]
            if isinstance(node, ast.ImportFrom) and node.module
            else [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        for name in names:
            if name.startswith("synthderm."):
                other = name.split(".")[1]
                assert RANK[other] < RANK[path.stem], (
                    f"{path.name} imports {other}, which is not below it"
                )


def test_import_is_light():
    code = (
        "import sys, synthderm; assert not {'timm', 'torch', 'torchvision'} & set(sys.modules),"
        " sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_exist():
    for name in synthderm.__all__:
        assert getattr(synthderm, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        synthderm.Nope  # noqa: B018
