"""How much memory the process has held at most."""

from __future__ import annotations

import resource
import sys

_KIBIBYTE, _MEBIBYTE = 1024, 1024 * 1024
# getrusage(2) counts in KiB on Linux, and in bytes on macOS.
_UNIT = 1 if sys.platform == "darwin" else _KIBIBYTE


def peak_mib() -> float:
    """Give the most that was resident at once so far, in MiB: weights, activations and libraries together."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT / _MEBIBYTE
