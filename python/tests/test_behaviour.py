"""What both clients do alike: docs/reference/client-behaviour.json, which client/test/behaviour.test.ts runs too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from seatkeeper import (
    Client,
    Launcher,
    LicenseError,
    Redirected,
    SeatkeeperError,
    ServerUnreachable,
    Session,
    SessionLost,
)
from support import Clock, Script, closed, denied, granted, isv, new_project, root, scripted, stamp, users_license, z

Json = dict[str, Any]
Answer = Callable[[httpx.Request], httpx.Response]
behaviour: Json = json.loads((root / "docs" / "reference" / "client-behaviour.json").read_text())
names = {"LicenseError": "LicenseDenied"}
"""What is called otherwise in Python, by its name in the file."""

finished_project = {**new_project, "executions": [{"id": isv, "name": "x", "state": "finished"}]}
bodies = {"project": new_project, "finished project": finished_project}


def answers(text: Json, clock: Clock) -> list[Answer]:
    return [lambda request: _late(request, text, clock)] * text.get("times", 1)


def _late(request: httpx.Request, text: Json, clock: Clock) -> httpx.Response:
    takes, patience = text.get("takes", 0), request.extensions["timeout"]["read"]
    clock.now += min(takes, patience)
    if takes >= patience or text.get("fault") == "lost":
        raise httpx.ReadTimeout("timed out")
    if text.get("fault") == "refused":
        raise httpx.ConnectError("refused")
    return _answer(text)


def _answer(text: Json) -> httpx.Response:
    names = {"retry_after": "Retry-After", "location": "Location"}
    headers = {name: str(text[member]) for member, name in names.items() if member in text}
    if "granted" in text:
        return granted(text["granted"], **{name: text[name] for name in ("renewal",) if name in text})
    if "closed" in text:
        return closed
    if "denied" in text:
        more = {name: value for name, value in text.items() if name not in ("denied", "code", "times", "retry_after")}
        dated = {"Date": format_datetime(stamp, usegmt=True), **headers}
        return denied(text["denied"], text.get("code", ""), dated, **more)
    if "text" in text:
        return httpx.Response(text["status"], text=text["text"], headers=headers)
    body = text.get("body", {})
    return httpx.Response(text["status"], json=bodies[body] if isinstance(body, str) else body, headers=headers)


class Player:
    def __init__(self, script: Script, clock: Clock) -> None:
        self._script, self._clock = script, clock
        self._session: Session | None = None
        self._lost: list[SessionLost] = []

    def play(self, step: Json) -> None:
        options = {name: value for name, value in step.items() if name not in ("do", "throws")}
        act = getattr(self, "let_pass" if step["do"] == "pass" else step["do"])
        if "throws" not in step:
            act(**options)
            return
        with pytest.raises(SeatkeeperError) as caught:
            act(**options)
        facts = facts_of(caught.value)
        assert {name: facts.get(name) for name in step["throws"]} == step["throws"]

    @property
    def _held(self) -> Session:
        assert self._session is not None
        return self._session

    def open(self, checkout_minutes: float | None = None, **options: Any) -> None:
        if checkout_minutes is not None:
            options["checkout"] = timedelta(minutes=checkout_minutes)
        client = scripted(self._script, self._clock)
        self._session = client.session(users_license, on_lost=self._lost.append, **options)

    def let_pass(self, seconds: float) -> None:
        """What the background thread would do meanwhile."""
        lease, end = self._held._lease, self._clock.now + seconds
        while not (lease.is_over or lease._is_closing) and self._clock.now + lease.due_in() <= end:
            self._clock.now += lease.due_in()
            lease.renew_if_due()
        self._clock.now = end

    def stall(self, seconds: float) -> None:
        self._clock.now += seconds

    def require(self) -> None:
        self._held.require()

    def close(self, known: bool) -> None:
        assert self._held.close() is known

    def detach(self) -> None:
        self._held.detach()

    def trusted(self, seconds: float) -> None:
        assert self._held.trusted_seconds == pytest.approx(seconds)

    def lost(self, reason: str) -> None:
        assert [lost.reason for lost in self._lost] == [reason]

    def sent(self, count: int) -> None:
        assert len(self._script.sent) == count

    def create_project(self) -> None:
        self._launcher.create_project("P")

    def delete_project(self) -> None:
        self._launcher.delete_project(isv)

    def licenses(self) -> None:
        self._launcher.licenses()

    def finish(self, state: str = "") -> None:
        assert self._launcher.execution(isv, isv, "secret").finish().state == state

    def fail(self) -> None:
        self._launcher.execution(isv, isv, "secret").fail()

    def wait_execution(self, poll_seconds: float, state: str) -> None:
        assert self._launcher.wait_execution(isv, poll_seconds=poll_seconds).state == state

    @property
    def _launcher(self) -> Launcher:
        transport, timing = self._script.transport, self._clock.timing
        return Launcher("seatkeeper.test", 80, isv=isv, api_key="k", license=users_license, user="anna",
                        transport=transport, timing=timing)  # fmt: skip


def facts_of(error: Exception) -> Json:
    """An error as the file writes it."""
    kind = type(error).__name__
    facts = {"name": names.get(kind, kind), **vars(error)}
    if isinstance(error, ServerUnreachable):
        facts["retry_after_seconds"] = error.retry_after_seconds
    if isinstance(error, LicenseError):
        free_at, progress = error.next_free_at, error.execution_progress
        facts |= {name: getattr(error, name) for name in ("id", "code", "kind", "total", "left", "queue_position")}
        facts["next_free_at"] = None if free_at is None else z(free_at).replace("Z", ".000Z")
        facts["holders"] = [holder.user for holder in error.holders]
        facts["units_done"] = None if progress is None else progress.units_done
    return facts


def timed(script: Script, clock: Clock) -> list[float]:
    """Notes when each request is sent."""
    times: list[float] = []
    start = clock.now

    def noted(answer: Answer) -> Answer:
        def answered(request: httpx.Request) -> httpx.Response:
            times.append(clock.now - start)
            return answer(request)

        return answered

    script._answers = iter([noted(answer) for answer in script._answers])  # type: ignore[arg-type]
    return times


def sessions_of(sent: list[httpx.Request]) -> list[int]:
    """Session ids as numbers in the order of their first appearance; 0 for a call that names none."""
    ids = [json.loads(request.content or "{}").get("session_id") for request in sent]
    order = list(dict.fromkeys(id for id in ids if id is not None))
    return [0 if id is None else order.index(id) + 1 for id in ids]


def call_of(request: httpx.Request) -> str:
    path = request.url.path.removeprefix(f"/api/v2/isv/{isv}")
    return f"{request.method} {re.sub('[0-9a-f]{8}-[0-9a-f-]{27}', '{id}', path)}"


@pytest.mark.parametrize("case", behaviour["cases"], ids=lambda case: case["rule"])
def test_behaviour(case: Json) -> None:
    clock = Clock(chance=case.get("chance", 0.0))
    script = Script(*[answer for text in case["server"] for answer in answers(text, clock)])
    times = timed(script, clock)
    player = Player(script, clock)
    for step in case["steps"]:
        player.play(step)

    calls, starts, *numbers = zip(*[(*line, 0)[:3] for line in case["sent"]], strict=True)
    assert [call_of(request) for request in script.sent] == [behaviour["calls"][call] for call in calls]
    assert times == pytest.approx(starts, abs=1e-6)
    assert sessions_of(script.sent) == list(*numbers)
    assert next(script._answers, None) is None, "every answer was asked for"
    for lines, member in (("renewals", "renewal"), ("waits", "wait_seconds")):
        if lines in case:
            assert [json.loads(request.content).get(member) for request in script.sent] == case[lines]
    body = script.body(0) if "body" in case else {}
    assert {name: body.get(name) for name in case.get("body", ())} == case.get("body", {})


@pytest.mark.parametrize(("number", "name"), behaviour["refusals"].items())
def test_refusals(number: str, name: str) -> None:
    script, clock = Script(denied(int(number), "some_code")), Clock()
    with pytest.raises(SeatkeeperError, match="Denied: some_code") as caught:
        scripted(script, clock).session(users_license, user="anna")
    facts = facts_of(caught.value)
    assert (facts["name"], facts["id"], facts["code"]) == (name, int(number), "some_code")


@pytest.mark.parametrize("line", behaviour["redirects"], ids=lambda line: f"{line['server']} {line['to']}")
def test_redirects(line: Json) -> None:
    call = f"/api/v2/isv/{isv}/licenses/{users_license}/tokens"
    headers = {} if line["to"] is None else {"Location": line["to"].replace("{call}", call)}
    transport = Script(httpx.Response(301, headers=headers, text="<html>")).transport
    with Client(line["server"], isv, "key", transport=transport) as client, pytest.raises(Redirected) as caught:
        client.tokens(users_license)
    error, told = caught.value, str(caught.value)
    assert error.location == (line["location"] and line["location"].replace("{call}", call))
    assert f"redirects to {error.location or 'a place that is not shown'}." in told
    assert told.partition("set its address to ")[2] == (line["set"] or "")
    assert "secret" not in told
