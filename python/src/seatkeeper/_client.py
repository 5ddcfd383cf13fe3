"""The two clients: where the server is, who we are, and sessions of floating licences."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from ._channel import AsyncChannel, Channel
from ._clock import Timing
from ._key_set import KeySet
from ._lease import OnLost
from ._models import LicenseInfo
from ._opening import Seat, client_token, waiting_s
from ._process import close_all, leases_of
from ._project_calls import tokens
from ._session import AsyncSession, Session, aopen_lease, open_lease
from ._settings import Address, NotConfigured, address, state_folder, this_device
from ._signatures import MessageVerifier, RsaVerifier, Verifier
from ._state import Slot, slot_key, take_slot
from ._vouchers import Voucher, Vouchers

Wait = timedelta | float | None


class _Settings:
    """What both clients are told, resolved."""

    def __init__(
        self,
        url: str | None,
        isv: str | None,
        api_key: str | None,
        admin: bool,
        device: str | None,
        product: str | None,
        key_set: KeySet | None,
        public_key: str | bytes | Path | None,
        state_dir: str | Path | None,
        timing: Timing | None,
        device_bound: bool = True,
    ) -> None:
        self.address: Address = address(url, isv, api_key, admin)
        self.device = device or this_device()
        self.product = product
        self.timing = timing or Timing()
        self._state_dir = state_folder(state_dir)
        self.vouchers = (
            None
            if key_set is None or self._state_dir is None
            else Vouchers(self.address.isv, key_set, self._state_dir, device_bound, self.timing.wall)
        )
        self.verifier = _verifier(key_set, public_key, self.vouchers)

    def seat(
        self,
        license: str,
        user: str | None,
        device: str | None,
        checkout: timedelta | None,
        product: str | None,
        project_id: str | None = None,
        wants_voucher: bool = False,
    ) -> Seat:
        if user is None and device is None:
            raise TypeError("a session needs a holder: pass user= or device=")
        if not isinstance(checkout, timedelta | None):
            raise TypeError(f"checkout= takes a timedelta, and not {checkout}")
        return Seat(license, device or self.device, user, project_id, checkout, wants_voucher, product or self.product)

    def voucher(self, license: str, user: str | None, device: str | None) -> Voucher:
        if self.vouchers is None:
            missing = "state_dir=" if self._state_dir is None else "key_set="
            raise NotConfigured(f"{missing} is missing: there is no voucher without it")
        return self.vouchers.read(self.seat(license, user, device or self.device, None, None))

    def slot(self, seat: Seat) -> Slot:
        where = self.address
        key = slot_key(where.url, where.isv, seat.license_id, seat.device, seat.user, seat.project_id)
        return take_slot(self._state_dir, key)


def _verifier(
    key_set: KeySet | None, public_key: str | bytes | Path | None, vouchers: Vouchers | None
) -> Verifier | None:
    if key_set is not None:
        return MessageVerifier(key_set) if vouchers is None else MessageVerifier(key_set, vouchers.saw)
    return None if public_key is None else RsaVerifier(public_key)


class Client:
    """
    Speaks to one vendor's licences on a Seatkeeper server.

    `url`, `isv` and `api_key` come from SEATKEEPER_URL, SEATKEEPER_ISV and SEATKEEPER_API_KEY when omitted. With
    `key_set` (the vendor's JSON Web Key Set) every answer is refused that the server did not sign for its very
    request; with `public_key` (PEM text, or the path of a PEM file) SLASCONE's signatures are verified instead, which
    prove less. `admin=True` says that the key is an AdminKey. `timeout_seconds` bounds each request with its
    whole answer, `state_dir` is where session ids and vouchers are kept; these are good on this machine alone, unless
    `device_bound=False`.
    """

    def __init__(
        self,
        url: str | None = None,
        isv: str | None = None,
        api_key: str | None = None,
        *,
        admin: bool = False,
        device: str | None = None,
        product: str | None = None,
        key_set: KeySet | None = None,
        public_key: str | bytes | Path | None = None,
        state_dir: str | Path | None = None,
        device_bound: bool = True,
        timeout_seconds: float = 10.0,
        transport: httpx.BaseTransport | None = None,
        timing: Timing | None = None,
    ) -> None:
        known = _Settings(
            url, isv, api_key, admin, device, product, key_set, public_key, state_dir, timing, device_bound
        )
        self._settings = known
        self._channel = Channel(known.address, known.timing, known.verifier, timeout_seconds, transport)
        self._channel.vouchers = known.vouchers

    def session(
        self,
        license: str,
        *,
        user: str | None = None,
        device: str | None = None,
        wait: Wait = None,
        checkout: timedelta | None = None,
        product: str | None = None,
        voucher: bool = False,
        on_lost: OnLost | None = None,
    ) -> Session:
        """
        Takes a token now and holds it: for `with`, or until `close()`.

        `user` is the holder on a users licence, `device` on a devices licence. `wait` (seconds, or a timedelta) keeps
        a place in the queue while every token is in use. `checkout` takes the token for that long without extending it.
        `product` lets the client activate a device that the licence does not know yet. `voucher` keeps a voucher of
        this session too, anew with every extend; of a checkout one is kept anyway, where the client has a `key_set`.
        `on_lost` is called once, in the background thread or by the `require()` that finds it, if the session is lost.
        """
        seat = self._settings.seat(license, user, device, checkout, product, wants_voucher=voucher)
        wait_s = waiting_s(wait)
        return Session(open_lease(self._channel, seat, self._settings.slot(seat), wait_s, on_lost))

    def voucher(self, license: str, *, user: str | None = None, device: str | None = None) -> Voucher:
        """
        The voucher that is kept of this holder's session, if it is good here and now: for when the server cannot be
        asked. Sends nothing. Raises `VoucherRefused`.
        """
        return self._settings.voucher(license, user, device)

    def client_token(
        self,
        license: str,
        *,
        user: str,
        device: str | None = None,
        project: str | None = None,
        lifetime_seconds: int | None = None,
    ) -> str:
        """
        For backends: a token with which a page can hold sessions of this one user, for some minutes. `device` is the
        client that the page must name, else the user; `project`, on a project licence, the id of the one that it may
        connect to. `lifetime_seconds` is from 60 to 3,600, and 600 unless said otherwise.
        """
        steps = client_token(license, user, device, project, lifetime_seconds, self._settings.timing)
        return self._channel.run(steps)

    def tokens(self, license: str) -> LicenseInfo:
        """How many tokens of a licence are in use and left. Takes none."""
        return self._channel.run(tokens(license, self._settings.timing))

    def close(self) -> None:
        """Closes what this client opened, and its connections."""
        close_all(leases_of(self._channel))
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self._settings.address.url}>"


class Opening:
    """A session about to be opened: `async with` it, or `await` it."""

    def __init__(self, opening: Any) -> None:
        self._opening = opening
        self._session: AsyncSession | None = None

    def __await__(self) -> Generator[Any, None, AsyncSession]:
        return self._opening.__await__()  # type: ignore[no-any-return]

    async def __aenter__(self) -> AsyncSession:
        self._session = await self
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()


class AsyncClient:
    """`Client` for asyncio, of the same shape. A session is opened by `async with`, or by `await`."""

    def __init__(
        self,
        url: str | None = None,
        isv: str | None = None,
        api_key: str | None = None,
        *,
        admin: bool = False,
        device: str | None = None,
        product: str | None = None,
        key_set: KeySet | None = None,
        public_key: str | bytes | Path | None = None,
        state_dir: str | Path | None = None,
        device_bound: bool = True,
        timeout_seconds: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
        timing: Timing | None = None,
    ) -> None:
        known = _Settings(
            url, isv, api_key, admin, device, product, key_set, public_key, state_dir, timing, device_bound
        )
        self._settings = known
        self._channel = AsyncChannel(known.address, known.timing, known.verifier, timeout_seconds, transport)
        self._channel.vouchers = self._channel.sync.vouchers = known.vouchers

    def session(
        self,
        license: str,
        *,
        user: str | None = None,
        device: str | None = None,
        wait: Wait = None,
        checkout: timedelta | None = None,
        product: str | None = None,
        voucher: bool = False,
        on_lost: OnLost | None = None,
    ) -> Opening:
        """As `Client.session`. `on_lost` is called on the event loop, and may be a coroutine function."""
        seat = self._settings.seat(license, user, device, checkout, product, wants_voucher=voucher)
        return Opening(self._open(seat, waiting_s(wait), on_lost))

    async def _open(self, seat: Seat, wait_s: float, on_lost: OnLost | None) -> AsyncSession:
        slot = self._settings.slot(seat)
        return AsyncSession(await aopen_lease(self._channel, seat, slot, wait_s, on_lost))

    def voucher(self, license: str, *, user: str | None = None, device: str | None = None) -> Voucher:
        """As `Client.voucher`. Reads a few small files."""
        return self._settings.voucher(license, user, device)

    async def client_token(
        self,
        license: str,
        *,
        user: str,
        device: str | None = None,
        project: str | None = None,
        lifetime_seconds: int | None = None,
    ) -> str:
        """As `Client.client_token`."""
        steps = client_token(license, user, device, project, lifetime_seconds, self._settings.timing)
        return await self._channel.run(steps)

    async def tokens(self, license: str) -> LicenseInfo:
        return await self._channel.run(tokens(license, self._settings.timing))

    async def close(self) -> None:
        await asyncio.shield(asyncio.to_thread(close_all, leases_of(self._channel.sync)))
        await self._channel.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncClient of {self._settings.address.url}>"
