"""What this process holds, and what becomes of it at the process's end and in a forked child."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import deque
from collections.abc import Iterable

from ._channel import Channel
from ._lease import Held, Lease

closers_max = 16
"""Threads that close at a time. On a dead network each close takes seconds, and one after another they would add up."""

_leases: weakref.WeakSet[Lease] = weakref.WeakSet()
_lock = threading.RLock()
"""Reentrant: a signal's handler may ask what is held in the midst of this very thread's doing so."""


def _all() -> list[Lease]:
    with _lock:
        return [lease for lease in _leases if not lease._is_over]


def keep(lease: Lease) -> Lease:
    """Puts a new lease on the list and begins to extend it."""
    with _lock:
        _leases.add(lease)
    lease.start()
    return lease


def held() -> list[Held]:
    """Every session and project that this process holds now, as notes that keep nothing alive."""
    return [lease.describe() for lease in _all() if lease.is_held]


def release_all() -> int:
    """Closes every session of this process and says how many the server confirmed."""
    return close_all(_all())


def leases_of(channel: Channel) -> list[Lease]:
    """What is left of the sessions that were opened through it."""
    return [lease for lease in _all() if lease.channel is channel]


def close_all(leases: Iterable[Lease]) -> int:
    """Closes them side by side and says how many the server confirmed."""
    left = deque(leases)
    confirmed: list[Lease] = []

    def close_what_is_left() -> None:
        while True:
            try:
                lease = left.popleft()
            except IndexError:
                return
            if lease.close():
                confirmed.append(lease)

    threads: list[threading.Thread] = []
    for _ in range(min(len(left), closers_max) - 1):
        thread = threading.Thread(target=close_what_is_left, name="seatkeeper-close", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # a Python that ends may start none: then the threads that extend close as well
            for lease in list(left):
                lease.close_in_background()
            break
        threads.append(thread)
    close_what_is_left()
    for thread in threads:
        thread.join()
    return len(confirmed)


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()
    # The parent's: the child neither extends nor closes them, and lets go of the locks on their state files.
    for lease in list(_leases):
        lease.disown()
    _leases.clear()


atexit.register(release_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
