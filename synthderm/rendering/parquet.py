"""Parquet files as Hugging Face's `datasets` reads and streams them: pictures are columns of the
bytes of their files."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from synthderm.datasets.rendered_names import SUFFIXES, item_key
from synthderm.rendering.items import Encoded
from synthderm.rendering.work import HashedFile

ROWS = 100  # of a row group, the least that a reader has to read
TYPES = {
    **dict.fromkeys(("severity", "skin_tone"), "float64"),
    **dict.fromkeys(("seed", "index"), "int64"),
    **dict.fromkeys(("model", "weights_hash", "photograph"), "string"),
}


def import_pyarrow() -> Any:
    """pyarrow.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            "Parquet files need the package pyarrow: pip install 'synthderm[parquet]'"
        ) from None
    return pyarrow


def parquet_row(item: Encoded, encoding: str) -> dict[str, Any]:
    """An item as a row: its pictures as {"bytes", "path"}, its label as an index."""
    key = item_key(item.number)
    row: dict[str, Any] = {"image": {"bytes": item.image, "path": f"{key}{SUFFIXES[encoding]}"}}
    if item.mask is not None:
        row["mask"] = {"bytes": item.mask, "path": f"{key}.mask.png"}
    return row | item.row | {"label": item.label}


def parquet_schema(classes: Sequence[str], columns: Sequence[str], masks: bool) -> Any:
    """The schema of `parquet_row`, with what `datasets` has to know: which columns are pictures,
    and the names of the classes."""
    pyarrow = import_pyarrow()
    picture = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    pictures = ["image", "mask"] if masks else ["image"]
    fields = [(name, picture) for name in pictures]
    features: dict[str, Any] = {name: {"_type": "Image"} for name in pictures}
    for name in columns:
        kind = "int64" if name == "label" else TYPES[name]
        fields.append((name, getattr(pyarrow, kind)()))
        features[name] = {"dtype": kind, "_type": "Value"}
    features["label"] = {"names": list(classes), "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pyarrow.schema(fields, metadata=metadata)


class ParquetFiller:
    """Writes items into a Parquet file.

    Args:
        classes: the names of the classes.
        columns: what `Item.row` has.
        encoding: format of the images.
        masks: whether there are masks.
    """

    def __init__(
        self, classes: Sequence[str], columns: Sequence[str], encoding: str, masks: bool
    ) -> None:
        import_pyarrow()  # refused now, and not after the first items were made
        self._facts = (list(classes), tuple(columns), masks)
        self._encoding = encoding

    def __call__(self, file: HashedFile, items: Iterator[Encoded]) -> None:
        pyarrow, schema = import_pyarrow(), parquet_schema(*self._facts)
        texts = [name for name in schema.names if schema.field(name).type == pyarrow.string()]
        with pyarrow.parquet.ParquetWriter(file, schema, use_dictionary=texts) as writer:
            rows: list[dict[str, Any]] = []
            for item in items:
                rows.append(parquet_row(item, self._encoding))
                if len(rows) == ROWS:
                    writer.write_table(pyarrow.Table.from_pylist(rows, schema))
                    rows = []
            if rows:
                writer.write_table(pyarrow.Table.from_pylist(rows, schema))
