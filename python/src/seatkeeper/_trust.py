"""
How long a granted session may be trusted, and when to extend it. The client trusts less than the server grants: time
counts from the start of the request, and ends a little before the server's end does.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._models import Grant
from ._steps import backoff, last_try_s

margin_share = 0.02
margin_max_s = 5.0
"""For two clocks that do not run alike, and for what the application still does after asking."""


@dataclass(frozen=True)
class TrustWindow:
    started: float
    until: float

    @classmethod
    def of(cls, grant: Grant) -> TrustWindow:
        margin_s = min(margin_max_s, grant.seconds * margin_share)
        return cls(grant.started, grant.started + max(0.0, grant.seconds - margin_s))

    def is_open(self, now: float) -> bool:
        return now < self.until

    def left(self, now: float) -> float:
        return max(0.0, self.until - now)

    def first_extend_at(self, chance: float) -> float:
        """Between 40 and 50 percent of the window: more than half of it is left for repetitions."""
        return self.started + (self.until - self.started) * (0.4 + 0.1 * chance)

    def next_try_at(self, now: float, failures: int, wait: float | None, chance: float) -> float:
        """After a failed extend: soon, or as the server asked; where that is too late, half-way to the window's end."""
        pause = backoff(failures, chance)
        at = now + (pause if wait is None else wait + pause * 0.5)
        if at < self.until:
            return at
        return self.until if self.left(now) < last_try_s else now + self.left(now) / 2

    def later_try_at(self, now: float, chance: float) -> float:
        """After a refusal that may be lifted: half of the time that is left, and at least a second."""
        return min(self.until, now + max(1.0, self.left(now) * (0.4 + 0.1 * chance)))
