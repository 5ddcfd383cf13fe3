"""A connection to a project: the object that takes part in the project's token. And executions, which need none."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ._channel import Channel
from ._errors import LicenseError
from ._lease import Lease, OnLost
from ._models import ExecutionProgress, LicenseKind, ProjectInfo
from ._project_calls import ProjectCalls, ProjectRef, report
from ._session import Session, open_lease

if TYPE_CHECKING:
    from ._client import Wait
    from ._launcher import Launcher


class Execution:
    """
    Background work of a project, as whoever does the work sees it. Reports need no token and no connection, only the
    secret: `Launcher.execution(project_id, id, secret)` makes the same object in another process.
    """

    def __init__(self, channel: Channel, project_id: str, id: str, secret: str) -> None:
        self._channel = channel
        self.project_id = project_id
        self.id = id
        self.secret = secret

    def report(self, *, units_done: int | None = None, message: str | None = None) -> ExecutionProgress:
        return self._report(units_done, message, None)

    def finish(self, message: str | None = None) -> ExecutionProgress:
        return self._report(None, message, "finished")

    def fail(self, message: str | None = None) -> ExecutionProgress:
        return self._report(None, message, "failed")

    def _report(self, units_done: int | None, message: str | None, state: str | None) -> ExecutionProgress:
        channel = self._channel
        return channel.run(report(channel.timing, self.project_id, self.id, self.secret, units_done, message, state))

    def __repr__(self) -> str:
        return f"<Execution {self.id} of project {self.project_id}>"


class ProjectView:
    """What both colours of a connection tell."""

    _lease: Lease
    _info: ProjectInfo

    @property
    def id(self) -> str:
        return self._info.id

    @property
    def name(self) -> str:
        return self._info.name

    @property
    def kind(self) -> LicenseKind | None:
        """As which it was open when we connected."""
        return self._info.kind

    @property
    def connected(self) -> bool:
        return self._lease.is_held

    @property
    def lease_expires_at(self) -> datetime:
        return self._lease.valid_until


class Project(ProjectView, Session):
    """
    A connection to a project, held until `disconnect()` or the end of the `with` block.

    To construct it is to connect, as in REVEN, and to connect is the test and the taking in one: it raises
    `LicenseError` and holds nothing, or it holds. `Project(host, port, project="Shellcode")` takes what it is not told
    from the environment, as `Launcher` does; a launcher that is at hand is passed with `launcher=`.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        project: ProjectRef,
        launcher: Launcher | None = None,
        wait: Wait = None,
        on_lost: OnLost | None = None,
        url: str | None = None,
        isv: str | None = None,
        api_key: str | None = None,
        license: str | None = None,
        user: str | None = None,
    ) -> None:
        if launcher is None:
            from ._launcher import Launcher

            launcher = Launcher(host, port, url=url, isv=isv, api_key=api_key, license=license, user=user)
        lease, self._info = launcher._connect(project, wait, on_lost)
        self._channel = launcher._channel
        self._calls: ProjectCalls = launcher._calls
        super().__init__(lease)

    def disconnect(self) -> bool:
        """Leaves the project, once; the last user to leave gives the token back. What executes goes on."""
        return self.close()

    def start_execution(self, name: str = "execution", units_total: int | None = None) -> Execution:
        """Says that work began which goes on without us. The object that is returned reports on it."""
        self.require()
        steps = self._calls.start_execution(self.id, self.session_id, name, units_total)
        return Execution(self._channel, self.id, *self._channel.run(steps))

    def execution_status(self) -> ExecutionProgress:
        """How far the latest execution is."""
        self.require()
        return self._channel.run(self._calls.progress(self.id))

    def save(self) -> ProjectInfo:
        """Tells the server that the project is saved; it cannot know."""
        self.require()
        return self._channel.run(self._calls.save(self.id))

    def __repr__(self) -> str:
        state = f"connected as {self.user}" if self.connected else "disconnected"
        return f"<Project {self.name} ({self.kind}), {state}>"


def connect(launcher: Launcher, project: ProjectRef, *, wait: Wait = None, on_lost: OnLost | None = None) -> Project:
    """Connects, or raises why not: `NoTokenLeft`, `ProjectInUse`, `ProjectNotOpen`, …"""
    return Project(project=project, launcher=launcher, wait=wait, on_lost=on_lost)


def try_connect(
    launcher: Launcher, project: ProjectRef, *, wait: Wait = None, on_lost: OnLost | None = None
) -> Project | None:
    """Connects; None where the licence says no. Anything else is raised: a closed project, a dead network."""
    try:
        return connect(launcher, project, wait=wait, on_lost=on_lost)
    except LicenseError:
        return None


def connected(launcher: Launcher, info: ProjectInfo, wait_s: float, on_lost: OnLost | None) -> Lease:
    """The lease of a connection."""
    seat = launcher._seat(info.id)
    slot = launcher._settings.slot(seat)
    return open_lease(launcher._channel, seat, slot, wait_s, on_lost, info.name)
