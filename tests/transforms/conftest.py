"""A transform that always edits."""

import pytest

from synthderm import EczemaEdit


@pytest.fixture
def always(editor) -> EczemaEdit:
    return EczemaEdit(p=1, severity=1.0, coverage=0.4, model=editor)
