"""Publishing: a model folder with its card to the Hugging Face Hub, as one commit."""

from pathlib import Path

from synthderm.files import to_json, write_text
from synthderm.hub.audit_record import check_audit
from synthderm.hub.download import FILES, Token, explain
from synthderm.hub.model_card import CARD, PICTURES, check_records, make_card
from synthderm.hub.model_folder import read_config
from synthderm.hub.resolve import HUB_ID


def write_card(folder: Path, repository: str, pipeline_tag: str) -> str:
    """Write the model card into a model folder, from the records in its `config.json`.

    Returns:
        The card's text.
    """
    has_pictures = (folder / PICTURES).is_file()
    text = make_card(read_config(folder), repository, pipeline_tag, has_pictures)
    write_text(folder / CARD, text)
    return text


def publish(
    folder: Path,
    repository: str,
    pipeline_tag: str,
    *,
    private: bool = False,
    token: Token = None,
    dry_run: bool = False,
) -> str:
    """Check the records of a model folder, write its card, and upload it.

    `synthderm.hub.pretrained.Pretrained.push_to_hub` calls this; it has the arguments, what is
    returned, and the errors.
    """
    if not HUB_ID.fullmatch(repository):
        raise ValueError(f'repository {repository!r} is no Hub id: it looks like "org/name".')
    config = read_config(folder)
    check_records(config)
    write_text(folder / FILES[0], to_json(check_audit(config, folder), indent=2) + "\n")
    text = write_card(folder, repository, pipeline_tag)
    return text if dry_run else f"{repository}@{_upload(folder, repository, private, token)}"


def _upload(folder: Path, repository: str, private: bool, token: Token) -> str:
    """Upload the files as one commit, and return its id."""
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
            allow_patterns=[*FILES, CARD, PICTURES],
            commit_message="Publish with synthderm",
        )
    except PermissionError:
        raise
    except Exception as error:
        raise explain(error, repository, "main") from error
    return commit.oid
