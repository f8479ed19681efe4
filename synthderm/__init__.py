"""synthderm: synthetic skin images and eczema edits for training skin-image classifiers.

For research and augmentation only; not a medical device and not for diagnosis.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthderm.datasets.folder import SkinFolder as SkinFolder
    from synthderm.datasets.mixed import MixedSkinDataset as MixedSkinDataset
    from synthderm.datasets.synthetic import SyntheticSkinDataset as SyntheticSkinDataset
    from synthderm.evaluation.evaluate import evaluate as evaluate
    from synthderm.models.editor import EczemaEditor as EczemaEditor
    from synthderm.models.generator import SkinGenerator as SkinGenerator
    from synthderm.transforms.eczema_edit import EczemaEdit as EczemaEdit
    from synthderm.transforms.functional import add_eczema as add_eczema
    from synthderm.transforms.functional import find_eczema as find_eczema
    from synthderm.transforms.functional import random_mask as random_mask
    from synthderm.transforms.functional import remove_eczema as remove_eczema

__version__ = "0.1.0"

# The module of each public name. They are imported on first use, so that `import synthderm` stays
# quick; type checkers read the block above, and a test compares the two.
_MODULES = {
    "SyntheticSkinDataset": "datasets.synthetic",
    "SkinFolder": "datasets.folder",
    "MixedSkinDataset": "datasets.mixed",
    "evaluate": "evaluation.evaluate",
    "EczemaEdit": "transforms.eczema_edit",
    "add_eczema": "transforms.functional",
    "remove_eczema": "transforms.functional",
    "find_eczema": "transforms.functional",
    "random_mask": "transforms.functional",
    "SkinGenerator": "models.generator",
    "EczemaEditor": "models.editor",
}
# What is imported by `synthderm.transforms` too, without an import of its own.
_PACKAGES = (
    "audit",
    "datasets",
    "evaluation",
    "hub",
    "imaging",
    "integrations",
    "metrics",
    "models",
    "rendering",
    "study",
    "training",
    "transforms",
)
__all__ = [*_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"synthderm.{_MODULES[name]}"), name)
    if name in _PACKAGES:
        return import_module(f"synthderm.{name}")
    raise AttributeError(f"module 'synthderm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
