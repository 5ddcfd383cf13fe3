"""Opening, extending and closing a session, as steps: what is sent, and what a refusal leads to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ._clock import Timing, seconds
from ._errors import (
    ClientNotActivated,
    LicenseError,
    NotAuthorized,
    NoTokenLeft,
    ProjectError,
    ProjectInUse,
    RequestRefused,
    SeatkeeperError,
    ServerUnreachable,
)
from ._models import Grant, text
from ._state import Slot
from ._steps import Pause, Steps, ask, backoff, fetch
from ._vouchers import Vouchers
from ._wire import Call, Reply, error_of, parsed, retry_after, server_time

ended_by_admin = 14004
copied = 14005
already_activated = 2001
already_closed = 12001

unusable_session_ids = frozenset({ended_by_admin, 14003, 13007})
"""Refusals of a session id, not of the holder. One that an earlier program left behind is then replaced."""

wait_pause_max_s = 10.0
"""
Between two tries of a waiting open: tokens come back before `next_free_at` too, when somebody closes. The server is
told so, and keeps a place in its queue for a caller that is back by then.
"""

close_tries, close_timeout_s, close_patience_s = 2, 5.0, 5.0
"""A close must not keep a program from ending: without it, the session lapses by itself."""


@dataclass(frozen=True)
class Seat:
    """Which token a session takes, and for whom."""

    license_id: str
    device: str
    user: str | None
    project_id: str | None = None
    checkout: timedelta | None = None
    wants_voucher: bool = False
    """Keep a voucher of every open and extend, and not of checkouts alone."""
    product_id: str | None = None
    """For activating the device where the licence asks for it."""

    def body(self, session_id: str) -> dict[str, Any]:
        named = {"license_id": self.license_id, "client_id": self.device, "session_id": session_id}
        more = {"user_id": self.user, "project_id": self.project_id}
        return {**named, **{name: value for name, value in more.items() if value is not None}}

    def open_call(self, session_id: str, left_s: float | None) -> Call:
        """`left_s`: how much longer is waited; None: there is one try alone, which takes no place in the queue."""
        body = {**self.body(session_id), "renewal": ""}
        if self.checkout is not None:
            body["checkout_period"] = self.checkout.total_seconds() / 60
        if left_s is not None:
            body["wait_seconds"] = max(1, math.ceil(min(left_s, wait_pause_max_s)))
        return Call("POST", "/provisioning/session/open", body)

    def extend_call(self, session_id: str, renewal: str) -> Call:
        """The same without the checkout, as naming it again would set a new end; with the value of the last answer."""
        return Call("POST", "/provisioning/session/open", {**self.body(session_id), "renewal": renewal})

    def close_call(self, session_id: str, proof: str | None) -> Call:
        more = {} if proof is None else {"check_in": proof}
        return Call("POST", "/provisioning/session/close", {**self.body(session_id), **more})

    def activate_call(self) -> Call:
        body = {"product_id": self.product_id, "license_key": self.license_id, "client_id": self.device}
        return Call("POST", "/provisioning/activations", body)


def waiting_s(wait: timedelta | float | None) -> float:
    """How long an open waits for its token; 0: there is one try alone."""
    return 0.0 if wait is None else seconds(wait, "wait", may_be_endless=True)


def vouched(vouchers: Vouchers | None, seat: Seat, call: Call) -> tuple[Call, Callable[[Reply], Grant]]:
    """
    An open or an extend that asks for its voucher, where one is to be kept; and how its grant is read. A grant whose
    voucher cannot be kept is none: whoever goes offline with it would find nothing. Where none can be kept, no checkout
    has one, which nobody could give up.
    """
    if vouchers is None and seat.checkout:
        call = replace(call, body={**(call.body or {}), "voucher": False})
    if vouchers is None or not (seat.checkout or seat.wants_voucher):
        return call, _grant
    wish = vouchers.wish()

    def granted(reply: Reply) -> Grant:
        grant = _grant(reply)
        vouchers.keep(seat, wish, grant.voucher)
        return grant

    return replace(call, body={**(call.body or {}), "voucher": wish.body}), granted


def _grant(reply: Reply) -> Grant:
    return parsed(reply, lambda body: Grant.of(body, reply.started))


def open_session(
    seat: Seat, slot: Slot, timing: Timing, wait_s: float, vouchers: Vouchers | None = None
) -> Steps[Grant]:
    """Takes the token, or waits for it, or raises why not."""
    give_up_at = timing.monotonic() + wait_s
    denials = 0
    has_activated = False
    while True:
        left = give_up_at - timing.monotonic()
        call, granted = vouched(vouchers, seat, seat.open_call(slot.session_id, left if wait_s > 0 else None))
        reply = yield from ask(call, timing)
        if reply.status == 200:
            return granted(reply)
        error = error_of(reply)
        if slot.is_resumed and number_of(error) in unusable_session_ids:
            slot.renew()
            continue
        if isinstance(error, ClientNotActivated) and seat.product_id is not None and not has_activated:
            yield from _activate(seat, timing)
            has_activated = True
            continue
        left = give_up_at - timing.monotonic()
        if not isinstance(error, (NoTokenLeft, ProjectInUse)) or left <= 0:
            raise error
        denials += 1
        yield Pause(min(left, _pause(error, reply, denials, timing)))


def _pause(error: LicenseError, reply: Reply, denials: int, timing: Timing) -> float:
    """
    With a place in the queue, what the server asks for and up to a quarter more. Else polls with growing pauses; when a
    session ends before the next one would, comes just after its end.
    """
    asked_for = None if error.queue_position is None else retry_after(reply)
    if asked_for:  # None, or 0: no server of ours asks for that, and nobody may be called back without a pause
        return min(wait_pause_max_s, asked_for * (1 + timing.chance() / 4))
    pause = min(wait_pause_max_s, backoff(denials, timing.chance()))
    now = server_time(reply)
    if error.next_free_at is None or now is None:
        return pause
    until_free = (error.next_free_at - now).total_seconds()
    return until_free + 0.25 * timing.chance() if 0 <= until_free < pause else pause


def _activate(seat: Seat, timing: Timing) -> Steps[None]:
    try:
        yield from fetch(seat.activate_call(), timing, lambda whatever: None)
    except LicenseError as error:
        if error.id != already_activated:
            raise


def close_session(
    seat: Seat, session_id: str, timing: Timing, vouchers: Vouchers | None, tries: int = close_tries
) -> Steps[None]:
    """Gives the token back, and the session's voucher with it. What is closed already is done."""
    given_up = None
    try:
        given_up = None if vouchers is None else vouchers.give_up(seat, session_id)
    except OSError:
        vouchers = None  # what cannot be read or removed is not given up, and nobody says that it is not there
    proof = None if given_up is None else given_up.proof
    try:
        fault = yield from _send_close(seat.close_call(session_id, proof), timing, tries)
    except ServerUnreachable as unreachable:
        # Without a network nothing is given back, and whoever works by the voucher goes on.
        if given_up is not None and unreachable.never_arrived:
            given_up.take_back()
        raise
    voucher_id = fault.voucher_id if isinstance(fault, LicenseError) else None
    if vouchers is not None and voucher_id is not None and given_up is None:
        # One is out that never arrived here, or is gone: the device can say so.
        proof = vouchers.proof(voucher_id)
        if proof is not None:
            fault = yield from _send_close(seat.close_call(session_id, proof), timing, tries)
    if fault is None:
        return
    if given_up is not None:
        given_up.take_back()
    raise fault


def _send_close(call: Call, timing: Timing, tries: int) -> Steps[SeatkeeperError | None]:
    reply = yield from ask(call, timing, tries, close_timeout_s, patience_s=close_patience_s)
    if reply.status == 200:
        parsed(reply, _something)  # whatever it says, it has to be the server that says it
        return None
    error = error_of(reply)
    return None if number_of(error) == already_closed else error


def _something(answer: object) -> None:
    if answer is None:
        raise TypeError("nothing is no answer")


def is_refusal(error: BaseException) -> bool:
    """The server's word that nothing of the request has happened, nor will."""
    if isinstance(error, RequestRefused):
        return error.status < 500
    return isinstance(error, (LicenseError, ProjectError, NotAuthorized))


def number_of(error: SeatkeeperError) -> int | None:
    """A denial's number; None: it is no denial."""
    return error.id if isinstance(error, (LicenseError, ProjectError)) else None


def client_token(
    license_id: str,
    user: str,
    device: str | None,
    project_id: str | None,
    lifetime_seconds: int | None,
    timing: Timing,
) -> Steps[str]:
    """Mints what a browser holds in the place of an API key."""
    more = {"client_id": device, "project_id": project_id, "lifetime_seconds": lifetime_seconds}
    body = {"license_id": license_id, "user_id": user}
    known = {name: value for name, value in more.items() if value is not None}
    call = Call("POST", "/provisioning/client-tokens", {**body, **known})
    return (yield from fetch(call, timing, lambda answer: text(answer["token"])))
