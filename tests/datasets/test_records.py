"""Groups are split by a hash of their id, in the shares that are promised."""

from collections import Counter

from synthderm.datasets.records import hash_split


def test_groups_are_split_by_hash_in_the_shares_promised():
    shares = Counter(hash_split(f"HAM_{k:07}") for k in range(4000))
    assert abs(shares["train"] / 4000 - 0.70) < 0.03
    assert abs(shares["val"] / 4000 - 0.15) < 0.03
    # Written down, so that no later change moves a group from one split to another.
    expected = {"0000000": "train", "PAT_8": "val", "PAT_3": "test"}
    assert {group: hash_split(group) for group in expected} == expected
