"""What holds for all tests."""

import signal


def pytest_sessionstart() -> None:
    """Take Ctrl-C as a program at a terminal does, also where the tests were started in the background.

    A shell starts background jobs with SIGINT ignored, and whatever they start inherits that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
