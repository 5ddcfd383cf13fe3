"""How requests reach the server: httpx's clients, made when first needed, and never shared with a forked child."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

import httpx

from ._clock import Timing, seconds
from ._deadline import bounded, deadline
from ._settings import Address
from ._signatures import Proof, Sent, Verifier
from ._steps import Send, Steps, Unanswered, arun, run
from ._vouchers import Vouchers
from ._wire import Reply, accept

T = TypeVar("T")
H = TypeVar("H")

never_arrived = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.LocalProtocolError)

_closed_meanwhile = httpx.TransportError("another thread closed the client's connections")

_not_sent = httpx.LocalProtocolError("the request is none that HTTP can carry")
"""In place of httpx's own, which shows the header that it refuses: it may be the key."""


answer_max_bytes = 32 << 20
"""
More than the largest answer has: a page of a thousand projects, each with as many executions as the server keeps. What
sends more is no server of ours, and must not take the program's memory.
"""


class _Body:
    """An answer's body as it comes."""

    def __init__(self, response: httpx.Response) -> None:
        # Compressed, a little could become as much as it likes; and nobody asked for it.
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise httpx.DecodingError("the answer is compressed, which it was asked not to be")
        self._bytes = bytearray()

    def add(self, chunk: bytes) -> None:
        self._bytes += chunk
        if len(self._bytes) > answer_max_bytes:
            raise httpx.DecodingError("the answer is larger than any of Seatkeeper's")

    def __bytes__(self) -> bytes:
        return bytes(self._bytes)


class _Http(Generic[H]):
    """One httpx client a process: a child that used its parent's connections would mix up their answers."""

    def __init__(self, make: Callable[[], H]) -> None:
        self._make = make
        self._pid: int | None = None
        self._client: H | None = None
        self._parents: H | None = None

    def get(self) -> H:
        if self._client is None or self._pid != os.getpid():
            self._parents = self._client  # kept, not closed: its connections are the parent's
            self._client, self._pid = self._make(), os.getpid()
        return self._client

    def take(self) -> H | None:
        """For closing; null where there is none of this process."""
        client, self._client = self._client, None
        return client if self._pid == os.getpid() else None


class _HttpOfLoop:
    """One httpx client an event loop, as connections belong to the loop on which they were made."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._by_loop: dict[asyncio.AbstractEventLoop, _Http[httpx.AsyncClient]] = {}

    def here(self) -> _Http[httpx.AsyncClient]:
        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:
            # What is left of a loop that is closed is of no use, and nobody can close it any more.
            self._by_loop = {known: http for known, http in self._by_loop.items() if not known.is_closed()}
            self._by_loop[loop] = _Http(self._make)
        return self._by_loop[loop]


class _Requests:
    """What both channels do around sending."""

    vouchers: Vouchers | None = None
    """Where checkouts leave their vouchers."""

    def __init__(self, address: Address, timing: Timing, verifier: Verifier | None, timeout_s: float) -> None:
        self.address = address
        self.timing = timing
        self.timeout_s = seconds(timeout_s, "timeout_seconds")
        self._verifier = verifier

    def _patience_s(self, step: Send) -> float:
        return max(0.001, min(self.timeout_s, step.timeout_s))

    def _request(self, http: httpx.Client | httpx.AsyncClient, step: Send) -> tuple[httpx.Request, Proof | None]:
        call = step.call
        request = http.build_request(
            call.method,
            self.address.base + call.path,
            params=dict(call.params) or None,
            json=None if call.body is None else dict(call.body),
            headers={"Accept": accept, "Accept-Encoding": "identity", **self.address.headers},
            timeout=self._patience_s(step),
        )
        if self._verifier is None:
            return request, None
        path, mark, query = request.url.raw_path.decode().partition("?")
        proof = self._verifier.prove(Sent(call.method, path, f"?{query}" if mark else "?", request.content))
        request.headers.update(proof.headers)
        return request, proof

    def _checked(self, response: httpx.Response, body: bytes, proof: Proof | None, started: float) -> Reply:
        headers = {name.lower(): value for name, value in response.headers.items()}
        reply = Reply(response.status_code, headers, body, started, str(response.request.url))
        if proof is not None:
            proof.check(reply)
        return reply

    def _fault(self, error: httpx.HTTPError) -> Unanswered:
        what = str(error) or type(error).__name__
        return Unanswered(f"Cannot reach the server at {self.address.url}: {what}.", isinstance(error, never_arrived))


class Channel(_Requests):
    """Synchronous. Safe to use from several threads."""

    def __init__(
        self,
        address: Address,
        timing: Timing,
        verifier: Verifier | None = None,
        timeout_s: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(address, timing, verifier, timeout_s)
        self._http: _Http[httpx.Client] = _Http(lambda: bounded(httpx.Client(transport=transport)))
        weakref.finalize(self, _close, self._http).atexit = False

    def send(self, step: Send) -> Reply:
        started = self.timing.monotonic()  # before the request: a slow answer must not buy time
        give_up_at = started + self._patience_s(step)
        http = self._http.get()
        try:
            request, proof = self._request(http, step)
            response, body = self._answer(http, request, lambda: give_up_at - self.timing.monotonic())
            return self._checked(response, body, proof, started)
        except httpx.LocalProtocolError:
            raise self._fault(_not_sent) from None
        except httpx.HTTPError as error:
            raise self._fault(error) from error
        except RuntimeError:  # so httpx says it
            if not http.is_closed:
                raise
            raise self._fault(_closed_meanwhile) from None

    def _answer(
        self, http: httpx.Client, request: httpx.Request, left_s: Callable[[], float]
    ) -> tuple[httpx.Response, bytes]:
        with deadline(left_s):
            response = http.send(request, stream=True)
            try:
                return response, _read(response, left_s)
            finally:
                response.close()

    def run(self, steps: Steps[T]) -> T:
        return run(steps, self.send, self.timing.sleep)

    def close(self) -> None:
        _close(self._http)


def _read(response: httpx.Response, left_s: Callable[[], float]) -> bytes:
    """
    The body, while there is time. A transport of the caller's own has no `deadline` below it, and may have read the
    body already.
    """
    assert isinstance(response.stream, httpx.SyncByteStream)
    body = _Body(response)
    for chunk in [response.content] if response.is_stream_consumed else response.stream:
        if left_s() < 0:
            raise httpx.ReadTimeout("the answer took too long")
        body.add(chunk)
    return bytes(body)


def _close(http: _Http[httpx.Client]) -> None:
    client = http.take()
    if client is not None:
        client.close()


class AsyncChannel(_Requests):
    """Asynchronous, for asyncio. `sync` is its synchronous twin: extending must not depend on a busy event loop."""

    def __init__(
        self,
        address: Address,
        timing: Timing,
        verifier: Verifier | None = None,
        timeout_s: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(address, timing, verifier, timeout_s)
        twin = transport if isinstance(transport, httpx.BaseTransport) else None
        self.sync = Channel(address, timing, verifier, timeout_s, twin)
        self._http = _HttpOfLoop(lambda: httpx.AsyncClient(transport=transport))

    async def send(self, step: Send) -> Reply:
        started = self.timing.monotonic()
        http = self._http.here().get()
        try:
            request, proof = self._request(http, step)
            # The whole of it: httpx bounds every single read, and an answer may trickle in.
            response, body = await asyncio.wait_for(_aanswer(http, request), self._patience_s(step))
            return self._checked(response, body, proof, started)
        except httpx.LocalProtocolError:
            raise self._fault(_not_sent) from None
        except httpx.HTTPError as error:
            raise self._fault(error) from error
        except RuntimeError:
            if not http.is_closed:
                raise
            raise self._fault(_closed_meanwhile) from None
        except asyncio.TimeoutError:  # before Python 3.11 another than TimeoutError
            raise self._fault(httpx.ReadTimeout("the answer took too long")) from None

    async def run(self, steps: Steps[T]) -> T:
        return await arun(steps, self.send)

    async def aclose(self) -> None:
        client = self._http.here().take()
        if client is not None:
            await client.aclose()
        self.sync.close()


async def _aanswer(http: httpx.AsyncClient, request: httpx.Request) -> tuple[httpx.Response, bytes]:
    response = await http.send(request, stream=True)
    try:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        body = _Body(response)
        if response.is_stream_consumed:
            body.add(response.content)
        else:
            async for chunk in response.stream:
                body.add(chunk)
        return response, bytes(body)
    finally:
        await response.aclose()
