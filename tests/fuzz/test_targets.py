"""A few hostile inputs for each parser; `make fuzz` tries many more."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.targets import TARGETS

CASES = 60


@pytest.mark.parametrize("name", TARGETS)
def test_no_parser_is_at_fault(name, tmp_path_factory):
    target, folder = TARGETS[name], tmp_path_factory.mktemp(name)
    outcomes = set()
    target.prepare(folder)

    @settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.cases())
    def run(case):
        outcomes.add(target.check(case, folder))

    run()
    assert len(outcomes) == 2, "some input is accepted, and some refused"
