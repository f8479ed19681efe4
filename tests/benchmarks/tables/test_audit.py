"""The table of the audit's gate."""

import json

from benchmarks.common import RESULTS
from benchmarks.tables.audit import audit_section


def test_goals_that_are_missed_are_said():
    result = json.loads((RESULTS / "audit-lesions.json").read_text(encoding="utf-8"))
    text = "\n".join(audit_section("lesions", result))
    assert text.count("| met |") == len(result["planted"]) + len(result["clean"]) + 1
    result["planted"][0]["planted_named"] = 18
    result["clean"][0]["passed"] = False
    assert "\n".join(audit_section("lesions", result)).count("**missed**") == 2
