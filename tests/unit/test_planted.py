"""The faults that are planted to try the tests can be planted."""

from pathlib import Path

import pytest

from tools.planted import PLANTED, Planted

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_fault_has_its_place(planted: Planted) -> None:
    text = (ROOT / planted.file).read_text(encoding="utf-8")
    assert text.count(planted.old) == 1
    compile(text.replace(planted.old, planted.new), planted.file, "exec")
    assert all((ROOT / tests).is_file() for tests in planted.tests)


def test_there_are_many_faults_of_different_names() -> None:
    assert len({planted.name for planted in PLANTED}) == len(PLANTED) >= 25
