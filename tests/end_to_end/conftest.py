"""A shell in a folder of its own, on an emulator of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator.emulated import FAKE_TRAINER, Emulated, running
from tests.end_to_end.shell import Shell, shell_in


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Give a working folder whose emulator, if a command starts one, is this test's alone."""
    return shell_in(tmp_path, tmp_path / "state")


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[Shell, Emulated]]:
    """Give a working folder on an emulator whose trainer learns nothing, and is quick about it."""
    state = tmp_path / "state"
    with running(state, "--test-mode", "--trainer", FAKE_TRAINER) as emulated:
        yield shell_in(tmp_path, state), emulated
