"""What users hold: a session, in both colours."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import weakref
from datetime import datetime
from types import TracebackType
from typing import TypeVar

from ._channel import AsyncChannel, Channel
from ._errors import SeatkeeperError, SessionLost
from ._lease import Lease, OnLost, log
from ._models import Grant
from ._opening import Seat, close_session, is_refusal, open_session
from ._process import keep
from ._state import Slot

S = TypeVar("S", bound="Session")
A = TypeVar("A", bound="AsyncSession")


class SessionView:
    """What both colours tell."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        # The safety net. The exit hook closes what is left at the end, in an order of its own.
        weakref.finalize(self, lease.abandon).atexit = False

    @property
    def license_id(self) -> str:
        return self._lease.seat.license_id

    @property
    def session_id(self) -> str:
        return self._lease.session_id

    @property
    def user(self) -> str | None:
        return self._lease.seat.user

    @property
    def device(self) -> str:
        return self._lease.seat.device

    @property
    def valid_until(self) -> datetime:
        """The end that the server promised last, by its clock."""
        return self._lease.valid_until

    @property
    def trusted_seconds(self) -> float:
        """How much longer this machine may trust the session if no further answer comes; 0: it is not held."""
        return self._lease.trusted_seconds

    @property
    def is_held(self) -> bool:
        return self._lease.is_held

    def require(self) -> None:
        """Raises `SessionLost` unless the session is held now. Cheap: it sends nothing."""
        self._lease.require()

    def __repr__(self) -> str:
        state = str(self._lease.describe()) if self.is_held else "not held"
        return f"<{type(self).__name__} {state}>"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<code>{escape(repr(self))}</code>"


class Session(SessionView):
    """A session that is held: extended in the background until `close()`, or the end of the `with` block."""

    def close(self) -> bool:
        """Gives the token back; again: nothing. False: the server did not hear of it, and the session lapses."""
        return self._lease.close()

    def detach(self) -> None:
        """Leaves the session to run to its end, for the next program of this holder to resume: a checkout."""
        self._lease.detach()

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncSession(SessionView):
    """The same for asyncio. The background thread extends it, so a busy event loop loses nothing."""

    async def close(self) -> bool:
        return await asyncio.shield(asyncio.to_thread(self._lease.close))

    def detach(self) -> None:
        self._lease.detach()

    async def __aenter__(self: A) -> A:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


def open_lease(
    channel: Channel, seat: Seat, slot: Slot, wait_s: float, on_lost: OnLost | None, name: str | None = None
) -> Lease:
    try:
        grant = channel.run(open_session(seat, slot, channel.timing, wait_s, channel.vouchers))
        return _kept(channel, seat, slot, grant, on_lost, name)
    except BaseException as error:
        _undo(channel, seat, slot, error)
        raise


async def aopen_lease(
    channel: AsyncChannel, seat: Seat, slot: Slot, wait_s: float, on_lost: OnLost | None, name: str | None = None
) -> Lease:
    try:
        grant = await channel.run(open_session(seat, slot, channel.timing, wait_s, channel.vouchers))
        return _kept(channel.sync, seat, slot, grant, _on_loop(on_lost), name)
    except BaseException as error:
        await asyncio.shield(asyncio.to_thread(_undo, channel.sync, seat, slot, error))
        raise


def _kept(channel: Channel, seat: Seat, slot: Slot, grant: Grant, on_lost: OnLost | None, name: str | None) -> Lease:
    return keep(Lease(channel, seat, slot, grant, on_lost, name))


def _undo(channel: Channel, seat: Seat, slot: Slot, error: BaseException) -> None:
    """
    An open that did not end well. Refused, it holds nothing. Otherwise (Ctrl+C, a lost answer, a bad signature, a
    server that failed) nobody knows, and one close settles it; if that does not arrive either, the id stays on disk for
    the next start. So does that of a checkout that was there before, by whose voucher somebody works without a network.
    """
    is_gone = not slot.is_resumed if is_refusal(error) else _is_undone(channel, seat, slot.session_id)
    slot.end(is_gone)


def _is_undone(channel: Channel, seat: Seat, session_id: str) -> bool:
    try:
        with contextlib.suppress(OSError):  # nobody works by a voucher that cannot be read
            if channel.vouchers is not None and channel.vouchers.keeps(seat, session_id):
                return False
        channel.run(close_session(seat, session_id, channel.timing, channel.vouchers, tries=1))
    except SeatkeeperError:
        return False
    except Exception:  # whatever it was: it must not take the place of what the open raised
        log.exception("session %s was not closed and lapses by itself", session_id)
        return False
    return True


_telling: set[asyncio.Future[object]] = set()
"""What `on_lost` still does. A loop alone keeps no task alive."""


def _on_loop(on_lost: OnLost | None) -> OnLost | None:
    """`on_lost`, which may be a coroutine function, on the event loop that opened, not in the thread that extends."""
    if on_lost is None:
        return None
    loop = asyncio.get_running_loop()

    def tell(lost: SessionLost) -> None:
        told = on_lost(lost)
        if inspect.isawaitable(told):
            task = asyncio.ensure_future(told, loop=loop)
            _telling.add(task)
            task.add_done_callback(_telling.discard)

    return lambda lost: loop.call_soon_threadsafe(tell, lost)
