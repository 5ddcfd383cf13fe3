"""
Everything that this package raises on purpose:

    SeatkeeperError
    ├── LicenseError             the licence says no; has code, kind, total, left, holders, queue_position and more
    │   ├── NoTokenLeft          every token (of that kind) is in use                            1007
    │   ├── ProjectInUse         a Mono project already has its user                             13001
    │   ├── TooManySessions      the holder has as many sessions as its token allows             12002, 12006
    │   ├── LicenseUnknown       there is no licence of this id                                  1000
    │   ├── LicenseInactive      the vendor switched it off                                      1002
    │   ├── LicenseExpired       it is over                                                      1001
    │   ├── ClientNotActivated   the device must be activated first                              2006, 2002
    │   ├── ClientSuspended      the vendor suspended the device or user                         14001
    │   └── CheckoutRefused      the edition allows no such checkout, or no more of them         14002, 12003, 14008
    ├── SessionLost              a session that was held is held no longer, and not by our close
    ├── VoucherRefused           a voucher is not good, here and now; its reason says why
    ├── Disconnected             use of a session or project after its own close
    ├── ProjectError             a project does not allow this; no matter of tokens
    │   ├── ProjectUnknown       13005, and 404
    │   ├── ProjectNotOpen       13002
    │   ├── KindLocked           13004
    │   ├── ProjectAttended      13003
    │   └── ProjectExecuting     13008
    ├── ExecutionTimeout         an execution still runs at the end of the time that its caller would wait
    ├── ServerUnreachable        no answer of Seatkeeper's, or only "try again later"; says nothing about the licence
    │   └── Redirected           the answer leads to another address; has location
    ├── NotAuthorized            401, 403: the API key is missing, unknown, or does not reach this
    ├── BadSignature             an answer is not signed, or not by the key that was given
    └── RequestRefused           any other refusal of a request; has status and code

Programs look at the class or at `code`; texts may change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ._models import ExecutionProgress, Holder, LicenseKind


class SeatkeeperError(Exception):
    """The base of all errors of this package."""


@dataclass(frozen=True)
class Denial:
    """What the server tells about a refusal."""

    id: int
    code: str
    limit: int | None = None
    in_use: int | None = None
    next_free_at: datetime | None = None
    kind: LicenseKind | None = None
    total: int | None = None
    left: int | None = None
    holders: tuple[Holder, ...] = ()
    execution_progress: ExecutionProgress | None = None
    voucher_id: str | None = None
    queue_position: int | None = None


class LicenseError(SeatkeeperError):
    """The licence says no. Never raised because of a network."""

    def __init__(self, message: str, denial: Denial) -> None:
        super().__init__(message, denial)
        self.denial = denial

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def id(self) -> int:
        """The denial's number: docs/reference/errors.md."""
        return self.denial.id

    @property
    def code(self) -> str:
        return self.denial.code

    @property
    def kind(self) -> LicenseKind | None:
        return self.denial.kind

    @property
    def total(self) -> int | None:
        """Tokens of the pool: of the kind, or of the floating licence."""
        return self.denial.total if self.denial.total is not None else self.denial.limit

    @property
    def left(self) -> int | None:
        denial = self.denial
        if denial.left is not None or denial.limit is None or denial.in_use is None:
            return denial.left
        return max(0, denial.limit - denial.in_use)

    @property
    def holders(self) -> tuple[Holder, ...]:
        """Who is in the project, when it is a project."""
        return self.denial.holders

    @property
    def execution_progress(self) -> ExecutionProgress | None:
        """How far the project that refused is: reading it took no token."""
        return self.denial.execution_progress

    @property
    def voucher_id(self) -> str | None:
        """The voucher that is out and keeps the session from being closed."""
        return self.denial.voucher_id

    @property
    def next_free_at(self) -> datetime | None:
        """When a token may be free at the earliest, unless somebody extends or closes. A hint."""
        return self.denial.next_free_at

    @property
    def queue_position(self) -> int | None:
        """The caller's place among those who wait for such a token, 1 being the next; None: it has none."""
        return self.denial.queue_position


class NoTokenLeft(LicenseError):
    """Every token, or every token of the project's kind, is in use."""


class ProjectInUse(LicenseError):
    """The project is opened as Mono and already has its user."""


class TooManySessions(LicenseError):
    """The holder has as many live sessions as its one token allows."""


class LicenseUnknown(LicenseError):
    """There is no licence of this id."""


class LicenseInactive(LicenseError):
    """The vendor has switched the licence off."""


class LicenseExpired(LicenseError):
    """The licence is over."""


class ClientNotActivated(LicenseError):
    """The device has to be activated first: pass `product=`, and the client does it."""


class ClientSuspended(LicenseError):
    """The vendor has suspended this device or user."""


class CheckoutRefused(LicenseError):
    """The edition allows no checkout that is so long, or no more tokens out at once."""


class SessionLost(SeatkeeperError):
    """A session that was held is held no longer, and not by our own close. `reason` is one word for programs."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message, reason)
        self.reason = reason
        """`ended_by_admin`, `project_closed`, `no_answer`, `copied`, `denied`, or `forked`."""

    def __str__(self) -> str:
        return str(self.args[0])


class VoucherRefused(SeatkeeperError):
    """A voucher is not good, here and now. Says nothing about what the server would grant."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message, reason)
        self.reason = reason
        """`missing`, `signature`, `other_device`, `not_yet`, `over`, `clock_set_back`, or `clock_unknown`."""

    def __str__(self) -> str:
        return str(self.args[0])


class Disconnected(SeatkeeperError):
    """The session or project was closed by this program, and is used all the same."""


class ProjectError(SeatkeeperError):
    """A project does not allow this. No matter of tokens."""

    def __init__(self, message: str, code: str, id: int | None = None) -> None:
        super().__init__(message, code, id)
        self.code = code
        self.id = id

    def __str__(self) -> str:
        return str(self.args[0])


class ProjectUnknown(ProjectError):
    """The licence has no such project."""


class ProjectNotOpen(ProjectError):
    """The project is closed; open it first."""


class KindLocked(ProjectError):
    """The kind of an open project does not change; save, close and reopen it."""


class ProjectAttended(ProjectError):
    """Somebody is connected; ask them to leave, or force it."""


class ProjectExecuting(ProjectError):
    """An execution of the project is running; wait for its end, or force it."""


class ExecutionTimeout(SeatkeeperError, TimeoutError):
    """An execution still runs at the end of the time that its caller would wait."""


class ServerUnreachable(SeatkeeperError):
    """The server gave no answer, or only asked to come again. Says nothing about the licence."""

    def __init__(self, message: str, retry_after_seconds: float | None = None, never_arrived: bool = False) -> None:
        super().__init__(message, retry_after_seconds, never_arrived)
        self.retry_after_seconds = retry_after_seconds
        self.never_arrived = never_arrived
        """No try reached the server: nothing of the request has happened."""

    def __str__(self) -> str:
        return str(self.args[0])


class Redirected(ServerUnreachable):
    """The server, or a proxy before it, leads to another address: no key goes there unless it is set."""

    def __init__(self, message: str, location: str | None) -> None:
        super().__init__(message)
        self.args = (message, location)
        self.location = location
        """Where to, without query and user; None: it was not said."""


class RequestRefused(SeatkeeperError):
    """The server does not take the request as it is."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message, status, code)
        self.status = status
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class NotAuthorized(SeatkeeperError):
    """The API key is missing, unknown, or does not reach this."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message, status, code)
        self.status = status
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class BadSignature(SeatkeeperError):
    """An answer carries no signature of the server's, or one that another key made."""


license_errors: dict[int, type[LicenseError]] = {
    1000: LicenseUnknown,
    1001: LicenseExpired,
    1002: LicenseInactive,
    1007: NoTokenLeft,
    2002: ClientNotActivated,
    2006: ClientNotActivated,
    12002: TooManySessions,
    12003: CheckoutRefused,
    12006: TooManySessions,
    13001: ProjectInUse,
    14001: ClientSuspended,
    14002: CheckoutRefused,
    14008: CheckoutRefused,
}

project_errors: dict[int, type[ProjectError]] = {
    13002: ProjectNotOpen,
    13003: ProjectAttended,
    13004: KindLocked,
    13005: ProjectUnknown,
    13006: ProjectError,
    13007: ProjectError,
    13008: ProjectExecuting,
    13009: ProjectError,
    13010: ProjectError,
    13011: ProjectError,
    13012: ProjectError,
    13013: ProjectError,
    13014: ProjectError,
    13015: ProjectError,
}
