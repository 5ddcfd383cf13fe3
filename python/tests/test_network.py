"""What a network may do to one exchange: trickle, and never end."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import chain, repeat
from threading import Thread

import httpcore
import httpx
import pytest

from seatkeeper import AsyncClient, Client, Redirected, ServerUnreachable
from seatkeeper._channel import AsyncChannel, Channel, answer_max_bytes
from seatkeeper._deadline import bounded
from seatkeeper._project_calls import tokens
from seatkeeper._settings import Address
from seatkeeper._signatures import Proof, Sent
from seatkeeper._steps import Send, Unanswered
from seatkeeper._wire import Call, Reply
from support import Clock, Script, granted, isv, scripted, users_license

reads_max = 200
"""More reads than any exchange has that comes to an end."""

Bytes = Callable[[], Iterable[bytes]]


class Line(httpcore.NetworkStream):
    """One connection on which each read takes a second of the test's time."""

    def __init__(self, clock: Clock, answers: Iterator[Bytes]) -> None:
        self._clock, self._answers = clock, answers
        self._coming: Iterator[bytes] = iter(())
        self.reads = 0

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer.startswith((b"GET", b"POST")):
            self._coming = iter(next(self._answers)())

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.reads += 1
        assert self.reads < reads_max, "the exchange has no end"
        self._clock.now += 1
        return next(self._coming, b"")

    def close(self) -> None:
        pass

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return self

    def get_extra_info(self, info: str) -> object:
        return None


class Network(httpcore.NetworkBackend):
    def __init__(self, clock: Clock, answers: Iterator[Bytes]) -> None:
        self._clock, self._answers = clock, answers

    def connect_tcp(self, *_: object, **__: object) -> httpcore.NetworkStream:
        return Line(self._clock, self._answers)


def headers() -> Iterable[bytes]:
    return chain([b"HTTP/1.1 200 OK\r\n"], repeat(b"X: 1\r\n"))


def interim_answers() -> Iterable[bytes]:
    return repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def grant() -> Iterable[bytes]:
    body = granted().content
    return [f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Clock]:
    """Puts a network below httpx that answers so, the last answer again and again."""

    def put(*answers: Bytes) -> Clock:
        clock, coming = Clock(), chain(answers, repeat(answers[-1]))
        monkeypatch.setattr("httpcore._sync.connection_pool.SyncBackend", lambda: Network(clock, coming))
        return clock

    return put


@pytest.mark.parametrize("trickle", [headers, interim_answers])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_whose_head_trickles_in_is_given_up_when_its_time_is_over(
    scheme: str, trickle: Bytes, answering: Callable[..., Clock]
) -> None:
    clock = answering(trickle)
    channel = Channel(Address(f"{scheme}://seatkeeper.test", isv, "key"), clock.timing)
    with pytest.raises(Unanswered, match="took too long") as caught:
        channel.send(Send(Call("GET", "/projects"), 5.0))
    assert not caught.value.never_arrived
    assert clock.now == 1005


def test_the_environments_proxies_are_bounded_too(
    answering: Callable[..., Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    clock = answering(headers)
    with pytest.raises(ServerUnreachable, match="took too long"):
        Client("http://seatkeeper.test", isv, "key", timing=clock.timing).tokens(users_license)


def test_extends_and_closes_come_to_an_end_when_heads_trickle_in(answering: Callable[..., Clock]) -> None:
    clock = answering(grant, headers)
    session = Client("http://seatkeeper.test", isv, "key", timing=clock.timing).session(users_license, user="anna")
    clock.now += session._lease.due_in()
    session._lease.renew_if_due()
    assert session.is_held
    asked_at = clock.now
    assert not session.close()
    assert clock.now == pytest.approx(asked_at + 5 + 0.25 + 5)


def test_an_httpx_with_other_parts_is_used_as_it_is() -> None:
    client = httpx.Client()
    delattr(client._transport, "_pool")
    assert bounded(client) is client


class Bomb(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that has no end."""

    def __init__(self) -> None:
        self.sent = 0

    def _chunk(self) -> bytes:
        assert self.sent < 2 * answer_max_bytes, "the answer is read without end"
        self.sent += 1 << 20
        return bytes(1 << 20)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield self._chunk()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield self._chunk()


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def answer_to(request: pytest.FixtureRequest) -> Callable[[httpx.Response], Reply]:
    """What a channel makes of one answer."""

    def sent(response: httpx.Response) -> Reply:
        network = httpx.MockTransport(lambda _: response)
        address, step = Address("http://seatkeeper.test", isv, "key"), Send(Call("GET", "/projects"))
        if not request.param:
            return Channel(address, Clock().timing, transport=network).send(step)
        return asyncio.run(AsyncChannel(address, Clock().timing, transport=network).send(step))

    return sent


def test_an_answer_without_end_is_not_read_to_its_end(answer_to: Callable[[httpx.Response], Reply]) -> None:
    with pytest.raises(Unanswered, match="larger than any"):
        answer_to(httpx.Response(200, stream=Bomb()))


def test_an_answer_that_was_compressed_unasked_is_none(answer_to: Callable[[httpx.Response], Reply]) -> None:
    compressed = httpx.ByteStream(gzip.compress(b"[]"))
    with pytest.raises(Unanswered, match="compressed"):
        answer_to(httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=compressed))
    plain = httpx.Response(200, headers={"Content-Encoding": "identity"}, stream=httpx.ByteStream(b"[]"))
    answered = answer_to(plain)
    assert answered.body == b"[]"


def test_no_answer_is_asked_to_be_compressed() -> None:
    script = Script(httpx.Response(200, json=[]))
    scripted(script, Clock()).tokens(users_license)
    assert script.sent[0].headers["accept-encoding"] == "identity"


class Closing:
    """Signs nothing, and has another thread close the connections just before the first request is sent."""

    def __init__(self) -> None:
        self.channels: list[Channel] = []

    def prove(self, sent: Sent) -> Proof:
        while self.channels:
            self.channels.pop().close()
        return Proof({}, lambda reply: None)


def test_a_request_whose_client_is_closed_by_another_thread_is_sent_anew() -> None:
    script, closing = Script(httpx.Response(200, json=[])), Closing()
    channel = Channel(Address("http://seatkeeper.test", isv, "key"), Clock().timing, closing, 10.0, script.transport)
    closing.channels.append(channel)
    assert str(channel.run(tokens(users_license, channel.timing))) == ""
    assert script.calls == ["tokens"]


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str], list[int]]]:
    """A server that redirects to another one, what arrived at that, and the status to redirect with."""
    arrived: list[str] = []
    status: list[int] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do(self) -> None:
            arrived.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_GET = do_POST = do

        def log_message(self, *_: object) -> None:
            pass

    class Here(Elsewhere):
        def do(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status[-1])
            self.send_header("Location", f"http://127.0.0.1:{there.server_port}{self.path}")
            self.end_headers()

        do_GET = do_POST = do

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as there, HTTPServer(("127.0.0.1", 0), Here) as here:
        threads = [Thread(target=server.serve_forever, args=(0.01,)) for server in (there, here)]
        for thread in threads:
            thread.start()
        yield f"http://127.0.0.1:{here.server_port}", arrived, status
        for server in (there, here):
            server.shutdown()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("redirect", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_sends_the_key_nowhere(
    redirect: int, elsewhere: tuple[str, list[str], list[int]]
) -> None:
    url, arrived, status = elsewhere
    status.append(redirect)

    async def asked() -> None:
        async with AsyncClient(url, isv, "key") as client:
            await client.tokens(users_license)

    with Client(url, isv, "key") as client:
        asking: list[Callable[[], object]] = [
            lambda: client.tokens(users_license),
            lambda: client.session(users_license, user="anna"),
            lambda: asyncio.run(asked()),
        ]
        for ask in asking:
            with pytest.raises(Redirected, match="The key is not sent there") as caught:
                ask()
            assert caught.value.location is not None
    assert arrived == []
