"""What the server tells, as values: counts of tokens, projects, who is in, how far an execution is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ._errors import LicenseError

T = TypeVar("T")

Json = Mapping[str, Any]

unreadable = (KeyError, TypeError, AttributeError, ValueError, OverflowError)
"""What the readers of this module raise where an answer has not the form that was asked for."""


def of_type(value: object, *types: type[T]) -> T:
    """The value; raises where it is of another type. To JSON, a truth value is no number."""
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise TypeError(f"{type(value).__name__} is not what was asked for")
    return value


def text(value: object) -> str:
    return of_type(value, str)


def whole(value: object) -> int:
    return of_type(value, int)


def share(value: object) -> float:
    return of_type(value, float, int)


def lines(value: object) -> list[Any]:
    return of_type(value, list)


def optional(read: Callable[[object], T], value: object) -> T | None:
    return None if value is None else read(value)


def hint(read: Callable[[object], T], value: object) -> T | None:
    """What an answer is good without: None where it is not there, or is not what it should be."""
    try:
        return optional(read, value)
    except unreadable:
        return None


class LicenseKind(str, Enum):
    """What a project's token admits: one user at a time, or any number for the same single token."""

    MONO = "mono"
    TEAM = "team"

    def __str__(self) -> str:
        return self.value


def kind_of(kind: LicenseKind | str | None, is_mono: bool | None = None) -> LicenseKind | None:
    """The kind that a caller asks for, by either name of the argument."""
    if kind is not None and is_mono is not None:
        raise TypeError("give kind= or is_mono=, not both")
    if is_mono is not None:
        return LicenseKind.MONO if is_mono else LicenseKind.TEAM
    return None if kind is None else LicenseKind(kind)


def known_kind(text: object) -> LicenseKind | None:
    """The kind that a refusal names; None for one of a newer server, as the refusal is the same without it."""
    return next((kind for kind in LicenseKind if kind.value == text), None)


def instant(value: object) -> datetime | None:
    return hint(_instant, value)


def _instant(value: object) -> datetime:
    """An RFC 3339 instant. Python 3.10 reads no `Z`."""
    at = datetime.fromisoformat(text(value).replace("Z", "+00:00"))
    if at.tzinfo is None:
        raise ValueError("it names no zone")
    return at.astimezone(timezone.utc)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """An HTML table for notebooks."""
    lines = ["<table><thead><tr>", *(f"<th>{escape(name)}</th>" for name in head), "</tr></thead><tbody>"]
    for row in rows:
        lines += ["<tr>", *(f"<td>{escape(str(cell))}</td>" for cell in row), "</tr>"]
    return "".join([*lines, "</tbody></table>"])


@dataclass(frozen=True)
class Tokens:
    """The count of one pool."""

    kind: str
    """`mono` or `team`; `floating` or `named` on licences that count no projects."""
    total: int
    used: int
    left: int

    @classmethod
    def of(cls, body: Json) -> Tokens:
        return cls(text(body["kind"]), whole(body["total"]), whole(body["used"]), whole(body["left"]))


@dataclass(frozen=True)
class LicenseInfo:
    """The pools of a licence. A count is news, not a promise: only a connect takes a token."""

    by_kind: Mapping[str, Tokens]

    @classmethod
    def of(cls, body: object) -> LicenseInfo:
        return cls({pool.kind: pool for pool in map(Tokens.of, lines(body))})

    def __getitem__(self, kind: LicenseKind | str) -> Tokens:
        return self.by_kind.get(str(kind), Tokens(str(kind), 0, 0, 0))

    @property
    def mono_total(self) -> int:
        return self["mono"].total

    @property
    def mono_used(self) -> int:
        return self["mono"].used

    @property
    def mono_left(self) -> int:
        return self["mono"].left

    @property
    def team_total(self) -> int:
        return self["team"].total

    @property
    def team_used(self) -> int:
        return self["team"].used

    @property
    def team_left(self) -> int:
        return self["team"].left

    def __str__(self) -> str:
        return ", ".join(f"{pool.kind}: {pool.left} of {pool.total} left" for pool in self.by_kind.values())

    def _repr_html_(self) -> str:
        pools = self.by_kind.values()
        return table(["kind", "left", "used", "total"], [(p.kind, p.left, p.used, p.total) for p in pools])


@dataclass(frozen=True)
class Holder:
    """Somebody who is in a project, as a refusal names them."""

    user: str
    since: datetime | None

    @classmethod
    def of(cls, body: Json) -> Holder:
        return cls(text(body["user_id"]), instant(body.get("since")))


@dataclass(frozen=True)
class ProjectUser:
    """A live session of a project."""

    user: str | None
    device: str
    session_id: str | None
    since: datetime | None
    valid_until: datetime | None

    @classmethod
    def of(cls, body: Json) -> ProjectUser:
        return cls(
            user=optional(text, body.get("user_id")),
            device=optional(text, body.get("client_id")) or "",
            session_id=optional(text, body.get("session_id")),
            since=instant(body.get("since")),
            valid_until=instant(body.get("valid_until")),
        )


class ExecutionProgress:
    """
    How far a project's latest execution is. Reading it takes no token.

    `ExecutionProgress(error)` builds one from the refusal of a connect, as REVEN's scripts do.
    """

    __slots__ = ("fraction", "message", "stale", "started_at", "state", "units_done", "units_total", "updated_at")

    state: str
    """`idle` (there was none), `running`, `finished`, `failed` or `stopped`."""
    stale: bool
    """It is running by its own account, but has not reported for ten minutes."""
    fraction: float | None
    units_done: int
    units_total: int | None
    message: str | None
    started_at: datetime | None
    updated_at: datetime | None

    def __init__(self, source: LicenseError | Json) -> None:
        if not isinstance(source, Mapping):
            known = source.execution_progress
            for name in self.__slots__:
                setattr(self, name, getattr(known, name) if known is not None else _idle.get(name))
            return
        self.state = optional(text, source.get("state")) or "idle"
        self.stale = bool(source.get("stale"))
        self.fraction = optional(share, source.get("fraction"))
        self.units_done = optional(whole, source.get("units_done")) or 0
        self.units_total = optional(whole, source.get("units_total"))
        self.message = optional(text, source.get("message"))
        self.started_at = instant(source.get("started_at"))
        self.updated_at = instant(source.get("updated_at"))

    @classmethod
    def of(cls, body: Json) -> ExecutionProgress:
        """The progress in an answer. Without a state it would read as if nothing ran."""
        text(body["state"])
        return cls(body)

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExecutionProgress):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        done = "" if self.fraction is None else f" {self.fraction:.0%}"
        units = "" if self.units_total is None else f" ({self.units_done} of {self.units_total})"
        return (
            f"{self.state}{done}{units}{', stale' if self.stale else ''}{f': {self.message}' if self.message else ''}"
        )

    def __repr__(self) -> str:
        return f"<ExecutionProgress {self}>"

    def _repr_html_(self) -> str:
        return table(["execution", "updated"], [(str(self), self.updated_at or "")])


_idle: dict[str, Any] = {"state": "idle", "stale": False, "units_done": 0}


@dataclass(frozen=True)
class ExecutionInfo:
    """One execution in a project's list."""

    id: str
    name: str
    progress: ExecutionProgress

    @classmethod
    def of(cls, body: Json) -> ExecutionInfo:
        return cls(text(body["id"]), optional(text, body.get("name")) or "", ExecutionProgress.of(body))


@dataclass(frozen=True)
class ProjectInfo:
    """A project as it was when the server answered. Holds nothing and keeps nothing alive."""

    id: str
    license_id: str
    name: str
    state: str
    kind: LicenseKind | None
    saved: bool
    executing: bool
    saved_at: datetime | None = None
    users: tuple[ProjectUser, ...] = ()
    executions: tuple[ExecutionInfo, ...] = field(default=(), repr=False)

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    @property
    def is_attended(self) -> bool:
        return bool(self.users)

    @classmethod
    def of(cls, body: Json) -> ProjectInfo:
        return cls(
            id=text(body["id"]),
            license_id=text(body["license_id"]),
            name=text(body["name"]),
            state=text(body["state"]),
            kind=optional(LicenseKind, body.get("kind")),
            saved=bool(body.get("saved")),
            executing=bool(body.get("executing")),
            saved_at=instant(body.get("saved_at")),
            users=tuple(map(ProjectUser.of, optional(lines, body.get("users")) or ())),
            executions=tuple(map(ExecutionInfo.of, optional(lines, body.get("executions")) or ())),
        )

    def __str__(self) -> str:
        kind = f" as {self.kind}" if self.kind else ""
        who = f", with {', '.join(user.user or user.device for user in self.users)}" if self.users else ""
        return f"{self.name}: {self.state}{kind}{who}{', executing' if self.executing else ''}"

    def _repr_html_(self) -> str:
        users = ", ".join(user.user or user.device for user in self.users)
        row = (self.name, self.state, self.kind or "", users, "yes" if self.executing else "")
        return table(["project", "state", "kind", "users", "executing"], [row])


@dataclass(frozen=True)
class Grant:
    """A session that the server granted."""

    valid_until: datetime
    seconds: float
    """From the server's own stamps: how long after its decision the session lasts."""
    started: float
    """When the request was begun, on this machine's monotonic clock."""
    renewal: str = ""
    """What the next open carries, so that a copy of this program is told from it."""
    voucher: str | None = None

    @classmethod
    def of(cls, body: Json, started: float) -> Grant:
        until, since = _instant(body["session_valid_until"]), _instant(body["session_modified_date"])
        renewal, voucher = optional(text, body.get("renewal")) or "", optional(text, body.get("voucher"))
        return cls(until, (until - since).total_seconds(), started, renewal, voucher)
