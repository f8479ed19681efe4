"""Publishing: a model and its card to the Hugging Face Hub, as one commit."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self

from torch import Tensor

from synthderm.files import write_text
from synthderm.hub.download import FILES, Token, explain
from synthderm.hub.model_card import CARD, check_records, make_card, without_folders
from synthderm.hub.model_folder import read_config
from synthderm.hub.resolve import HUB_ID


class Publishable(Protocol):
    """What publishing needs of a model; `synthderm.hub.pretrained.Pretrained` has it."""

    card: dict[str, Any]
    pipeline_tag: str

    def plain_state(self) -> dict[str, Tensor]: ...

    def save_pretrained(self, directory: Path, card: Mapping[str, Any] | None = None) -> Path: ...

    @classmethod
    def from_pretrained(cls, model: Path) -> Self: ...


def publish(
    model: Publishable,
    repository: str,
    records: Mapping[str, Any] | None = None,
    *,
    private: bool = False,
    token: Token = None,
    dry_run: bool = False,
) -> str:
    """Export a model with its card, check that it loads back bit-equal, and upload it.

    Args:
        model: a `SkinGenerator` or `EczemaEditor`.
        repository: "org/name"; it is created if it does not exist.
        records: `licence` of the weights; `data`, a list of {name, licence, attribution};
            `metrics`, a list of {name, value, dataset, command}; optional `summary`, `command`
            (that trained it) and `limits` (sentences). What is not given is taken from
            `model.card`.
        private, token: as in huggingface_hub.
        dry_run: do everything but the upload; no network.

    Returns:
        "org/name@commit"; in a dry run the card's text.

    Raises:
        ValueError: a record is missing, or the exported files do not give the same model.
        PermissionError: the token may not write there, or the repository is public and `private`
            was asked for.
        ConnectionError: the Hub can't be reached.
    """
    if not HUB_ID.fullmatch(repository):
        raise ValueError(f'repository {repository!r} is no Hub id: it looks like "org/name".')
    records = {**model.card, **(records or {})}
    check_records(records)
    records["training"] = without_folders(records.get("training", {}))
    with tempfile.TemporaryDirectory() as temporary:
        folder = model.save_pretrained(Path(temporary) / "model", card=records)
        _check_copy(model, folder)
        text = write_card(folder, repository, model.pipeline_tag)
        return text if dry_run else f"{repository}@{_upload(folder, repository, private, token)}"


def write_card(folder: Path, repository: str, pipeline_tag: str) -> str:
    """Write the model card into a model folder, from the records in its `config.json`.

    Returns:
        The card's text.
    """
    text = make_card(read_config(folder), repository, pipeline_tag)
    write_text(folder / CARD, text)
    return text


def _check_copy(model: Publishable, folder: Path) -> None:
    before = model.plain_state()
    after = type(model).from_pretrained(folder).plain_state()
    different = [
        key for key in before if before[key].numpy().tobytes() != after[key].numpy().tobytes()
    ]
    if different:
        raise ValueError(
            f"the exported model does not load back bit-equal: {', '.join(different[:3])} differ;"
            " save float32 weights and publish those."
        )


def _upload(folder: Path, repository: str, private: bool, token: Token) -> str:
    """Upload the three files as one commit, and return its id."""
    from huggingface_hub import HfApi

    api = HfApi(token=token, library_name="synthderm")
    try:
        api.create_repo(repository, private=private or None, exist_ok=True)
        if private and not api.model_info(repository).private:
            raise PermissionError(
                f"{repository} exists and is public: make it private on its settings page, or leave"
                " --private out."
            )
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=[*FILES, CARD],
            commit_message="Publish with synthderm",
        )
    except PermissionError:
        raise
    except Exception as error:
        raise explain(error, repository, "main") from error
    return commit.oid
