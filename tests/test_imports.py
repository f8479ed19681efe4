"""The shape of the package: what imports what, and what `import synthderm` costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import synthderm

ROOT = Path(synthderm.__file__).parents[1]
# A module may import from its own room and from the rooms before it.
ROOMS = [
    "callers",
    "files",
    "arguments",
    "determinism",
    "intervals",
    "imaging",
    "hub",
    "models",
    "transforms",
    "datasets",
    "metrics",
    "rendering",
    "evaluation",
    "integrations",
    "training",
    "audit",
    "study",
    "cli",
    "__main__",
]
# What the rooms that make pixels may import beside the standard library. An optional package must
# never decide what an image looks like.
CORE = {
    "numpy",
    "PIL",
    "torch",
    "torchvision",
    "timm",
    "safetensors",
    "huggingface_hub",
    "scipy",
    "tqdm",
}
OPTIONAL = {
    "diffusers": "synthderm.datasets.function_source",  # the generator that is asked for
    "pyarrow": "synthderm.datasets.rendered_parquet",  # reads files of pictures, and makes none
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted((ROOT / "synthderm").rglob("*.py"))}


def imports(path: Path) -> set[str]:
    """The names that a file imports: at its top, inside functions, by `from synthderm import x`,
    or by naming a module of the package in a string."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if node.module == "synthderm" and alias.name in synthderm._MODULES:
                    name = f"synthderm.{synthderm._MODULES[alias.name]}"
                found.add(name if name in MODULES else node.module)
        elif isinstance(node, ast.Constant) and node.value in MODULES:
            found.add(node.value)
    return found


def inner_imports(name: str) -> set[str]:
    """The modules of the package that a module imports; the package itself has only its version."""
    return {other for other in imports(MODULES[name]) if other in MODULES} - {"synthderm", name}


def room(name: str) -> str:
    return name.split(".")[1]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "synthderm"])
def test_imports_run_one_way(name):
    assert room(name) in ROOMS, f"{name} is in no room: add it to ROOMS"
    for other in inner_imports(name):
        is_below = ROOMS.index(room(other)) <= ROOMS.index(room(name))
        assert is_below, f"{name} imports {other}, which stands above it"


def test_no_import_leads_back():
    """Also not by way of an import inside a function."""
    finished: set[str] = set()

    def visit(name: str, way: list[str]) -> None:
        assert name not in way, " -> ".join([*way[way.index(name) :], name])
        if name not in finished:
            for other in inner_imports(name):
                visit(other, [*way, name])
            finished.add(name)

    for name in MODULES:
        if name != "synthderm":
            visit(name, [])
    assert len(finished) == len(MODULES) - 1


def test_nothing_imports_recipes_benchmarks_or_tests():
    for name, path in MODULES.items():
        outer = {other.split(".")[0] for other in imports(path)}
        assert not outer & {"recipes", "benchmarks", "tests"}, name


def test_what_makes_pixels_imports_no_optional_package():
    for name, path in MODULES.items():
        if name == "synthderm" or room(name) not in ROOMS[: ROOMS.index("metrics")]:
            continue
        outer = {other.split(".")[0] for other in imports(path)}
        outer -= {*sys.stdlib_module_names, *CORE, "synthderm"}
        outer -= {package for package, owner in OPTIONAL.items() if owner == name}
        assert not outer, f"{name} imports {', '.join(outer)}"


def test_import_is_light():
    heavy = "{'timm', 'torch', 'torchvision'}"
    code = f"import sys, synthderm; assert not {heavy} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_exist():
    for name in synthderm.__all__:
        assert getattr(synthderm, name) is not None
    assert set(synthderm.__all__) <= set(dir(synthderm))
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        synthderm.Nope  # noqa: B018


def test_type_checkers_see_the_names_that_are_imported_late():
    tree = ast.parse(Path(synthderm.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    assert seen == {name: f"synthderm.{home}" for name, home in synthderm._MODULES.items()}
    assert (Path(synthderm.__file__).parent / "py.typed").is_file()


def test_packages_are_found_without_an_import_of_their_own():
    code = "import sys, synthderm; print('torch' in sys.modules, synthderm.transforms.__name__)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False synthderm.transforms\n"
    folders = {path.parent.name for path in (ROOT / "synthderm").glob("*/__init__.py")}
    assert folders - {"cli"} <= set(synthderm._PACKAGES)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = synthderm.nothing
