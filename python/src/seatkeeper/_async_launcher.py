"""`Launcher` and `Project` for asyncio, of the same shape."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from ._channel import AsyncChannel
from ._client import Wait, _Settings
from ._clock import Timing
from ._errors import LicenseError
from ._key_set import KeySet
from ._launcher import LauncherBase, url_of
from ._lease import OnLost
from ._models import ExecutionProgress, LicenseInfo, LicenseKind, ProjectInfo, kind_of
from ._opening import waiting_s
from ._project import ProjectView
from ._project_calls import ProjectCalls, ProjectRef, report
from ._session import AsyncSession, aopen_lease


class AsyncExecution:
    """`Execution` for asyncio."""

    def __init__(self, channel: AsyncChannel, project_id: str, id: str, secret: str) -> None:
        self._channel = channel
        self.project_id = project_id
        self.id = id
        self.secret = secret

    async def report(self, *, units_done: int | None = None, message: str | None = None) -> ExecutionProgress:
        return await self._report(units_done, message, None)

    async def finish(self, message: str | None = None) -> ExecutionProgress:
        return await self._report(None, message, "finished")

    async def fail(self, message: str | None = None) -> ExecutionProgress:
        return await self._report(None, message, "failed")

    async def _report(self, units_done: int | None, message: str | None, state: str | None) -> ExecutionProgress:
        channel = self._channel
        return await channel.run(
            report(channel.timing, self.project_id, self.id, self.secret, units_done, message, state)
        )

    def __repr__(self) -> str:
        return f"<AsyncExecution {self.id} of project {self.project_id}>"


class AsyncProject(ProjectView, AsyncSession):
    """A connection to a project; made by `AsyncLauncher.connect` or `aconnect`."""

    _channel: AsyncChannel
    _calls: ProjectCalls

    @classmethod
    async def _connect(
        cls, launcher: AsyncLauncher, project: ProjectRef, wait: Wait, on_lost: OnLost | None
    ) -> AsyncProject:
        wait_s = waiting_s(wait)
        info = await launcher._channel.run(launcher._calls.find(project))
        seat = launcher._seat(info.id)
        slot = launcher._settings.slot(seat)
        lease = await aopen_lease(launcher._channel, seat, slot, wait_s, on_lost, info.name)
        made = cls(lease)
        made._info, made._channel, made._calls = info, launcher._channel, launcher._calls
        return made

    async def disconnect(self) -> bool:
        return await self.close()

    async def start_execution(self, name: str = "execution", units_total: int | None = None) -> AsyncExecution:
        self.require()
        steps = self._calls.start_execution(self.id, self.session_id, name, units_total)
        return AsyncExecution(self._channel, self.id, *await self._channel.run(steps))

    async def execution_status(self) -> ExecutionProgress:
        self.require()
        return await self._channel.run(self._calls.progress(self.id))

    async def save(self) -> ProjectInfo:
        self.require()
        return await self._channel.run(self._calls.save(self.id))

    def __repr__(self) -> str:
        state = f"connected as {self.user}" if self.connected else "disconnected"
        return f"<AsyncProject {self.name} ({self.kind}), {state}>"


class Connecting:
    """A connection about to be made: `async with` it, or `await` it."""

    def __init__(self, connecting: Any) -> None:
        self._connecting = connecting
        self._project: AsyncProject | None = None

    def __await__(self) -> Generator[Any, None, AsyncProject]:
        return self._connecting.__await__()  # type: ignore[no-any-return]

    async def __aenter__(self) -> AsyncProject:
        self._project = await self
        return self._project

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._project is not None
        await self._project.disconnect()


class AsyncLauncher(LauncherBase):
    """`Launcher` for asyncio. A project is connected to by `async with`, or by `await`."""

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
        transport: httpx.AsyncBaseTransport | None = None,
        timing: Timing | None = None,
    ) -> None:
        address = url_of(host, port, url)
        known = _Settings(address, isv, api_key, admin, device, None, key_set, public_key, state_dir, timing)
        super().__init__(known, license, user)
        self._channel = AsyncChannel(known.address, known.timing, known.verifier, timeout_seconds, transport)

    async def licenses(self) -> LicenseInfo:
        return await self._channel.run(self._calls.tokens())

    async def system_licenses_info(self) -> LicenseInfo:
        return await self.licenses()

    async def projects(self) -> list[ProjectInfo]:
        return await self._channel.run(self._calls.list())

    async def project(self, project: ProjectRef) -> ProjectInfo:
        return await self._channel.run(self._calls.find(project))

    async def create_project(self, name: str) -> ProjectInfo:
        return await self._channel.run(self._calls.create(name))

    async def delete_project(self, project: ProjectRef, *, force: bool = False) -> None:
        await self._channel.run(self._calls.delete(project, force))

    async def open_project(
        self, project: ProjectRef, kind: LicenseKind | str | None = None, *, is_mono: bool | None = None
    ) -> ProjectInfo:
        return await self._channel.run(self._calls.open(project, kind_of(kind, is_mono)))

    async def save_project(self, project: ProjectRef) -> ProjectInfo:
        return await self._channel.run(self._calls.save(project))

    async def close_project(self, project: ProjectRef, *, save: bool = False, force: bool = False) -> ProjectInfo:
        return await self._channel.run(self._calls.close(project, save, force))

    async def reopen_project(
        self,
        project: ProjectRef,
        kind: LicenseKind | str | None = None,
        *,
        is_mono: bool | None = None,
        force: bool = False,
    ) -> ProjectInfo:
        return await self._channel.run(self._calls.reopen(project, kind_of(kind, is_mono), force))

    async def change_kind(self, project: ProjectRef, kind: LicenseKind | str) -> ProjectInfo:
        return await self._channel.run(self._calls.switch(project, LicenseKind(kind)))

    async def execution_progress(self, project: ProjectRef) -> ExecutionProgress:
        return await self._channel.run(self._calls.progress(project))

    async def wait_execution(
        self, project: ProjectRef, *, timeout_seconds: float | None = None, poll_seconds: float = 5.0
    ) -> ExecutionProgress:
        return await self._channel.run(self._calls.wait(project, timeout_seconds, poll_seconds))

    def execution(self, project_id: str, id: str, secret: str) -> AsyncExecution:
        return AsyncExecution(self._channel, project_id, id, secret)

    def connect(self, project: ProjectRef, *, wait: Wait = None, on_lost: OnLost | None = None) -> Connecting:
        return aconnect(self, project, wait=wait, on_lost=on_lost)

    async def try_connect(
        self, project: ProjectRef, *, wait: Wait = None, on_lost: OnLost | None = None
    ) -> AsyncProject | None:
        try:
            return await self.connect(project, wait=wait, on_lost=on_lost)
        except LicenseError:
            return None

    async def close(self) -> None:
        await self._channel.aclose()

    async def __aenter__(self) -> AsyncLauncher:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()


def aconnect(
    launcher: AsyncLauncher, project: ProjectRef, *, wait: Wait = None, on_lost: OnLost | None = None
) -> Connecting:
    """`connect` for asyncio."""
    return Connecting(AsyncProject._connect(launcher, project, wait, on_lost))
