"""
A call with its repetitions, written once for both clients: a generator that yields what is to be done (send this, wait
so long) and is told what came of it. `run` and `arun` do it, with httpx's two clients.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from ._clock import Timing
from ._errors import ServerUnreachable
from ._wire import Call, Reply, is_untaken, parsed, retried_statuses, retry_after

T = TypeVar("T")


@dataclass(frozen=True)
class Send:
    call: Call
    timeout_s: float = math.inf
    """Shorter than the client's own, where the answer would be of no use later."""


@dataclass(frozen=True)
class Pause:
    seconds: float


Steps = Generator[Send | Pause, Reply | None, T]


class Unanswered(Exception):
    """A request got no answer. Raised into the steps by whoever sends."""

    def __init__(self, message: str, never_arrived: bool) -> None:
        super().__init__(message)
        self.never_arrived = never_arrived


def run(steps: Steps[T], send: Callable[[Send], Reply], sleep: Callable[[float], None]) -> T:
    try:
        step = next(steps)
        while True:
            if isinstance(step, Pause):
                sleep(step.seconds)
                step = steps.send(None)
                continue
            try:
                reply = send(step)
            except Unanswered as fault:
                step = steps.throw(fault)
            else:
                step = steps.send(reply)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


async def arun(
    steps: Steps[T],
    send: Callable[[Send], Awaitable[Reply]],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    try:
        step = next(steps)
        while True:
            if isinstance(step, Pause):
                await sleep(step.seconds)
                step = steps.send(None)
                continue
            try:
                reply = await send(step)
            except Unanswered as fault:
                step = steps.throw(fault)
            else:
                step = steps.send(reply)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


tries_max = 4
"""A call is sent so often before `ServerUnreachable`: with the pauses below, some four seconds of a dead network."""
backoff_first_s = 0.5
backoff_max_s = 8.0
last_try_s = 1.0
"""With less than that left, no answer would come in time. The last look of a caller who waits has so much."""
patience_usual_s = 60.0
"""A server that asks to come again later than this is told of, and not waited for."""


def backoff(failures: int, chance: float) -> float:
    """Before try `failures + 1`: doubling, and of that a random half to whole, so that clients do not march in step."""
    whole: float = min(backoff_max_s, backoff_first_s * 2.0 ** (failures - 1))
    return whole * (0.5 + 0.5 * chance)


def ask(
    call: Call,
    timing: Timing,
    tries: int = tries_max,
    timeout_s: float = math.inf,
    give_up_at: float = math.inf,
    patience_s: float = patience_usual_s,
) -> Steps[Reply]:
    """Sends until there is an answer that is not "try again". Raises `ServerUnreachable` when there is none in time."""
    failures = 0
    never_arrived = True
    while True:
        wait: float | None = None
        try:
            reply = yield Send(call, min(timeout_s, max(last_try_s, give_up_at - timing.monotonic())))
            assert reply is not None
            if reply.status not in retried_statuses:
                return reply
            if not call.is_safe_to_repeat and not is_untaken(reply):
                fault = f"The server answers {reply.status}. Nobody knows whether the request happened."
                raise ServerUnreachable(fault, retry_after(reply))
            never_arrived = False
            wait = retry_after(reply)
            fault = f"The server is busy (status {reply.status})."
        except Unanswered as unanswered:
            fault = str(unanswered)
            never_arrived = never_arrived and unanswered.never_arrived
            if not call.is_safe_to_repeat and not unanswered.never_arrived:
                raise ServerUnreachable(f"{fault} Nobody knows whether the request arrived.") from None
        failures += 1
        # Spread beyond what the server asks for: everybody whom it turned away was told the same.
        spread = backoff(failures, timing.chance())
        pause = spread if wait is None else wait + spread * 0.5
        is_too_late = (wait or 0.0) > patience_s or timing.monotonic() + pause >= give_up_at
        if failures >= tries or is_too_late:
            raise ServerUnreachable(f"{fault} Sent {failures} times.", wait, never_arrived)
        yield Pause(pause)


def fetch(call: Call, timing: Timing, read: Callable[[Any], T], give_up_at: float = math.inf) -> Steps[T]:
    """The value that the server answers with, as `read` makes it of the JSON."""
    reply = yield from ask(call, timing, give_up_at=give_up_at)
    return parsed(reply, read, call.expects)
