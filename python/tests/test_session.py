"""A session on a network that a test wrote down, with time that the test moves."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest

from seatkeeper import (
    AsyncClient,
    Client,
    ClientNotActivated,
    Denial,
    Disconnected,
    LicenseError,
    NotAuthorized,
    NoTokenLeft,
    RequestRefused,
    ServerUnreachable,
    Session,
    SessionLost,
    held,
    release_all,
)
from seatkeeper._channel import AsyncChannel, Channel
from seatkeeper._settings import Address
from seatkeeper._steps import Send, Unanswered
from seatkeeper._wire import Call
from support import Clock, Script, closed, crash, denied, granted, isv, scripted, stamp, users_license, z

dead = httpx.ConnectError("refused")
lost_answer = httpx.ReadTimeout("timed out")


def opened(script: Script, clock: Clock, **more: object) -> Session:
    return scripted(script, clock).session(users_license, user="anna", **more)  # type: ignore[arg-type]


def test_open_sends_holder_session_and_key_and_accepts_problem_details() -> None:
    script, clock = Script(granted(), closed), Clock()
    with scripted(script, clock, device="pc-7").session(users_license, user="anna") as session:
        session.require()
    body = script.body(0)
    assert body == {
        "license_id": users_license,
        "client_id": "pc-7",
        "user_id": "anna",
        "session_id": session.session_id,
        "renewal": "",
    }
    assert script.body(1) == {name: value for name, value in body.items() if name != "renewal"}
    assert script.calls == ["open", "close"]
    assert "application/problem+json" in script.sent[0].headers["accept"]
    assert script.sent[0].headers["provisioningkey"] == "key"


def test_the_window_counts_from_the_start_of_the_request() -> None:
    clock = Clock()

    def slow(request: httpx.Request) -> httpx.Response:
        clock.now += 9
        return granted(120)

    session = opened(Script(slow, closed), clock)
    # 120 s less 2 % margin, less the 9 s that the answer took.
    assert session.trusted_seconds == pytest.approx(120 - 2.4 - 9)
    clock.now = 1000 + 117.5
    session.require()
    clock.now = 1000 + 117.6
    with pytest.raises(SessionLost):
        session.require()
    session.close()


def test_the_length_is_the_servers_not_from_the_creation_of_a_session_that_is_resumed() -> None:
    clock = Clock()
    session = opened(Script(granted(120, created=stamp - timedelta(hours=5)), closed), clock)
    assert session.trusted_seconds == pytest.approx(117.6)
    session.close()


def test_extends_before_half_of_the_window_with_the_same_session() -> None:
    script, clock = Script(granted(), granted(), closed), Clock()
    session = opened(script, clock)
    lease = session._lease
    assert lease.due_in() == pytest.approx(117.6 * 0.4)
    lease.renew_if_due()
    assert script.calls == ["open"]
    clock.now += lease.due_in()
    lease.renew_if_due()
    assert script.body(1) == script.body(0)
    assert session.trusted_seconds == pytest.approx(117.6)
    session.close()


def test_an_extend_is_repeated_until_the_window_ends_and_then_the_session_is_lost() -> None:
    lost: list[SessionLost] = []
    script, clock = Script(granted(), *[dead] * 40, closed), Clock()
    session = opened(script, clock, on_lost=lost.append)
    lease = session._lease
    while not lost:
        assert lease.due_in() <= 117.6
        clock.now += lease.due_in()
        lease.renew_if_due()
    assert clock.now == pytest.approx(1000 + 117.6)
    assert 8 < script.calls.count("open") < 30
    assert lost[0].reason == "no_answer"
    with pytest.raises(SessionLost, match="Cannot reach"):
        session.require()
    lease.renew_if_due()
    assert len(lost) == 1


def test_an_extend_that_comes_through_at_last_keeps_the_session() -> None:
    script, clock = (
        Script(granted(), dead, httpx.Response(503, headers={"Retry-After": "20"}), granted(), closed),
        Clock(),
    )
    session = opened(script, clock)
    lease = session._lease
    clock.now += lease.due_in()
    lease.renew_if_due()
    assert lease.due_in() == pytest.approx(0.25)
    clock.now += lease.due_in()
    lease.renew_if_due()
    assert lease.due_in() >= 20
    clock.now += lease.due_in()
    lease.renew_if_due()
    assert session.is_held
    assert session.trusted_seconds == pytest.approx(117.6)
    session.close()


def test_a_session_ended_by_an_administrator_is_lost_and_says_so() -> None:
    lost: list[SessionLost] = []
    script, clock = Script(granted(), denied(14004, "session_ended_by_admin")), Clock()
    session = opened(script, clock, on_lost=lost.append)
    clock.now += 60
    session._lease.renew_if_due()
    with pytest.raises(SessionLost, match="administrator") as caught:
        session.require()
    assert caught.value.reason == "ended_by_admin"
    assert lost
    assert session.close()
    assert script.calls == ["open", "open"], "the server knows already"


def test_a_promise_stands_when_the_licence_expires_meanwhile() -> None:
    script, clock = Script(granted(), *[denied(1001, "license_expired")] * 10, closed), Clock()
    session = opened(script, clock)
    clock.now += 60
    session._lease.renew_if_due()
    session.require()
    while session.is_held:
        clock.now += session._lease.due_in()
        session._lease.renew_if_due()
    with pytest.raises(SessionLost) as caught:
        session.require()
    assert caught.value.reason == "denied"
    session.close()


def test_a_server_that_only_asks_to_come_again_has_not_denied() -> None:
    script, clock = Script(granted(), *[httpx.Response(503)] * 40, closed), Clock()
    session = opened(script, clock)
    while session.is_held:
        clock.now += session._lease.due_in()
        session._lease.renew_if_due()
    with pytest.raises(SessionLost) as caught:
        session.require()
    assert caught.value.reason == "no_answer"
    session.close()


def test_on_lost_may_close_the_session_and_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    script, clock = Script(granted(), denied(1007, "tokens_exhausted"), closed), Clock()

    def on_lost(lost: SessionLost) -> None:
        session.close()
        raise ValueError("mine")

    session = opened(script, clock, on_lost=on_lost)
    clock.now += 60
    session._lease.renew_if_due()
    assert script.calls == ["open", "open", "close"]
    assert "on_lost failed" in caplog.text


def test_on_lost_may_be_a_coroutine_function_for_asyncio() -> None:
    async def program() -> None:
        told: asyncio.Queue[SessionLost] = asyncio.Queue()

        async def on_lost(lost: SessionLost) -> None:
            await asyncio.sleep(0)
            await told.put(lost)

        transport, clock = Script(granted()).transport, Clock()
        client = AsyncClient("http://seatkeeper.test", isv, "key", transport=transport, timing=clock.timing)
        session = await client.session(users_license, user="anna", on_lost=on_lost)
        clock.now += 120
        await asyncio.to_thread(session._lease.renew_if_due)
        assert (await asyncio.wait_for(told.get(), 5)).reason == "no_answer"

    asyncio.run(program())


def test_a_session_that_is_lost_for_a_disk_says_so(caplog: pytest.LogCaptureFixture) -> None:
    script, clock = Script(granted(), *[OSError("no space left")] * 40, closed), Clock()
    session = opened(script, clock)
    while session.is_held:
        clock.now += session._lease.due_in()
        session._lease.renew_if_due()
    with pytest.raises(SessionLost, match="Last: no space left") as lost:
        session.require()
    assert isinstance(lost.value.__cause__, OSError)
    assert "could not be read or kept" in caplog.text


def test_no_extend_follows_the_close() -> None:
    script, clock = Script(granted(), closed), Clock()
    session = opened(script, clock)
    assert session.close()
    clock.now += 60
    session._lease.renew_if_due()
    assert session.close(), "again: nothing"
    assert script.calls == ["open", "close"]
    with pytest.raises(Disconnected):
        session.require()


def test_a_new_open_has_a_new_id() -> None:
    script, clock = Script(granted(), closed, granted(), closed), Clock()
    client = scripted(script, clock)
    ids = []
    for _ in range(2):
        with client.session(users_license, user="anna") as session:
            ids.append(session.session_id)
    assert ids[0] != ids[1]


def test_12001_on_a_repeated_close_is_done() -> None:
    script, clock = Script(granted(), lost_answer, denied(12001, "session_unknown")), Clock()
    session = opened(script, clock)
    assert session.close()
    assert script.calls == ["open", "close", "close"]


def test_a_close_that_nobody_hears_raises_nothing_and_leaves_the_id_for_the_next_start() -> None:
    clock = Clock()
    session = opened(Script(granted(), dead, dead), clock)
    assert not session.close()
    script = Script(granted(), closed)
    with opened(script, clock) as resumed:
        assert resumed.session_id == session.session_id


malformed: dict[str, object] = {
    "code": 5,
    "detail": [],
    "limit": {},
    "in_use": True,
    "next_free_at": "soon",
    "kind": [],
    "total": "many",
    "left": None,
    "holders": [None],
    "execution_progress": "x",
    "voucher_id": 5,
    "queue_position": "x",
}


@pytest.mark.parametrize("holders", [5, "x", {"a": 1}, [None], [{"user_id": 5}]])
def test_a_denial_is_one_whatever_else_it_holds(holders: object) -> None:
    answer = httpx.Response(409, json={**malformed, "id": 1007, "holders": holders})
    with pytest.raises(NoTokenLeft, match="answers 409") as caught:
        opened(Script(answer), Clock())
    assert caught.value.denial == Denial(1007, "1007")


@pytest.mark.parametrize("body", [b"null", b"[" * 100_000, b'{"id": true}', b'{"id": "1007"}'])
def test_a_denial_without_a_number_is_a_refused_request(body: bytes) -> None:
    with pytest.raises(RequestRefused, match="answers 409"):
        opened(Script(httpx.Response(409, content=body)), Clock())


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(409, json={**malformed, "id": 14009}),
        httpx.Response(409, content=b"[" * 100_000),
        OSError("the disk is full"),
        ValueError("a transport's own"),
    ],
)
def test_a_close_that_goes_wrong_raises_nothing_and_is_done_once(answer: httpx.Response | Exception) -> None:
    script, clock = Script(granted(), answer), Clock()
    with pytest.raises(KeyError, match="the program's own"), opened(script, clock) as session:
        raise KeyError("the program's own")
    assert not session.close()
    assert script.calls == ["open", "close"]
    # Nobody knows whether the server heard of it: the id stays on disk, and the next start resumes what may be there.
    with opened(Script(granted(), closed), clock) as resumed:
        assert resumed.session_id == session.session_id


def test_a_state_file_that_cannot_be_removed_keeps_no_close_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError("read-only file system")

    script = Script(granted(), closed)
    session = opened(script, Clock())
    monkeypatch.setattr("seatkeeper._state.Path.unlink", read_only)
    assert session.close()
    assert session.close()
    assert script.calls == ["open", "close"]


def test_an_open_that_goes_wrong_raises_what_went_wrong_and_not_what_its_close_met() -> None:
    with pytest.raises(ServerUnreachable):
        opened(Script(*[lost_answer] * 4, ValueError("a transport's own")), Clock())


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, json={"code": "fault"}),
        httpx.Response(401, json={"code": "key_unknown"}),
        httpx.Response(302, headers={"Location": "http://elsewhere.test"}),
        httpx.Response(404, text="<html>"),
        httpx.Response(200, text="<html>"),
    ],
    ids=lambda answer: answer.status_code,
)
def test_what_says_nothing_about_the_licence_has_not_denied(answer: httpx.Response) -> None:
    session = opened(Script(granted(), *[answer] * 40, closed), clock := Clock())
    while session.is_held:
        clock.now += session._lease.due_in()
        session._lease.renew_if_due()
    with pytest.raises(SessionLost) as caught:
        session.require()
    assert caught.value.reason == "no_answer"
    session.close()


def test_opens_are_repeated_with_the_same_id() -> None:
    script, clock = Script(dead, lost_answer, httpx.Response(502), granted(), closed), Clock()
    opened(script, clock).close()
    assert len({script.body(i)["session_id"] for i in range(4)}) == 1
    assert clock.slept == [0.25, 0.5, 1.0]


def test_retry_after_is_honoured() -> None:
    script, clock = Script(httpx.Response(429, headers={"Retry-After": "7"}), granted(), closed), Clock()
    opened(script, clock).close()
    assert clock.slept[0] >= 7
    at = format_datetime(stamp + timedelta(seconds=5), usegmt=True)
    later = httpx.Response(503, headers={"Retry-After": at, "Date": format_datetime(stamp, usegmt=True)})
    script, clock = Script(later, granted(), closed), Clock()
    opened(script, clock).close()
    assert 5 <= clock.slept[0] < 6


class Trickle(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes byte by byte, one a second of the test's time, and has no end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._clock.now += 1
            yield b" "

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield b" "

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True


def test_an_answer_that_trickles_in_is_given_up_when_its_time_is_over() -> None:
    clock = Clock()
    trickle = Trickle(clock)
    network = httpx.MockTransport(lambda request: httpx.Response(200, stream=trickle))
    address = Address("http://seatkeeper.test", isv, "key", False)
    with pytest.raises(Unanswered, match="took too long") as caught:
        Channel(address, clock.timing, transport=network).send(Send(Call("GET", "/projects"), 5.0))
    assert not caught.value.never_arrived
    assert clock.now == 1006
    assert trickle.is_closed
    channel = AsyncChannel(address, clock.timing, transport=network)
    with pytest.raises(Unanswered, match="took too long") as caught:
        asyncio.run(channel.send(Send(Call("GET", "/projects"), 0.01)))
    assert not caught.value.never_arrived


def test_a_close_does_not_wait_for_an_answer_that_trickles_in() -> None:
    clock, answers = Clock(), iter([granted()])

    def network(request: httpx.Request) -> httpx.Response:
        return next(answers, None) or httpx.Response(200, stream=Trickle(clock))

    client = Client("http://seatkeeper.test", isv, "key", transport=httpx.MockTransport(network), timing=clock.timing)
    session = client.session(users_license, user="anna")
    clock.now += session._lease.due_in()
    session._lease.renew_if_due()
    assert not session.close()
    assert clock.now == pytest.approx(1000 + 117.6 * 0.4 + 11 + 6 + 0.25 + 6)


def test_a_dead_network_is_never_a_license_error() -> None:
    for fault in (dead, lost_answer, httpx.Response(503), httpx.Response(504)):
        with pytest.raises(ServerUnreachable) as caught:
            opened(Script(*[fault] * 4, closed), Clock())
        assert not isinstance(caught.value, LicenseError)


def test_an_open_whose_answer_was_lost_is_undone() -> None:
    script, clock = Script(*[lost_answer] * 4, closed), Clock()
    with pytest.raises(ServerUnreachable):
        opened(script, clock)
    assert script.calls == ["open"] * 4 + ["close"]
    assert script.body(4)["session_id"] == script.body(0)["session_id"]


def test_an_open_at_which_the_server_failed_is_undone() -> None:
    failed, clock = httpx.Response(500, json={"code": "fault"}), Clock()
    script = Script(failed, closed)
    with pytest.raises(RequestRefused):
        opened(script, clock)
    assert script.calls == ["open", "close"]
    assert script.body(1)["session_id"] == script.body(0)["session_id"]
    # Nobody heard of the close either: the id stays on disk, and the next start resumes what may be there.
    script = Script(failed, failed, granted(), closed)
    with pytest.raises(RequestRefused):
        opened(script, clock)
    opened(script, clock).close()
    assert script.body(2)["session_id"] == script.body(0)["session_id"]


@pytest.mark.parametrize(
    "body", [{}, [], None, "text", {"session_valid_until": "soon", "session_modified_date": 5}], ids=repr
)
def test_an_answer_that_grants_nothing_is_not_seatkeepers(body: object) -> None:
    script = Script(httpx.Response(200, json=body), closed)
    with pytest.raises(ServerUnreachable, match="not Seatkeeper's"):
        opened(script, Clock())
    assert script.calls == ["open", "close"]


def test_a_refusal_of_a_kind_that_is_not_known_is_a_refusal() -> None:
    with pytest.raises(NoTokenLeft) as caught:
        opened(Script(denied(1007, "tokens_exhausted", kind="solo")), Clock())
    assert caught.value.kind is None


def test_an_interrupted_open_is_undone() -> None:
    def interrupt(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    script, clock = Script(interrupt, closed), Clock()
    with pytest.raises(KeyboardInterrupt):
        opened(script, clock)
    assert script.calls == ["open", "close"]
    assert held() == []


def test_a_refusal_is_typed_and_tells_the_counts() -> None:
    free_at = stamp + timedelta(minutes=3)
    answer = denied(1007, "tokens_exhausted", limit=5, in_use=5, next_free_at=z(free_at))
    with pytest.raises(NoTokenLeft) as caught:
        opened(Script(answer), Clock())
    error = caught.value
    assert (error.id, error.code, error.total, error.left) == (1007, "tokens_exhausted", 5, 0)
    assert error.next_free_at == free_at
    assert str(error) == "Denied: tokens_exhausted."


def test_a_bare_refusal_is_typed_too() -> None:
    with pytest.raises(NoTokenLeft, match="in use"):
        opened(Script(httpx.Response(409, json={"id": 1007, "message": "Every token is in use."})), Clock())


@pytest.mark.parametrize(("status", "kind"), [(401, NotAuthorized), (403, NotAuthorized), (400, RequestRefused)])
def test_other_refusals(status: int, kind: type[Exception]) -> None:
    problem = httpx.Response(status, json={"code": "key_unknown", "detail": "The API key is not valid."})
    with pytest.raises(kind, match="not valid"):
        opened(Script(problem), Clock())


def test_waiting_goes_on_until_a_token_is_free() -> None:
    full = denied(1007, "tokens_exhausted")
    script, clock = Script(full, full, denied(13001, "project_in_use"), granted(), closed), Clock()
    opened(script, clock, wait=timedelta(minutes=1)).close()
    assert clock.slept == [0.25, 0.5, 1.0]


def test_waiting_comes_just_after_the_next_end_when_that_is_near() -> None:
    headers = {"Date": format_datetime(stamp, usegmt=True)}
    soon = denied(1007, "full", headers, next_free_at=z(stamp + timedelta(seconds=0.1)))
    late = denied(1007, "full", headers, next_free_at=z(stamp + timedelta(hours=1)))
    script, clock = Script(soon, late, granted(), closed), Clock()
    opened(script, clock, wait=60).close()
    assert clock.slept == [pytest.approx(0.1), 0.5]


def test_waiting_ends_at_its_deadline_with_the_refusal() -> None:
    script, clock = Script(*[denied(1007, "full")] * 50), Clock()
    with pytest.raises(NoTokenLeft):
        opened(script, clock, wait=30.0)
    assert clock.now == pytest.approx(1030)


def test_waiting_is_for_tokens_alone() -> None:
    with pytest.raises(LicenseError):
        opened(Script(denied(1001, "license_expired")), Clock(), wait=30.0)


def test_a_device_is_activated_when_the_product_is_known() -> None:
    unknown, activated = denied(2006, "client_unknown"), httpx.Response(200, json={})
    script, clock = Script(unknown, activated, granted(), closed), Clock()
    client = scripted(script, clock, product="p")
    client.session(users_license, device="pc").close()
    assert script.calls == ["open", "activations", "open", "close"]
    assert script.body(1) == {"product_id": "p", "license_key": users_license, "client_id": "pc"}
    with pytest.raises(ClientNotActivated):
        scripted(Script(unknown), clock).session(users_license, device="pc")
    raced = Script(unknown, denied(2001, "token_already_assigned"), granted(), closed)
    scripted(raced, clock, product="p").session(users_license, device="pc").close()


def test_a_checkout_is_asked_for_in_minutes_and_not_extended() -> None:
    script, clock = Script(granted(86_400), closed), Clock()
    session = opened(script, clock, checkout=timedelta(days=1))
    assert script.body(0)["checkout_period"] == 1440
    clock.now += 80_000
    session._lease.renew_if_due()
    session.require()
    session.close()


def test_a_detached_session_is_resumed_by_the_next_start() -> None:
    script, clock = Script(granted(), granted(), closed), Clock()
    first = opened(script, clock)
    first.detach()
    with opened(script, clock) as second:
        assert second.session_id == first.session_id
    assert script.calls == ["open", "open", "close"]


def test_the_session_of_a_crashed_program_is_resumed_and_a_dead_id_replaced() -> None:
    clock = Clock()
    crashed = opened(Script(granted()), clock)
    crash(crashed)
    script = Script(denied(14004, "session_ended_by_admin"), granted(), closed)
    with opened(script, clock) as session:
        assert script.body(0)["session_id"] == crashed.session_id
        assert session.session_id != crashed.session_id


def test_two_sessions_of_one_holder_have_two_ids() -> None:
    script, clock = Script(granted(), granted(), closed, closed), Clock()
    with opened(script, clock) as one, opened(script, clock) as two:
        assert one.session_id != two.session_id
        assert {note.session_id for note in held()} == {one.session_id, two.session_id}


def side_by_side(count: int) -> tuple[Script, list[str]]:
    """A network on which no close is answered before all of them are under way."""
    together = threading.Barrier(count)
    closes: list[str] = []

    def close(request: httpx.Request) -> httpx.Response:
        together.wait(timeout=10)
        closes.append(json.loads(request.content)["session_id"])
        return closed

    return Script(*[granted()] * count, *[close] * count), closes


def test_what_is_left_is_closed_side_by_side() -> None:
    script, closes = side_by_side(3)
    sessions = [opened(script, Clock()) for _ in range(3)]
    assert release_all() == 3
    assert sorted(closes) == sorted(session.session_id for session in sessions)


def test_a_client_closes_what_it_opened_side_by_side() -> None:
    script, closes = side_by_side(3)
    client = scripted(script, Clock())
    sessions = [client.session(users_license, user="anna") for _ in range(3)]
    client.close()
    assert sorted(closes) == sorted(session.session_id for session in sessions)


def test_an_asynchronous_client_closes_what_it_opened_side_by_side() -> None:
    script, closes = side_by_side(3)

    async def main() -> None:
        transport, timing = script.transport, Clock().timing
        client = AsyncClient("http://seatkeeper.test", isv, "key", transport=transport, timing=timing)
        sessions = [await client.session(users_license, user="anna") for _ in range(3)]
        await client.close()
        assert sorted(closes) == sorted(session.session_id for session in sessions)

    asyncio.run(main())


def test_a_python_that_ends_and_starts_no_thread_closes_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    script, closes = side_by_side(3)
    client = Client("http://seatkeeper.test", isv, "key", transport=script.transport)  # with its threads
    sessions = [client.session(users_license, user="anna") for _ in range(3)]
    monkeypatch.setattr("seatkeeper._process.threading.Thread.start", no_threads)
    assert release_all() == 3
    assert sorted(closes) == sorted(session.session_id for session in sessions)


def no_threads(thread: threading.Thread) -> None:
    raise RuntimeError("can't create new thread at interpreter shutdown")


def test_a_close_that_fails_keeps_no_other_from_its_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatkeeper._process.threading.Thread.start", no_threads)
    script, clock = Script(granted(), granted(), OSError("the disk is gone"), closed), Clock()
    sessions = [opened(script, clock) for _ in range(2)]
    assert release_all() == 1
    del sessions
    assert release_all() == 0
    assert script.calls == ["open", "open", "close", "close"]


@pytest.mark.parametrize("again", [Session.close, Session.detach, lambda _: release_all()])
def test_a_signals_handler_may_end_what_its_thread_is_ending(again: Callable[[Session], object]) -> None:
    answers: list[object] = []

    def ending(request: httpx.Request) -> httpx.Response:
        answers.append(again(session))  # as a handler does that runs while the thread waits for the server
        return closed

    session = opened(Script(granted(), ending), Clock())
    in_time(lambda: answers.append(session.close()))
    assert answers in ([False, True], [None, True], [0, True])
    assert held() == []


def test_a_session_that_is_collected_while_it_is_closed_is_closed_once() -> None:
    def ending(request: httpx.Request) -> httpx.Response:
        gc.collect()
        return closed

    script = Script(granted(), ending)
    client = Client("http://seatkeeper.test", isv, "key", transport=script.transport)  # with its threads

    def leave_behind() -> None:
        session = client.session(users_license, user="anna")
        session.itself = session  # type: ignore[attr-defined]  # so that the collector has to find it

    gc.disable()
    try:
        leave_behind()
        confirmed: list[int] = []
        in_time(lambda: confirmed.append(release_all()))
    finally:
        gc.enable()
    assert confirmed == [1]
    assert script.calls == ["open", "close"]


def in_time(call: Callable[[], object]) -> None:
    """Fails where the call waits for itself."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "it waits for itself"


def test_a_session_that_nobody_refers_to_is_closed() -> None:
    script, clock = Script(granted(), closed), Clock()
    session = opened(script, clock)
    gone = weakref.ref(session)
    gc.disable()
    try:
        del session
        assert gone() is None, "no cycles: the last name is the last reference"
    finally:
        gc.enable()
    assert script.calls == ["open", "close"]


def test_a_session_needs_a_holder() -> None:
    with pytest.raises(TypeError, match="user= or device="):
        scripted(Script(), Clock()).session(users_license)


def test_reprs_say_what_is_held_and_hold_nothing() -> None:
    session = opened(Script(granted(), closed), Clock())
    assert "for anna" in repr(session)
    note = held()[0]
    assert note.release()
    assert "not held" in repr(session)
    assert "<code>" in session._repr_html_()
