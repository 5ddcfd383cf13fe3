"""
An end for a whole exchange. httpx bounds every single wait for the network: the head of an answer that trickles in, or
one interim answer after another, would go on for ever, and with it whoever waits for the request to end.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

import httpcore
import httpx

_left_s: ContextVar[Callable[[], float] | None] = ContextVar("_left_s", default=None)
"""How long the exchange of this thread may still take. By context, as httpcore tells its network of no request."""


@contextmanager
def deadline(left_s: Callable[[], float]) -> Iterator[None]:
    """What is sent within this block on a client that is `bounded` waits no longer than `left_s` says, in all."""
    token = _left_s.set(left_s)
    try:
        yield
    finally:
        _left_s.reset(token)


def bounded(client: httpx.Client) -> httpx.Client:
    """
    The client, keeping to `deadline`. httpx has no argument for the network below it, and who passes it a transport of
    their own loses the environment's proxies: so it is put into the pools that httpx made. A later httpx may have other
    parts; then every single wait is bounded, as httpx does it, and programs go on.
    """
    with suppress(AttributeError):
        for transport in (client._transport, *client._mounts.values()):
            if isinstance(transport, httpx.HTTPTransport):
                pool = transport._pool
                pool._network_backend = _BoundedNetwork(pool._network_backend)
    return client


def _left(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """What is left of a wait of so long."""
    left_s = _left_s.get()
    if left_s is None:
        return timeout
    left = left_s()
    if left <= 0:
        raise late("the answer took too long")
    return left if timeout is None else min(timeout, left)


class _BoundedNetwork(httpcore.NetworkBackend):
    def __init__(self, network: httpcore.NetworkBackend) -> None:
        self._network = network

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._network.connect_tcp(host, port, left, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._network.connect_unix_socket(path, left, socket_options))

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
