"""The system level of project licences: counts, projects, progress. Nothing here takes a token."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import httpx

from ._channel import Channel
from ._client import Wait, _Settings
from ._clock import Timing
from ._key_set import KeySet
from ._lease import Lease, OnLost
from ._models import ExecutionProgress, LicenseInfo, LicenseKind, ProjectInfo, kind_of
from ._opening import Seat, waiting_s
from ._project import Execution, Project, connect, connected, try_connect
from ._project_calls import ProjectCalls, ProjectRef
from ._settings import setting, this_user


def url_of(host: str | None, port: int | None, url: str | None) -> str | None:
    """The server's address, by either way to give it; None: it is in the environment."""
    if host is None:
        return url
    if url is not None:
        raise TypeError("give host and port, or url=, not both")
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host  # an IPv6 address, as URLs have it
    return f"http://{name}:{7070 if port is None else port}"


class LauncherBase:
    """What both launchers are told, resolved."""

    def __init__(self, settings: _Settings, license: str | None, user: str | None) -> None:
        self._settings = settings
        self.license_id = setting(license, "SEATKEEPER_LICENSE", "license")
        self.user = user or this_user()
        self._calls = ProjectCalls(self.license_id, self._settings.timing)

    def _seat(self, project_id: str) -> Seat:
        return self._settings.seat(self.license_id, self.user, None, None, None, project_id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._settings.address.url} for {self.user}>"


class Launcher(LauncherBase):
    """
    One project licence on a server, and the user on whose behalf projects are connected to.

    `Launcher(host, port)` as REVEN's users know it, or `url=`. `isv`, `api_key`, `license` and `user` come from
    SEATKEEPER_ISV, SEATKEEPER_API_KEY, SEATKEEPER_LICENSE and SEATKEEPER_USER (else the name of the account) when
    omitted. A project is named by its name, its id, or a `ProjectInfo`.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        url: str | None = None,
        isv: str | None = None,
        api_key: str | None = None,
        license: str | None = None,
        user: str | None = None,
        device: str | None = None,
        admin: bool = False,
        key_set: KeySet | None = None,
        public_key: str | bytes | Path | None = None,
        state_dir: str | Path | None = None,
        timeout_seconds: float = 10.0,
        transport: httpx.BaseTransport | None = None,
        timing: Timing | None = None,
    ) -> None:
        address = url_of(host, port, url)
        known = _Settings(address, isv, api_key, admin, device, None, key_set, public_key, state_dir, timing)
        super().__init__(known, license, user)
        self._channel = Channel(known.address, known.timing, known.verifier, timeout_seconds, transport)

    def licenses(self) -> LicenseInfo:
        """What is left of each kind. To guard an action with it is a race; to connect is not."""
        return self._channel.run(self._calls.tokens())

    def system_licenses_info(self) -> LicenseInfo:
        """REVEN's name of `licenses()`: has `mono_left` and `team_left`."""
        return self.licenses()

    def projects(self) -> list[ProjectInfo]:
        return self._channel.run(self._calls.list())

    def project(self, project: ProjectRef) -> ProjectInfo:
        return self._channel.run(self._calls.find(project))

    def create_project(self, name: str) -> ProjectInfo:
        return self._channel.run(self._calls.create(name))

    def delete_project(self, project: ProjectRef, *, force: bool = False) -> None:
        self._channel.run(self._calls.delete(project, force))

    def open_project(
        self, project: ProjectRef, kind: LicenseKind | str | None = None, *, is_mono: bool | None = None
    ) -> ProjectInfo:
        """Opens a project as `mono` or `team`. Takes no token, and needs none that is free."""
        return self._channel.run(self._calls.open(project, kind_of(kind, is_mono)))

    def save_project(self, project: ProjectRef) -> ProjectInfo:
        """Tells the server that the project is saved; it cannot know."""
        return self._channel.run(self._calls.save(project))

    def close_project(self, project: ProjectRef, *, save: bool = False, force: bool = False) -> ProjectInfo:
        """`force` throws its users out and stops its executions; for keys of scope backend and AdminKeys."""
        return self._channel.run(self._calls.close(project, save, force))

    def reopen_project(
        self,
        project: ProjectRef,
        kind: LicenseKind | str | None = None,
        *,
        is_mono: bool | None = None,
        force: bool = False,
    ) -> ProjectInfo:
        """Saves, closes and opens it with the other kind. Its token is not carried over."""
        return self._channel.run(self._calls.reopen(project, kind_of(kind, is_mono), force))

    def change_kind(self, project: ProjectRef, kind: LicenseKind | str) -> ProjectInfo:
        """Of an open project, where the edition allows it; else `KindLocked`."""
        return self._channel.run(self._calls.switch(project, LicenseKind(kind)))

    def execution_progress(self, project: ProjectRef) -> ExecutionProgress:
        """How far the project's latest execution is, whether or not a token is left."""
        return self._channel.run(self._calls.progress(project))

    def wait_execution(
        self, project: ProjectRef, *, timeout_seconds: float | None = None, poll_seconds: float = 5.0
    ) -> ExecutionProgress:
        """
        Looks until the latest execution does not run any more, at most every `poll_seconds`. Holds nothing.
        `ExecutionTimeout` if it takes longer, `ServerUnreachable` if the last look was not answered.
        """
        return self._channel.run(self._calls.wait(project, timeout_seconds, poll_seconds))

    def execution(self, project_id: str, id: str, secret: str) -> Execution:
        """For a worker of its own: reports on an execution that another process started."""
        return Execution(self._channel, project_id, id, secret)

    def connect(self, project: ProjectRef, *, wait: Wait = None, on_lost: OnLost | None = None) -> Project:
        return connect(self, project, wait=wait, on_lost=on_lost)

    def try_connect(self, project: ProjectRef, *, wait: Wait = None, on_lost: OnLost | None = None) -> Project | None:
        return try_connect(self, project, wait=wait, on_lost=on_lost)

    def _connect(self, project: ProjectRef, wait: Wait, on_lost: OnLost | None) -> tuple[Lease, ProjectInfo]:
        wait_s = waiting_s(wait)
        info = self._channel.run(self._calls.find(project))
        return connected(self, info, wait_s, on_lost), info

    def close(self) -> None:
        """Closes its connections to the server. Projects that are connected stay so until they are disconnected."""
        self._channel.close()

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def launcher_connection(host: str, port: int) -> Launcher:
    """REVEN's name: `Launcher(host, port)`, with everything else from the environment."""
    return Launcher(host, port)
