"""The calls about projects, as steps that both launchers take. None of them takes a token."""

from __future__ import annotations

import math
import re
from typing import Any

from ._clock import Timing, seconds
from ._errors import ExecutionTimeout, ProjectError, ProjectUnknown
from ._models import ExecutionProgress, LicenseInfo, LicenseKind, ProjectInfo, lines, text
from ._steps import Pause, Steps, fetch
from ._wire import Call, segment

ProjectRef = ProjectInfo | str
"""A project by what was told of it, by its id, or by its name."""

page_size = 1_000
poll_first_s, poll_growth = 0.5, 1.5
"""
Waiting for an execution looks often at first, and then at most every `poll_seconds`. It pauses no less than at first,
whatever is asked for: the server has others to answer.
"""
execution_over = 13014


def tokens(license_id: str, timing: Timing) -> Steps[LicenseInfo]:
    return fetch(Call("GET", f"/licenses/{segment(license_id)}/tokens"), timing, LicenseInfo.of)


def _projects(body: object) -> list[ProjectInfo]:
    return [ProjectInfo.of(line) for line in lines(body)]


class ProjectCalls:
    """Of one licence."""

    def __init__(self, license_id: str, timing: Timing) -> None:
        self.license_id = license_id
        self._timing = timing

    def tokens(self) -> Steps[LicenseInfo]:
        return tokens(self.license_id, self._timing)

    def list(self) -> Steps[list[ProjectInfo]]:
        found: list[ProjectInfo] = []
        for page in range(1, 1_000_000):
            params = {"license_id": self.license_id, "page": str(page), "page_size": str(page_size)}
            page_of_them = yield from fetch(Call("GET", "/projects", params=params), self._timing, _projects)
            found += page_of_them
            if len(page_of_them) < page_size:
                break
        return found

    def find(self, project: ProjectRef, give_up_at: float = math.inf) -> Steps[ProjectInfo]:
        """As it is now. A text that reads as a UUID is an id, any other a name."""
        project_id = _id(project)
        if project_id is not None:
            call = Call("GET", f"/projects/{project_id}")
            return (yield from fetch(call, self._timing, ProjectInfo.of, give_up_at))
        params = {"license_id": self.license_id, "name": str(project)}
        found = yield from fetch(Call("GET", "/projects", params=params), self._timing, _projects, give_up_at)
        if not found:
            raise ProjectUnknown(f"The licence has no project {project!r}.", "project_unknown", 13005)
        return found[0]

    def identify(self, project: ProjectRef, give_up_at: float = math.inf) -> Steps[str]:
        project_id = _id(project)
        if project_id is None:
            project_id = (yield from self.find(project, give_up_at)).id
        return project_id

    def create(self, name: str) -> Steps[ProjectInfo]:
        body = {"license_id": self.license_id, "name": name}
        # Sent twice, it would be refused for the name that it took itself.
        call = Call("POST", "/projects", body, expects=201, is_safe_to_repeat=False)
        return fetch(call, self._timing, ProjectInfo.of)

    def delete(self, project: ProjectRef, force: bool) -> Steps[None]:
        project_id = yield from self.identify(project)
        params = {"force": "true"} if force else {}
        call = Call("DELETE", f"/projects/{project_id}", params=params, expects=204, is_safe_to_repeat=False)
        yield from fetch(call, self._timing, lambda whatever: None)

    def open(self, project: ProjectRef, kind: LicenseKind | None) -> Steps[ProjectInfo]:
        return self._act(project, "open", {} if kind is None else {"kind": kind.value})

    def save(self, project: ProjectRef) -> Steps[ProjectInfo]:
        return self._act(project, "save", {})

    def close(self, project: ProjectRef, save: bool, force: bool) -> Steps[ProjectInfo]:
        project_id = yield from self.identify(project)
        if save:
            yield from self._act(project_id, "save", {})
        return (yield from self._act(project_id, "close", {"force": True} if force else {}))

    def reopen(self, project: ProjectRef, kind: LicenseKind | None, force: bool) -> Steps[ProjectInfo]:
        project_id = yield from self.identify(project)
        yield from self.close(project_id, True, force)
        return (yield from self.open(project_id, kind))

    def switch(self, project: ProjectRef, kind: LicenseKind) -> Steps[ProjectInfo]:
        return self._act(project, "kind", {"kind": kind.value})

    def progress(self, project: ProjectRef, give_up_at: float = math.inf) -> Steps[ExecutionProgress]:
        project_id = yield from self.identify(project, give_up_at)
        call = Call("GET", f"/projects/{project_id}/progress")
        return (yield from fetch(call, self._timing, ExecutionProgress.of, give_up_at))

    def wait(self, project: ProjectRef, timeout_s: float | None, poll_s: float) -> Steps[ExecutionProgress]:
        """Looks until the latest execution does not run any more."""
        pause_max_s = max(poll_first_s, seconds(poll_s, "poll_seconds"))
        wait_s = math.inf if timeout_s is None else seconds(timeout_s, "timeout_seconds", may_be_endless=True)
        give_up_at = self._timing.monotonic() + wait_s
        project_id = yield from self.identify(project, give_up_at)
        pause = poll_first_s
        while (progress := (yield from self.progress(project_id, give_up_at))).is_running:
            left = give_up_at - self._timing.monotonic()
            if left <= 0:
                raise ExecutionTimeout(f"the execution still runs: {progress}")
            yield Pause(min(pause, left))
            pause = min(pause_max_s, pause * poll_growth)
        return progress

    def start_execution(
        self, project_id: str, session_id: str, name: str, units_total: int | None
    ) -> Steps[tuple[str, str]]:
        """The execution's id and its secret."""
        body = {"session_id": session_id, "name": name}
        more = {} if units_total is None else {"units_total": units_total}
        path = f"/projects/{project_id}/executions"
        call = Call("POST", path, {**body, **more}, expects=201, is_safe_to_repeat=False)
        return fetch(call, self._timing, lambda started: (text(started["id"]), text(started["secret"])))

    def _act(self, project: ProjectRef, verb: str, body: dict[str, Any]) -> Steps[ProjectInfo]:
        project_id = yield from self.identify(project)
        call = Call("POST", f"/projects/{project_id}/{verb}", body)
        return (yield from fetch(call, self._timing, ProjectInfo.of))


def report(
    timing: Timing,
    project_id: str,
    execution_id: str,
    secret: str,
    units_done: int | None,
    message: str | None,
    state: str | None,
) -> Steps[ExecutionProgress]:
    said = {"units_done": units_done, "message": message, "state": state}
    body = {"secret": secret, **{name: value for name, value in said.items() if value is not None}}
    path = f"/projects/{segment(project_id)}/executions/{segment(execution_id)}"
    try:
        return (yield from fetch(Call("PATCH", path, body), timing, ExecutionProgress.of))
    except ProjectError as error:
        # A repeated "finished" whose first answer was lost is done, like a repeated close.
        if error.id != execution_over or state is None:
            raise
        project = yield from fetch(Call("GET", f"/projects/{segment(project_id)}"), timing, ProjectInfo.of)
        ends = [x.progress for x in project.executions if x.id == execution_id and x.progress.state == state]
        if not ends:
            raise
        return ends[0]


_uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
"""Python's own reader takes underscores and digits of any script for one as well, which a project may be called."""


def _id(project: ProjectRef) -> str | None:
    if isinstance(project, ProjectInfo):
        return project.id
    return project if _uuid.fullmatch(project) else None
