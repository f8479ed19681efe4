"""Data sets written to disk, shard by shard: class folders, WebDataset's tar files, Parquet."""
