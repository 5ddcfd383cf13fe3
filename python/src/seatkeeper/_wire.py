"""Calls and answers of the API, without any input or output."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from ._errors import (
    Denial,
    LicenseError,
    NotAuthorized,
    ProjectUnknown,
    Redirected,
    RequestRefused,
    SeatkeeperError,
    ServerUnreachable,
    license_errors,
    project_errors,
)
from ._models import ExecutionProgress, Holder, hint, instant, known_kind, lines, of_type, text, unreadable, whole

T = TypeVar("T")

accept = "application/json, application/problem+json"

untaken_statuses = frozenset({408, 429, 503})
"""
Answers after which nothing of the request has happened, unless their code says otherwise. 408 is among them: a server
that gives up on a connection on which nothing came says so, and a request that is written at that moment crosses it.
"""

retried_statuses = untaken_statuses | {502, 504}
"""Those, and answers after which it may be repeated where that does no harm."""

outcome_unknown = "outcome_unknown"
"""The code of a 503 after which the request may have happened all the same."""


@dataclass(frozen=True)
class Call:
    """One request, relative to `/api/v2/isv/{isv_id}`."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    expects: int = 200
    """The one status that means granted: only 200 and 409 are signed, so no other may pass for it."""
    is_safe_to_repeat: bool = True
    """Whether it may be sent again when nobody knows whether it arrived."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    started: float
    """When its request was begun, on the monotonic clock."""
    url: str
    """What was asked."""


def segment(part: str) -> str:
    """A part of a path, whatever characters an id that was passed in has."""
    return quote(part, safe="")


def parsed(reply: Reply, read: Callable[[Any], T], expects: int = 200) -> T:
    """
    The answer's value; raises what the answer says instead. Something between us and the server may answer 200 with
    what it likes.
    """
    if reply.status != expects:
        raise error_of(reply)
    try:
        value = _json(reply.body) if reply.body else None
    except ValueError:
        raise ServerUnreachable("The answer is not Seatkeeper's: it is no JSON.") from None
    try:
        return read(value)
    except unreadable:
        fault = "The answer is not Seatkeeper's: it is not of the form that was asked for."
        raise ServerUnreachable(fault) from None


def _json(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_no_json)
    except RecursionError:
        raise ValueError("no answer of the server's is so deep") from None


def _no_json(constant: str) -> None:
    """NaN and the infinities, which Python alone takes for JSON."""
    raise ValueError(constant)


def error_of(reply: Reply) -> SeatkeeperError:
    """The one place where an answer becomes an error."""
    if reply.status in redirect_statuses:
        return _redirected(reply)
    body = _object(reply.body)
    code, number = hint(text, body.get("code")) or "", hint(whole, body.get("id"))
    told = [hint(text, body.get(name)) for name in ("detail", "message", "title")]
    said = next(filter(None, told), f"The server answers {reply.status}.")
    if reply.status == 409 and number is not None:
        return _denied(number, code, said, body)
    if reply.status in (401, 403):
        return NotAuthorized(said, reply.status, code)
    if is_elsewhere(reply.status):
        return ServerUnreachable(f"The answer is not Seatkeeper's: {said}")
    if reply.status in retried_statuses:
        return ServerUnreachable(said, retry_after(reply))
    if reply.status == 404 and code == "project_unknown":
        return ProjectUnknown(said, code, 13005)
    return RequestRefused(said, reply.status, code)


redirect_statuses = frozenset({301, 302, 303, 307, 308})
"""Those that lead to another address."""


def _redirected(reply: Reply) -> Redirected:
    asked = _place(httpx.URL(reply.url))
    call = asked[asked.find("/api/v2/isv/") :]
    server = asked.removesuffix(call)
    location = _location(reply)
    told = f"The server at {server}, or a proxy before it, redirects to {location or 'a place that is not shown'}."
    # The same call leads to another server. Else it is a page to sign in at, perhaps.
    address = location.removesuffix(call) if location is not None and location.endswith(call) else server
    # From https: to http: is a proxy's fault, and would show the key to everybody on the way.
    if address != server and (address.startswith("https:") or server.startswith("http:")):
        told = f"{told} The key is not sent there. If the server is, set its address to {address}"
    return Redirected(told, location)


def _location(reply: Reply) -> str | None:
    header = reply.headers.get("location")
    try:
        place = None if header is None else httpx.URL(reply.url).join(header)
    except (httpx.InvalidURL, ValueError):
        return None
    return _place(place) if place is not None and place.host and place.scheme in ("http", "https") else None


def _place(url: httpx.URL) -> str:
    """A place in the network, without user and query."""
    return f"{url.scheme}://{url.netloc.decode()}{url.raw_path.decode().partition('?')[0]}"


def _denied(number: int, code: str, said: str, body: Mapping[str, Any]) -> SeatkeeperError:
    """A refusal stays one whatever else it holds."""
    if number in project_errors:
        return project_errors[number](said, code or str(number), number)
    holders = hint(_holders, body.get("holders")) or ()
    denial = Denial(
        id=number,
        code=code or str(number),
        limit=hint(whole, body.get("limit")),
        in_use=hint(whole, body.get("in_use")),
        next_free_at=instant(body.get("next_free_at")),
        kind=known_kind(body.get("kind")),
        total=hint(whole, body.get("total")),
        left=hint(whole, body.get("left")),
        holders=holders,
        execution_progress=hint(_progress, body.get("execution_progress")),
        voucher_id=hint(text, body.get("voucher_id")),
        queue_position=hint(whole, body.get("queue_position")),
    )
    if holders:
        said = f"{said} Connected: {', '.join(_named(holder) for holder in holders)}."
    return license_errors.get(number, LicenseError)(said, denial)


def _holders(value: object) -> tuple[Holder, ...]:
    return tuple(map(Holder.of, lines(value)))


def _progress(value: object) -> ExecutionProgress:
    return ExecutionProgress(of_type(value, dict))


def _named(holder: Holder) -> str:
    return holder.user if holder.since is None else f"{holder.user} (since {holder.since:%Y-%m-%d %H:%M} UTC)"


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = _json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def is_elsewhere(status: int) -> bool:
    """A redirect: the page to sign in to a network at, perhaps."""
    return 300 <= status < 400


def is_untaken(reply: Reply) -> bool:
    """Whether nothing of the request has happened, and it may be sent again whatever it is."""
    return reply.status in untaken_statuses and _object(reply.body).get("code") != outcome_unknown


def retry_after(reply: Reply) -> float | None:
    """`Retry-After` in seconds, in either form that HTTP has."""
    header = reply.headers.get("retry-after")
    if header is None:
        return None
    if re.fullmatch(r"[0-9]+", header.strip()):
        return float(header)
    at = _date(header)
    return None if at is None else max(0.0, (at - (server_time(reply) or datetime.now(timezone.utc))).total_seconds())


def server_time(reply: Reply) -> datetime | None:
    header = reply.headers.get("date")
    return None if header is None else _date(header)


def _date(header: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(header)
    except unreadable:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=timezone.utc)
