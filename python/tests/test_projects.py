"""Projects on the real server: lifetime, names of REVEN's, executions, the command."""

from __future__ import annotations

import asyncio
import gc
import pickle
import weakref
from collections.abc import Iterator

import pytest

import seatkeeper
from seatkeeper import (
    AsyncLauncher,
    Disconnected,
    Execution,
    ExecutionProgress,
    Launcher,
    LicenseError,
    NotAuthorized,
    NoTokenLeft,
    Project,
    ProjectAttended,
    ProjectError,
    ProjectExecuting,
    ProjectInUse,
    ProjectUnknown,
    RequestRefused,
    SessionLost,
    aconnect,
    connect,
    held,
    launcher_connection,
    release_all,
    try_connect,
)
from seatkeeper.__main__ import main
from support import Server, app_key, backend_key, crash, environment, isv, projects_license


@pytest.fixture
def launcher(server: Server) -> Iterator[Launcher]:
    with server.launcher("anna") as launcher:
        yield launcher
        release_all()
        for project in launcher.projects():
            launcher.delete_project(project, force=True)


def opened(launcher: Launcher, name: str, kind: str = "mono") -> str:
    launcher.create_project(name)
    return launcher.open_project(name, kind).id


def test_a_connection_is_a_context_manager(launcher: Launcher) -> None:
    opened(launcher, "P")
    with connect(launcher, "P") as project:
        assert project.connected
        assert launcher.project("P").users[0].session_id == project.session_id
        assert (project.name, project.kind, project.user) == ("P", "mono", "anna")
        assert "connected as anna" in repr(project)
    assert launcher.licenses().mono_left == 2
    assert not project.connected
    assert project.disconnect(), "again: nothing"
    for use in (project.require, project.start_execution, project.execution_status, project.save):
        with pytest.raises(Disconnected):
            use()


def test_the_block_releases_on_errors_and_interrupts(launcher: Launcher) -> None:
    opened(launcher, "P")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), launcher.connect("P"):
            raise error
        assert launcher.licenses().mono_left == 2


def test_try_connect_is_none_for_a_refusal_alone(server: Server, launcher: Launcher) -> None:
    opened(launcher, "P")
    launcher.create_project("closed")
    with launcher.connect("P"), server.launcher("ben") as other:
        assert try_connect(other, "P") is None
        with pytest.raises(ProjectError):
            try_connect(other, "closed")
        with pytest.raises(ProjectUnknown):
            try_connect(other, "nowhere")
        with pytest.raises(ProjectUnknown):
            other.project(isv)
    project = launcher.try_connect("P")
    assert project is not None
    project.disconnect()


def test_the_last_reference_gives_the_token_back(launcher: Launcher) -> None:
    opened(launcher, "P")
    project = launcher.connect("P")
    gone = weakref.ref(project)
    gc.disable()
    try:
        del project
        assert gone() is None
    finally:
        gc.enable()
    assert launcher.licenses().mono_left == 2


def test_a_refusal_holds_no_half_built_project(server: Server, launcher: Launcher) -> None:
    opened(launcher, "P")
    with launcher.connect("P"), server.launcher("ben") as other:
        with pytest.raises(ProjectInUse) as caught:
            other.connect("P")
        assert [note.user for note in held()] == ["anna"]
        copy = pickle.loads(pickle.dumps(caught.value))
        assert isinstance(copy, ProjectInUse)
        assert copy.holders == caught.value.holders


def test_held_and_release_all(launcher: Launcher) -> None:
    opened(launcher, "P")
    opened(launcher, "Q", "team")
    projects = [launcher.connect("P"), launcher.connect("Q")]
    assert sorted(str(note.project) for note in held()) == ["P", "Q"]
    assert release_all() == 2
    assert held() == []
    assert not any(project.connected for project in projects)
    assert (launcher.licenses().mono_left, launcher.licenses().team_left) == (2, 1)


def test_executions_go_on_without_their_user(server: Server, launcher: Launcher) -> None:
    project_id = opened(launcher, "P")
    with launcher.connect("P") as project:
        execution = project.start_execution("trace", units_total=10)
        assert project.execution_status().state == "running"
        project.save()
    assert launcher.project("P").saved
    execution.report(units_done=5, message="half")
    progress = launcher.execution_progress("P")
    assert (progress.fraction, progress.message) == (0.5, "half")
    assert str(progress) == "running 50% (5 of 10): half"
    with pytest.raises(ProjectExecuting):
        launcher.close_project("P")
    with pytest.raises(TimeoutError):
        launcher.wait_execution("P", timeout_seconds=0.0)
    worker = launcher.execution(project_id, execution.id, execution.secret)
    worker.fail("out of memory")
    assert launcher.wait_execution("P").state == "failed"
    assert worker.fail("again").message == "out of memory"
    with pytest.raises(ProjectError):
        worker.finish()
    with pytest.raises(ProjectError):
        worker.report(units_done=6)
    with pytest.raises(NotAuthorized):
        Execution(launcher._channel, project_id, execution.id, "wrong").finish()
    with pytest.raises(RequestRefused):
        launcher.execution(project_id, isv, "wrong").finish()


def test_attended_projects_close_by_force_alone(server: Server, launcher: Launcher) -> None:
    opened(launcher, "P")
    lost: list[SessionLost] = []
    project = launcher.connect("P", on_lost=lost.append)
    with pytest.raises(ProjectAttended):
        launcher.close_project("P")
    with server.launcher("ben", api_key=app_key) as app, pytest.raises(NotAuthorized):
        app.close_project("P", force=True)
    launcher.close_project("P", save=True, force=True)
    project._lease._next_at = 0
    project._lease.renew_if_due()
    with pytest.raises(SessionLost, match="closed"):
        project.require()
    assert lost[0].reason == "project_closed"
    assert launcher.licenses().mono_left == 2


def test_a_crashed_user_resumes_a_mono_project(server: Server, launcher: Launcher) -> None:
    opened(launcher, "P")
    crashed = launcher.connect("P")
    session_id = crashed.session_id
    crash(crashed)
    with launcher.connect("P") as project:
        assert project.session_id == session_id
    # And a second program of the same user at the same time is another session, refused by a Mono project.
    with launcher.connect("P"), pytest.raises(ProjectInUse):
        launcher.connect("P")


def test_reopening_with_the_other_kind(launcher: Launcher) -> None:
    opened(launcher, "P")
    assert launcher.reopen_project("P", "team").kind == "team"
    launcher.delete_project("P")
    assert launcher.projects() == []


def test_the_names_that_reven_users_know(server: Server, launcher: Launcher) -> None:
    opened(launcher, "P", "team")
    host, port = "127.0.0.1", int(server.url.rsplit(":", 1)[1])
    known = {"SEATKEEPER_ISV": isv, "SEATKEEPER_API_KEY": backend_key, "SEATKEEPER_LICENSE": projects_license}
    with environment(**known, SEATKEEPER_USER="ben"):
        with launcher_connection(host, port) as system:
            info = system.system_licenses_info()
            assert (info.mono_left, info.team_left) == (2, 1)
            system.create_project("Q")
            system.open_project("Q", is_mono=False)
        project = Project(host, port, project="P")
        assert launcher.project("P").users[0].user == "ben"

        def progress() -> ExecutionProgress:
            try:
                return Project(host, port, project="Q").execution_status()
            except LicenseError as error:
                return ExecutionProgress(error)

        assert progress().state == "idle"
        project.disconnect()


def test_the_command(server: Server, launcher: Launcher, capsys: pytest.CaptureFixture[str]) -> None:
    launcher.create_project("P")
    known = {
        "SEATKEEPER_URL": server.url,
        "SEATKEEPER_ISV": isv,
        "SEATKEEPER_API_KEY": backend_key,
        "SEATKEEPER_LICENSE": projects_license,
    }
    with environment(**known):
        assert main(["open", "P", "--kind", "mono"]) == 0
        assert "P: open as mono" in capsys.readouterr().out
        with launcher.connect("P"):
            assert main(["status"]) == 0
            assert capsys.readouterr().out == "mono: 1 of 2 left, team: 1 of 1 left\nP: open as mono, with anna\n"
            assert main(["who"]) == 0
            assert "P\tmono\tanna" in capsys.readouterr().out
            assert main(["close", "P"]) == 1
            assert "connected" in capsys.readouterr().err
        assert main(["progress", "P"]) == 0
        assert capsys.readouterr().out == "idle\n"
        assert main(["close", "P", "--save"]) == 0
        assert main(["--url", "http://127.0.0.1:9", "status"]) == 3
        assert main(["progress", "nowhere"]) == 1
        assert main(["--license", "no-uuid", "status"]) == 1
    assert main(["status"]) == 2


def test_asynchronous_of_the_same_shape(server: Server, launcher: Launcher) -> None:
    async def program() -> None:
        async with AsyncLauncher(
            url=server.url, isv=isv, api_key=backend_key, license=projects_license, user="anna"
        ) as system:
            await system.create_project("P")
            await system.open_project("P", "team")
            async with system.connect("P") as project:
                assert (await system.licenses()).team_left == 0
                execution = await project.start_execution("trace", units_total=4)
                await execution.report(units_done=1)
                assert (await project.execution_status()).fraction == 0.25
                assert (await project.save()).saved
                assert "connected as anna" in repr(project)
            await execution.finish()
            assert (await system.wait_execution("P")).state == "finished"
            assert (await system.system_licenses_info()).team_left == 1
            await system.create_project("Q")
            await system.open_project("Q", is_mono=False)
            async with aconnect(system, "P"):
                with pytest.raises(NoTokenLeft):
                    await system.connect("Q")
                assert await system.try_connect("Q") is None
            await system.reopen_project("Q", "mono")
            await system.save_project("Q")
            await system.close_project("Q")
            await system.delete_project("Q")
            assert [info.name for info in await system.projects()] == ["P"]

    asyncio.run(program())


def test_both_colours_have_the_same_shape() -> None:
    for plain, coloured in (
        (seatkeeper.Client, seatkeeper.AsyncClient),
        (seatkeeper.Launcher, seatkeeper.AsyncLauncher),
        (seatkeeper.Session, seatkeeper.AsyncSession),
        (seatkeeper.Project, seatkeeper.AsyncProject),
        (seatkeeper.Execution, seatkeeper.AsyncExecution),
    ):
        names = [{name for name in dir(kind) if not name.startswith("_")} for kind in (plain, coloured)]
        assert names[0] == names[1]


def test_notebooks_show_what_is_held(launcher: Launcher, capsys: pytest.CaptureFixture[str]) -> None:
    opened(launcher, "<P>")
    magics = {}

    class Shell:
        def register_magic_function(self, function: object, kind: str, name: str) -> None:
            magics[name] = function

    seatkeeper.load_ipython_extension(Shell())
    with launcher.connect("<P>") as project:
        assert "&lt;P&gt;" in project._repr_html_()
        assert "&lt;P&gt;" in launcher.project("<P>")._repr_html_()
        assert "mono" in launcher.licenses()._repr_html_()
        magics["licenses"]("")  # type: ignore[operator]
        assert "project <P> for anna" in capsys.readouterr().out
        magics["release_licenses"]("")  # type: ignore[operator]
        assert capsys.readouterr().out == "1 released\n"
