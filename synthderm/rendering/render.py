"""A data set written to disk: planned in shards, made by any number of processes and jobs."""

import functools
import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthderm.datasets.rendered import MANIFEST, PLAN, read_record
from synthderm.datasets.rendered_names import SHARD_SUFFIXES, Shards
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.files import held, sha256, write_text
from synthderm.rendering.digests import write_checksums
from synthderm.rendering.folder import TABLE, FolderWriter
from synthderm.rendering.items import (
    BATCH,
    Encoded,
    Encoder,
    GeneratedItems,
    Items,
    LeftOut,
    encode_items,
)
from synthderm.rendering.parquet import ParquetFiller
from synthderm.rendering.plan import SHARD_SIZE, make_plan, open_folder
from synthderm.rendering.progress import Progress
from synthderm.rendering.tar import fill_tar
from synthderm.rendering.work import BusyError, ShardRecord, Work
from synthderm.rendering.workers import make_shards
from synthderm.rendering.writers import Report, ShardWriter, Writer

BATCH_ON_GPU = 128


def render(
    data: SyntheticSkinDataset | Items,
    out: str | os.PathLike[str],
    *,
    length: int | None = None,
    file_format: str = "png",
    encoding: str = "png",
    masks: bool = True,
    shard_size: int = SHARD_SIZE,
    part: tuple[int, int] = (0, 1),
    workers: int = 1,
    batch: int | None = None,
) -> Path:
    """Write a data set: class folders, WebDataset's tar files, or Parquet.

    Class folders are `images/CLASS/*`, `masks/CLASS/*.gif` and `metadata.csv`, as `SkinFolder`,
    timm and Hugging Face's imagefolder read them. In any format `manifest.json` says what made the
    images (source, weights, seed and every other argument that changes a pixel) and the classes in
    their order, and `checksums.sha256` has each file's SHA-256. The files do not depend on how the
    work is shared, nor on stops. Until the last image is there, the folder says that it is not
    finished.

    Args:
        data: its images are written before any transform.
        out: folder, new or empty; or one that this data set was rendered into, with as many images
            or fewer: these are kept.
        length: number of images of a `SyntheticSkinDataset`; its own where None. Above that the
            labels begin anew, and the images go on.
        file_format: "png", "jpeg" or "webp" in class folders, or "webdataset" or "parquet".
        encoding: of the images in the last two.
        masks: write masks too.
        shard_size: images in a file of the last two.
        part: (index, count), which of `count` jobs this is: it makes every `count`-th shard. The
            job that comes last finishes the folder.
        workers: processes.
        batch: images generated at once; 16 on the CPU and 128 on a GPU where None.

    Raises:
        ValueError: the folder holds something else, more images, or images of another data set; or
            another process writes one of the shards.
        ChildProcessError: a worker process died.
        OSError: files can't be written, as on a full disk. What is there is kept.
    """
    items: Items
    items = GeneratedItems(data, length) if isinstance(data, SyntheticSkinDataset) else data
    plan = make_plan(items, file_format, encoding, masks, shard_size)
    job = _Job(Path(out), plan, items, make_writer(Path(out), plan, items), batch, workers)
    if open_folder(job.out, plan, job.writer):
        return job.out
    numbers = job.shards.part(*part)
    missing = [shard for shard in numbers if not job.is_there(shard)]
    total, left = (sum(len(job.shards.numbers(k)) for k in some) for some in (numbers, missing))
    with Progress("render", total, total - left) as progress:
        # Shards that another run is writing come last, when it may have written them.
        for make in (job.make_if_free, job.make):
            missing = [shard for shard in missing if job.work.read_record(shard) is None]
            make_shards(make, missing, workers, progress, spawn=items.device != "cpu")
    job.finish()
    return job.out


def make_writer(out: Path, plan: dict[str, Any], items: Items) -> Writer:
    """What writes in the format of a plan."""
    shards = Shards(plan["length"], plan["shard_size"])
    file_format, masks = plan["format"], plan["masks"]
    if file_format not in SHARD_SUFFIXES:
        encoder = Encoder(file_format, "gif" if masks else None)
        return FolderWriter(out, shards, encoder, items.classes, items.columns)
    encoding = plan["encoding"]
    encoder = Encoder(encoding, "png" if masks else None)
    fill: Any = functools.partial(fill_tar, encoding)
    if file_format == "parquet":
        fill = ParquetFiller(items.classes, items.columns, encoding, masks)
    return ShardWriter(out, shards, file_format, encoder, fill)


@dataclass
class _Job:
    """One process's, or several workers', share in a rendering."""

    out: Path
    plan: dict[str, Any]
    items: Items
    writer: Writer
    batch: int | None
    workers: int

    def __post_init__(self) -> None:
        self.shards = Shards(self.plan["length"], self.plan["shard_size"])
        self.work = Work(self.out)
        self.batch = self.batch or (BATCH if self.items.device == "cpu" else BATCH_ON_GPU)

    def is_there(self, shard: int) -> bool:
        record = self.work.read_record(shard)
        if record is None:
            return False
        if not self.writer.is_there(shard, record):
            self.work.forget_record(shard)
            return False
        return True

    def make_if_free(self, shard: int, report: Report) -> None:
        """Make a shard, unless another process is about it."""
        with suppress(BusyError):
            self.make(shard, report, patience=0)

    def make(self, shard: int, report: Report, *, patience: float | None = None) -> None:
        """Make a shard, unless another process has made it meanwhile.

        Raises:
            BusyError: another process is about it.
        """
        with self.work.locked(shard, patience):
            if self.is_there(shard):
                report(len(self.shards.numbers(shard)))
                return
            left_out: dict[int, str] = {}

            def make_items(numbers: Sequence[int]) -> Iterator[Encoded]:
                options: Any = {"batch": self.batch, "threads": self._threads(), "report": report}
                for item in encode_items(self.items, numbers, self.writer.encoder, **options):
                    if isinstance(item, LeftOut):
                        left_out[item.number] = item.reason
                    else:
                        yield item

            files = self.writer.write(shard, make_items, report)
            self.work.write_record(shard, ShardRecord(files, left_out))

    def _threads(self) -> int:
        """Threads that encode while a GPU generates. On the CPU processes do both by turns."""
        if self.items.device == "cpu":
            return 0
        return max(1, (os.cpu_count() or 1) // self.workers)

    def finish(self) -> None:
        """Give the folder its last files, where all shards are there."""
        with held(self.out, patience=math.inf):
            # Another job may have finished it, or raised the length, and then finishes it.
            if read_record(self.out / PLAN) != self.plan:
                return
            if self.work.count_records() < self.shards.count:
                return
            entries = self.writer.finish()
            manifest = self.plan | self._find_facts()
            write_text(self.out / MANIFEST, json.dumps(manifest, indent=2) + "\n")
            write_checksums(self.out, self._with_tables(entries))
            (self.out / PLAN).unlink()
            self.work.clear()
            for part in self.out.glob(".*.synthderm.part"):  # of runs that were killed
                part.unlink(missing_ok=True)

    def _find_facts(self) -> dict[str, Any]:
        """What the manifest has beside the plan."""
        left_out: dict[str, str] = {}
        for shard in range(self.shards.count):
            record = self.work.read_record(shard)
            if record is not None:
                left_out |= {str(number): why for number, why in sorted(record.left_out.items())}
        return {"bytes": self.writer.sizes(), "left_out": left_out}

    def _with_tables(self, entries: Any) -> Iterator[tuple[str, str]]:
        yield from entries
        for name in (TABLE, MANIFEST):
            if (self.out / name).is_file():
                yield name, sha256(self.out / name)
