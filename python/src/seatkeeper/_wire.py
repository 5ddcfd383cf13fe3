"""Calls and answers of the API, without any input or output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from ._errors import (
    Denial,
    LicenseError,
    NotAuthorized,
    ProjectUnknown,
    RequestRefused,
    SeatkeeperError,
    ServerUnreachable,
    license_errors,
    project_errors,
)
from ._models import ExecutionProgress, Holder, instant, known_kind

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


def segment(text: str) -> str:
    """A part of a path, whatever characters an id that was passed in has."""
    return quote(text, safe="")


def parsed(reply: Reply, expects: int = 200) -> Any:
    """The answer's value; raises what the answer says instead."""
    if reply.status != expects:
        raise error_of(reply)
    if reply.status == 204 or not reply.body:
        return None
    try:
        return json.loads(reply.body)
    except ValueError:
        raise ServerUnreachable("The answer is not Seatkeeper's: it is no JSON.") from None


def error_of(reply: Reply) -> SeatkeeperError:
    """The one place where an answer becomes an error."""
    body = _object(reply.body)
    code, number = str(body.get("code") or ""), body.get("id")
    text = str(body.get("detail") or body.get("message") or body.get("title") or f"The server answers {reply.status}.")
    if reply.status == 409 and isinstance(number, int):
        return _denied(number, code, text, body)
    if reply.status in (401, 403):
        return NotAuthorized(text, reply.status, code)
    if reply.status in retried_statuses:
        return ServerUnreachable(text, retry_after(reply))
    if reply.status == 404 and code == "project_unknown":
        return ProjectUnknown(text, code, 13005)
    return RequestRefused(text, reply.status, code)


def _denied(number: int, code: str, text: str, body: Mapping[str, Any]) -> SeatkeeperError:
    if number in project_errors:
        return project_errors[number](text, code or str(number), number)
    kind, progress = body.get("kind"), body.get("execution_progress")
    holders = tuple(Holder(str(x.get("user_id")), instant(x.get("since"))) for x in body.get("holders") or ())
    denial = Denial(
        id=number,
        code=code or str(number),
        limit=body.get("limit"),
        in_use=body.get("in_use"),
        next_free_at=instant(body.get("next_free_at")),
        kind=known_kind(kind),
        total=body.get("total"),
        left=body.get("left"),
        holders=holders,
        execution_progress=None if progress is None else ExecutionProgress(progress),
        voucher_id=body.get("voucher_id"),
        queue_position=body.get("queue_position"),
    )
    if holders:
        text = f"{text} Connected: {', '.join(_named(holder) for holder in holders)}."
    return license_errors.get(number, LicenseError)(text, denial)


def _named(holder: Holder) -> str:
    return holder.user if holder.since is None else f"{holder.user} (since {holder.since:%Y-%m-%d %H:%M} UTC)"


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def is_untaken(reply: Reply) -> bool:
    """Whether nothing of the request has happened, and it may be sent again whatever it is."""
    return reply.status in untaken_statuses and _object(reply.body).get("code") != outcome_unknown


def retry_after(reply: Reply) -> float | None:
    """`Retry-After` in seconds, in either form that HTTP has."""
    text = reply.headers.get("retry-after")
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    at = _date(text)
    return None if at is None else max(0.0, (at - (server_time(reply) or datetime.now(timezone.utc))).total_seconds())


def server_time(reply: Reply) -> datetime | None:
    text = reply.headers.get("date")
    return None if text is None else _date(text)


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=timezone.utc)
