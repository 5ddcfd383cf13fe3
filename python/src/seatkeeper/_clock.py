"""Time and chance as one value, so that tests hold both."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


def _monotonic() -> Callable[[], float]:
    """
    A clock that never goes back and counts the time that the machine sleeps: a laptop that was shut for an hour has
    lost its session, and `time.monotonic` alone would not know on Linux and macOS.
    """
    if sys.platform == "linux":
        return lambda: time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return lambda: time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic


monotonic = _monotonic()


@dataclass(frozen=True)
class Timing:
    """What a client takes as given. Replaced in tests alone."""

    monotonic: Callable[[], float] = monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    """From 0 up to 1."""
    wall: Callable[[], float] = time.time
    """Unix seconds, by which vouchers are judged."""
    renews: bool = True
    """Whether sessions are extended in the background."""
