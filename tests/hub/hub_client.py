"""The side of the tests that uses huggingface_hub, which reads its settings on import: so it is a
process of its own.

It takes one JSON object a line, {"do": NAME, ...}, and answers with one: the result, or the error,
and the warnings. The version of huggingface_hub is the first one on PYTHONPATH.
"""

import contextlib
import io
import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

KEPT: dict = {}


def limit_files(size: int | None) -> None:
    """Let no file of this process grow beyond this size."""
    if size is not None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


def do_version() -> list[str]:
    import huggingface_hub

    return [huggingface_hub.__version__, huggingface_hub.__file__]


def do_resolve(
    model: str, file_limit: int | None = None, deadline: float = 1800, **options
) -> list[str]:
    from synthderm.hub import download
    from synthderm.hub.resolve import resolve

    download.DEADLINE = deadline
    limit_files(file_limit)
    try:
        resolved = resolve(model, **options)
    finally:
        limit_files(resource.RLIM_INFINITY)
    return [str(resolved.directory), resolved.revision]


def do_load(model: str, **options) -> dict:
    import torch

    from synthderm.models.generator import SkinGenerator

    generator = SkinGenerator.from_pretrained(model, **options)
    image, mask = generator.generate(torch.ones(1, generator.latent_dim), torch.tensor([0]))
    return {
        "revision": generator.revision,
        "shape": list(image.shape),
        "sum": image.double().sum().item(),
        "mask": mask.sum().item(),
    }


def do_dataset(source: str, **options) -> list:
    """Make a data set and keep it for `do_items`."""
    from synthderm import SyntheticSkinDataset

    KEPT["dataset"] = SyntheticSkinDataset(source, **options)
    return [KEPT["dataset"].revision, KEPT["dataset"].classes]


def do_items(workers: int) -> list:
    from torch.utils.data import DataLoader

    from synthderm.models.cache import _load_generator

    _load_generator.cache_clear()  # as in a process of its own
    loader = DataLoader(KEPT["dataset"], batch_size=2, num_workers=workers, collate_fn=list)
    return [
        [sum(image.tobytes()), list(image.size), label]
        for batch in loader
        for image, label in batch
    ]


def do_edit(model: str) -> list:
    """Make a transform and keep it for `do_edit_again`."""
    from synthderm import EczemaEdit

    KEPT["edit"] = EczemaEdit(p=1, model=model, return_record=True)
    return [repr(KEPT["edit"])]


def do_edit_again() -> str:
    """The revision of the model that a process which has loaded none yet edits with."""
    import pickle

    import torch

    from synthderm.models.cache import _load_editor

    _load_editor.cache_clear()
    edit = pickle.loads(pickle.dumps(KEPT["edit"]))
    return edit(torch.rand(3, 16, 16))[1]["model_revision"]


def do_snapshot(name: str, **options) -> str:
    from huggingface_hub import snapshot_download

    return snapshot_download(name, **options)


def do_push(directory: str, repository: str, **options) -> str:
    from synthderm.models.generator import SkinGenerator

    return SkinGenerator.from_pretrained(Path(directory)).push_to_hub(repository, **options)


def do_cli(arguments: list[str]) -> list:
    from synthderm.cli.main import main

    texts = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(texts[0]), contextlib.redirect_stderr(texts[1]):
        code = main(arguments)
    return [code, *(text.getvalue() for text in texts)]


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else prints must not mix with the answers
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict = {}
        started = time.monotonic()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                answer["result"] = globals()[f"do_{order.pop('do')}"](**order)
            except (Exception, SystemExit) as error:
                answer |= {
                    "error": type(error).__name__,
                    "bases": [base.__name__ for base in type(error).__mro__],
                    "message": str(error),
                }
        answer["warnings"] = [
            str(warning.message) for warning in caught if warning.category is UserWarning
        ]
        answer["seconds"] = time.monotonic() - started
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
