"""Time and chance as one value, so that tests hold both."""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


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


def seconds(duration: timedelta | float, argument: str, *, may_be_endless: bool = False) -> float:
    """What a caller gives as a duration. Endless is `math.inf`."""
    given = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if not (0 <= given <= sys.float_info.max or (may_be_endless and given == math.inf)):
        raise ValueError(f"{argument}= takes seconds, 0 or more, and not {given}")
    return given


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
