"""What holds for all tests."""

import signal
from collections.abc import Callable

import pytest

Counted = Callable[[str], None]
_COUNTED = "counted"


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Counted:
    """Give what keeps a line to be shown at the end, also if the tests run in several processes."""
    return lambda line: record_property(_COUNTED, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what the sweeps have counted."""
    reports = (each for group in ("passed", "failed") for each in terminalreporter.getreports(group))
    for report in reports:
        for name, line in report.user_properties:
            if name == _COUNTED:
                terminalreporter.write_line(str(line))


def pytest_sessionstart() -> None:
    """Take Ctrl-C as a program at a terminal does, also where the tests were started in the background.

    A shell starts background jobs with SIGINT ignored, and whatever they start inherits that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
