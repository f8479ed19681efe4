"""Properties of the trials, for any plan."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthderm.study.plan import CHOICES, Plan
from synthderm.study.schedule import Deck, ImageNames, block_orders, sample_trials

even = st.integers(0, 6).map(lambda half: 2 * half)


@st.composite
def plans(draw):
    counts = draw(st.tuples(even, even, even).filter(any))
    blocks = sum(count > 0 for count in counts)
    repeats = draw(st.integers(0, blocks * min(count // 3 for count in counts if count)))
    return Plan(draw(st.integers(1, 14)), *counts, repeats, draw(st.integers(0, 7)))


def names(prefix, count):
    return [f"{prefix}{index}" for index in range(count)]


def pairs(prefix, count):
    return [(f"{prefix}{index}-before", f"{prefix}{index}-after") for index in range(count)]


def sample_some(plan, seed=0, spare=3):
    need = plan.images_needed + spare
    images = ImageNames(
        real=names("r", need),
        generated=names("g", need),
        add=pairs("a", plan.edit + spare),
        remove=pairs("m", plan.edit + spare),
    )
    return sample_trials(plan, images, seed)


def by_participant(trials):
    found = {}
    for trial in trials:
        found.setdefault(trial.participant, []).append(trial)
    return found


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(0, 2**32))
def test_every_participant_gets_a_balanced_schedule(plan, seed):
    found = by_participant(sample_some(plan, seed))
    assert list(found) == list(range(1, plan.participants + 1))
    for mine in found.values():
        assert [trial.position for trial in mine] == list(range(plan.length))
        first = [trial for trial in mine if trial.repeat_of is None and trial.kind != "check"]
        numbers = {block: getattr(plan, block) for block in plan.blocks}
        assert Counter(trial.block for trial in first) == numbers
        assert sum(trial.repeat_of is not None for trial in mine) == plan.repeats
        assert sum(trial.kind == "check" for trial in mine) == plan.checks
        for block in plan.blocks:
            right = Counter(trial.answer for trial in first if trial.block == block)
            balanced = dict.fromkeys(CHOICES[block], getattr(plan, block) // 2)
            assert right == balanced, "one answer is right more often"
        shown = [name for trial in first for name in (trial.a, trial.b) if name]
        assert len(shown) == len(set(shown)), "an image comes up twice"
        blocks = [trial.block for trial in mine]
        changes = sum(one != two for one, two in pairwise(blocks))
        assert changes == len(plan.blocks) - 1, "blocks are mixed"
        starts = [mine[blocks.index(block)] for block in plan.blocks]
        assert all(trial.kind != "check" for trial in starts), "begins with an attention check"


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(0, 2**32))
def test_the_key_is_right_and_repeats_exchange_the_sides(plan, seed):
    for mine in by_participant(sample_some(plan, seed)).values():
        for trial in mine:
            if trial.kind == "yesno":
                assert trial.a[0] == {"real": "r", "generated": "g"}[trial.answer]
            elif trial.kind == "two":
                assert getattr(trial, trial.answer)[0] == "g"
                assert {trial.a[0], trial.b[0]} == {"r", "g"}
            elif trial.kind in ("add", "remove"):
                assert getattr(trial, trial.answer).endswith("-after")
                assert trial.a.split("-")[0] == trial.b.split("-")[0]
                assert trial.a[0] == {"add": "a", "remove": "m"}[trial.kind]
            if trial.repeat_of is not None:
                original = mine[trial.repeat_of]
                assert trial.repeat_of < trial.position
                assert original.block == trial.block and original.repeat_of is None
                expected = (trial.b, trial.a) if trial.b else (trial.a, "")
                assert (original.a, original.b) == expected


def test_images_are_shown_equally_often_over_participants():
    plan = Plan(participants=37, yesno=8, two=6, edit=6, repeats=0, checks=0)
    trials = sample_some(plan, spare=5)
    for prefix in "rg":
        shown = Counter(
            name for trial in trials for name in (trial.a, trial.b) if name[:1] == prefix
        )
        assert len(shown) == 15 and max(shown.values()) - min(shown.values()) <= 1


def test_each_block_comes_first_second_and_third_equally_often():
    orders = block_orders(("yesno", "two", "edit"), np.random.default_rng(0))
    assert len(set(orders)) == 6
    for start in (0, 3):
        square = orders[start : start + 3]
        columns = zip(*square, strict=True)
        assert all(len(set(column)) == 3 for column in columns), "not a Latin square"
    trials = sample_some(Plan(participants=12, yesno=4, two=4, edit=4, repeats=0, checks=0))
    firsts = Counter((trial.block, trial.swapped) for trial in trials if trial.position == 0)
    assert firsts == {
        (block, swapped): 2 for block in ("yesno", "two", "edit") for swapped in (False, True)
    }


def test_add_and_remove_are_mixed_in_one_block():
    trials = sample_some(Plan(participants=1, yesno=0, two=0, edit=12, repeats=0, checks=0))
    assert Counter(trial.kind for trial in trials) == {"add": 6, "remove": 6}
    assert len({trial.kind for trial in trials[:6]}) == 2


def test_the_seed_decides():
    plan = Plan(participants=3, yesno=4, two=4, edit=4, repeats=3, checks=3)
    assert sample_some(plan, 1) == sample_some(plan, 1) != sample_some(plan, 2)


@given(st.integers(1, 9), st.lists(st.integers(0, 9), max_size=8))
def test_a_deck_deals_fairly(cards, hands):
    deck, dealt = Deck(list(range(cards)), np.random.default_rng(0)), Counter()
    for count in hands:
        hand = deck.deal(min(count, cards))
        assert len(set(hand)) == len(hand) == min(count, cards)
        dealt.update(hand)
    fewest = min(dealt[card] for card in range(cards))
    assert max(dealt.values(), default=0) - fewest <= 1


def test_too_few_images_say_how_many():
    with pytest.raises(ValueError, match="sees 30 real images, but there are 5"):
        sample_trials(Plan(), ImageNames(names("r", 5), names("g", 99)), 0)
