"""synthderm: synthetic skin images and eczema edits for training skin-image classifiers.

For research and augmentation only; not a medical device and not for diagnosis.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "SyntheticSkinDataset": "datasets",
    "SkinFolder": "folders",
    "EczemaEdit": "transforms",
    "SkinGenerator": "nets",
    "EczemaEditor": "editor",
}
__all__ = [*_HOME, "__version__"]


def __getattr__(name: str):
    # Imported on first use, so that `import synthderm` stays quick.
    if name in _HOME:
        return getattr(import_module(f"synthderm.{_HOME[name]}"), name)
    raise AttributeError(f"module 'synthderm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
