"""Rows that fill an index up, and what is counted as found."""

import numpy as np
import torch

from benchmarks.audit.indexes import fill, measure


def test_rows_are_filled_up_with_others_of_length_one():
    rows = torch.nn.functional.normalize(torch.randn(6, 16))
    filled = fill(rows, 50)
    assert np.array_equal(filled[:6], rows.numpy()) and filled.shape == (50, 16)
    assert np.allclose(np.linalg.norm(filled, axis=1), 1, atol=1e-5)
    assert len(np.unique(filled.round(5), axis=0)) == 50
    assert np.array_equal(fill(rows, 4), rows[:4].numpy())


def test_what_is_found_is_each_photographs_own_row():
    class Exact:
        def __init__(self, rows):
            self.rows = rows

        def search(self, features, count):
            scores = features @ self.rows.T
            return None, (-scores).argsort(1)[:, :count]

    rows = np.eye(30, dtype=np.float32)
    queries = {"as they are": rows[:5], "opposite": -rows[:5]}
    found = measure(Exact, rows, queries)["found"]
    assert found == {"as they are": 1.0, "opposite": 0.0}
