"""
A token that this process holds: the session behind `Session` and `Project`, extended in the background and closed once.

The objects that users hold know their lease, and the lease knows none of them: so it keeps none of them alive. The
thread that extends knows the lease weakly while it waits.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from ._channel import Channel
from ._errors import (
    ClientSuspended,
    Disconnected,
    LicenseError,
    LicenseExpired,
    LicenseInactive,
    ProjectError,
    SeatkeeperError,
    SessionLost,
)
from ._models import Grant
from ._opening import Seat, close_session, copied, ended_by_admin, number_of, vouched
from ._state import Slot
from ._steps import Send, Unanswered
from ._trust import TrustWindow
from ._wire import error_of, retried_statuses, retry_after

log = logging.getLogger("seatkeeper")

OnLost = Callable[[SessionLost], object]

promise_stands = (LicenseExpired, LicenseInactive, ClientSuspended)
"""Refusals of an extend that leave the session live until the end it was promised; they may be lifted before."""

nothing_left = ("ended_by_admin", "project_closed", "copied")
"""Losses after which nothing of the session is this program's to close."""

look_s = 15.0
"""The thread waits no longer at a time: waits do not count the time that a machine sleeps, and the session does."""

abandoned_wait_s = 1.0
"""So long a finaliser waits for the thread to close, so that the token is usually back when `del` is done."""


@dataclass(frozen=True)
class Held:
    """What a process holds, as a note of it: keeps nothing alive. `release()` gives it back."""

    license_id: str
    project: str | None
    user: str | None
    device: str
    session_id: str
    trusted_seconds: float
    _lease: weakref.ref[Lease] = field(repr=False, compare=False)

    def release(self) -> bool:
        lease = self._lease()
        return lease is not None and lease.close()

    def __str__(self) -> str:
        what = f"project {self.project}" if self.project is not None else f"license {self.license_id}"
        return f"{what} for {self.user or self.device}, trusted for {self.trusted_seconds:.0f} s more"


class Lease:
    def __init__(
        self,
        channel: Channel,
        seat: Seat,
        slot: Slot,
        grant: Grant,
        on_lost: OnLost | None = None,
        project_name: str | None = None,
    ) -> None:
        self.seat = seat
        self.session_id = slot.session_id
        self.project_name = project_name
        self.valid_until: datetime = grant.valid_until
        self.inbox: queue.SimpleQueue[Lease | None] = queue.SimpleQueue()
        """To the thread: None, it is over; the lease itself, close it. A finaliser may put into no other queue."""
        self.channel = channel
        self._timing = channel.timing
        self._slot = slot
        self._on_lost = on_lost
        self._pid = os.getpid()
        self._sending = threading.RLock()
        """
        Held while a request is under way: no extend is sent after the close. Reentrant, as a signal's handler or a
        finaliser may come to close in the midst of this very thread's close, and would wait for itself.
        """
        self._state = threading.Lock()
        self._is_closing = False
        self._is_ending = False
        """Somebody is sending the close right now."""
        self._is_over = False
        self._is_closed = False
        self._lost: SessionLost | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Lock()
        self._ended.acquire()
        self._failures = 0
        self._fault: Exception | None = None
        self._trust(grant)

    def _trust(self, grant: Grant) -> None:
        self.valid_until = grant.valid_until
        self._window = TrustWindow.of(grant)
        self._renewal = grant.renewal
        self._failures, self._fault = 0, None
        # Whoever checks a session out means to be without a network; it ends when it ends, or is closed before.
        is_checkout = bool(self.seat.checkout)  # one of no length is an ordinary session
        self._next_at = math.inf if is_checkout else self._window.first_extend_at(self._timing.chance())

    # What holders ask

    @property
    def is_held(self) -> bool:
        is_ours = self._pid == os.getpid() and not self._is_closing and self._lost is None
        return is_ours and self._window.is_open(self._timing.monotonic())

    @property
    def is_over(self) -> bool:
        return self._is_over or self._lost is not None

    @property
    def trusted_seconds(self) -> float:
        return self._window.left(self._timing.monotonic()) if self.is_held else 0.0

    def require(self) -> None:
        """Raises unless the session is held now, by all that this machine knows."""
        if self._pid != os.getpid():
            raise SessionLost("The session belongs to the parent process; open one of this process's own.", "forked")
        if self._is_closing:
            raise Disconnected("This program has closed the session.")
        if self._lost is None and not self._window.is_open(self._timing.monotonic()):
            self._lose_unanswered()
        if self._lost is not None:
            raise SessionLost(str(self._lost), self._lost.reason) from self._lost.__cause__

    def describe(self) -> Held:
        seat = self.seat
        project = self.project_name or seat.project_id
        note = weakref.ref(self)
        return Held(seat.license_id, project, seat.user, seat.device, self.session_id, self.trusted_seconds, note)

    # Extending

    def start(self) -> None:
        if self._timing.renews:
            name = f"seatkeeper-{self.session_id[:8]}"
            self._thread = threading.Thread(target=_keep, args=(weakref.ref(self), self.inbox), name=name, daemon=True)
            self._thread.start()

    def due_in(self) -> float:
        """Seconds until there is something to do: the next extend, or the end of the window."""
        return max(0.0, min(self._next_at, self._window.until) - self._timing.monotonic())

    def renew_if_due(self) -> None:
        now = self._timing.monotonic()
        if not self._window.is_open(now):
            self._lose_unanswered()
        elif now >= self._next_at:
            lost = None
            with self._sending:
                if not self._is_closing:
                    lost = self._extend()
            if lost is not None:  # not under the lock: on_lost may close the session
                self._lose(lost)

    def _extend(self) -> SessionLost | None:
        """One try. The thread decides when the next one is, so that a close has never to wait for a pause."""
        timing, window = self._timing, self._window
        wait: float | None = None
        try:
            seat = replace(self.seat, checkout=None)  # what is extended is no checkout
            call, granted = vouched(self.channel.vouchers, seat, seat.extend_call(self.session_id, self._renewal))
            reply = self.channel.send(Send(call, window.left(timing.monotonic())))
            if reply.status == 200:
                self._trust(granted(reply))
                return None
            self._fault = fault = error_of(reply)
            if isinstance(fault, (LicenseError, ProjectError)) and not isinstance(fault, promise_stands):
                return _refused(fault)
            if reply.status not in retried_statuses:
                self._next_at = window.later_try_at(timing.monotonic(), timing.chance())
                return None
            wait = retry_after(reply)
        except (Unanswered, SeatkeeperError) as unanswered:
            self._fault = unanswered
        except Exception as error:
            log.exception("an answer to an extend could not be read or kept")
            self._fault = error
        self._failures += 1
        self._next_at = window.next_try_at(timing.monotonic(), self._failures, wait, timing.chance())
        return None

    def _lose_unanswered(self) -> None:
        # A server that fails, a key that is over, a bad signature: none of them says anything about the licence.
        is_denied = isinstance(self._fault, (LicenseError, ProjectError))
        why = f" Last: {self._fault}" if self._fault is not None else ""
        until = f"{self.valid_until:%Y-%m-%d %H:%M:%S} UTC"
        lost = SessionLost(
            f"The session ended at {until}, as far as this machine may trust it.{why}",
            "denied" if is_denied else "no_answer",
        )
        lost.__cause__ = self._fault
        self._lose(lost)

    def _lose(self, lost: SessionLost) -> None:
        with self._state:
            if self._is_closing or self._lost is not None:
                return
            self._lost = lost
        if self._on_lost is None:
            return
        try:
            self._on_lost(lost)
        except Exception:
            log.exception("on_lost failed")

    # Ending

    def close(self) -> bool:
        """
        Gives the token back, once; True: the server knows. Raises nothing: what the server does not hear of lapses by
        itself, and the next program of this holder resumes it. So does a session whose voucher is not taken back early.
        Within a close of this very thread: False at once, as nobody knows yet.
        """
        if self._pid != os.getpid():
            return False
        self._is_closing = True
        self.inbox.put(None)
        with self._sending:
            if self._is_over or self._is_ending:
                return self._is_closed
            self._is_ending = True
            try:
                self._is_closed = self._send_close()
                self._finish()
            finally:  # interrupted, it may be tried again
                self._is_ending = False
        return self._is_closed

    def close_in_background(self) -> None:
        """Leaves the close to the thread that extends, if there is one; `close` still waits for it."""
        self._is_closing = True
        self.inbox.put(self)

    def _send_close(self) -> bool:
        if self._lost is not None and self._lost.reason in nothing_left:
            return True
        try:
            self.channel.run(close_session(self.seat, self.session_id, self._timing, self.channel.vouchers))
        except SeatkeeperError as error:
            log.warning("session %s was not closed and lapses by itself: %s", self.session_id, error)
            return False
        except Exception:  # whatever it was: it must not take the place of what the program raised
            log.exception("session %s was not closed and lapses by itself", self.session_id)
            return False
        return True

    def detach(self) -> None:
        """Stops without closing: the session runs to its end, and the next program of this holder resumes it."""
        self._is_closing = True
        self.inbox.put(None)
        with self._sending:
            if not (self._is_over or self._is_ending):
                self._finish()

    def _finish(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._slot.end(self._is_closed)
        self._ended.release()

    def abandon(self) -> None:
        """
        The last reference to its session or project is gone. This runs inside the garbage collector, maybe in the
        midst of a request of this very thread, so the closing is left to the thread that extends.
        """
        if self._pid != os.getpid() or self._is_over:
            return
        thread = self._thread
        if thread is None or not thread.is_alive():
            # Else somebody is closing it, who may wait for a lock of httpx's that this very thread holds.
            if self._sending.acquire(blocking=False):
                try:
                    self.close()
                finally:
                    self._sending.release()
            return
        self.close_in_background()
        if thread is not threading.current_thread() and self._ended.acquire(timeout=abandoned_wait_s):
            self._ended.release()

    def disown(self) -> None:
        """In a forked child: the lock on the state file is the parent's, and must end with the parent."""
        self._slot.drop()


def _refused(fault: LicenseError | ProjectError) -> SessionLost:
    if number_of(fault) == ended_by_admin:
        lost = SessionLost("An administrator ended this session.", "ended_by_admin")
    elif number_of(fault) == copied:
        lost = SessionLost(str(fault), "copied")
    elif isinstance(fault, ProjectError):
        lost = SessionLost(f"The project was closed, and this session with it: {fault}", "project_closed")
    else:
        lost = SessionLost(f"The session is not extended: {fault}", "denied")
    lost.__cause__ = fault
    return lost


def _keep(ref: weakref.ref[Lease], inbox: queue.SimpleQueue[Lease | None]) -> None:
    """The thread: waits without the lease, so that it keeps nothing alive."""
    while True:
        lease = ref()
        if lease is None:
            return
        # A lost one has nothing left to do but to be closed.
        wait_s = None if lease.is_over else min(lease.due_in(), look_s)
        del lease
        try:
            note = inbox.get(timeout=wait_s)
        except queue.Empty:
            lease = ref()
            if lease is None:
                return
            try:
                lease.renew_if_due()
            except Exception:
                log.exception("extending failed")
            del lease
            continue
        if note is not None:
            note.close()
        return
