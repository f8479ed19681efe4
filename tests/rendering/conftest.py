"""Tests that take a format run for each of them that can be written here."""

import importlib.util

import pytest

PARQUET = pytest.param(
    "parquet",
    marks=pytest.mark.skipif(
        importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed"
    ),
)


@pytest.fixture(params=["png", "webdataset", PARQUET])
def file_format(request) -> str:
    return request.param
