"""A process's end, its signals and its forks, with real processes and the real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seatkeeper import Session
from seatkeeper._clock import Timing
from support import Server, backend_key, isv, projects_license, tenant, users_license


@pytest.fixture
def program(server: Server, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a program that has a client; all that it prints is read, line by line."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str) -> subprocess.Popen[str]:
        head = "import os, signal, sys, time\nfrom seatkeeper import *\n"
        head += f"client = Client({server.url!r}, {isv!r}, {backend_key!r})\n"
        head += "def say(*words): print(*words, flush=True)\n"
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", head + textwrap.dedent(text)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PATH": os.environ["PATH"], "SEATKEEPER_STATE_DIR": str(tmp_path / "state")},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    server.admin("POST", f"/licenses/{users_license}/opensessions/close")


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def users(server: Server) -> list[str]:
    return sorted(line["user_id"] for line in server.sessions(users_license))


def test_the_exit_hook_gives_back_what_is_left(server: Server, program: Callable[..., subprocess.Popen[str]]) -> None:
    ended = program(f"session = client.session({users_license!r}, user='anna'); sys.exit('bye')")
    assert ended.communicate(timeout=20)[0] == "bye\n"
    assert users(server) == []


def test_asynchronous_sessions_are_given_back_too(
    server: Server, program: Callable[..., subprocess.Popen[str]]
) -> None:
    ended = program(
        f"""
        import asyncio
        async def main():
            global client, session
            client = AsyncClient({server.url!r}, {isv!r}, {backend_key!r})
            session = await client.session({users_license!r}, user='anna')
        asyncio.run(main())
        session.require()
        """
    )
    assert ended.communicate(timeout=20)[0] == ""
    assert users(server) == []


def test_an_unhandled_error_gives_it_back_too(server: Server, program: Callable[..., subprocess.Popen[str]]) -> None:
    ended = program(f"session = client.session({users_license!r}, user='anna'); 1 / 0")
    assert "ZeroDivisionError" in ended.communicate(timeout=20)[0]
    assert users(server) == []


def test_the_thread_keeps_no_process_alive(server: Server, program: Callable[..., subprocess.Popen[str]]) -> None:
    ended = program(f"session = client.session({users_license!r}, user='anna'); session.detach(); session = None")
    assert ended.communicate(timeout=10)[0] == ""
    server.client().session(users_license, user="anna").close()


def test_ctrl_c_in_a_block_gives_it_back(server: Server, program: Callable[..., subprocess.Popen[str]]) -> None:
    running = program(
        f"""
        with client.session({users_license!r}, user='anna'):
            say('in')
            time.sleep(60)
        """
    )
    assert said(running) == "in"
    assert users(server) == ["anna"]
    running.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in running.communicate(timeout=20)[0]
    assert users(server) == []


def test_del_gives_it_back(server: Server, program: Callable[..., subprocess.Popen[str]]) -> None:
    running = program(
        f"""
        session = client.session({users_license!r}, user='anna')
        del session
        say(client.tokens({users_license!r})['floating'].used, len(held()))
        """
    )
    assert said(running) == "0 0"


def test_a_killed_program_resumes_its_session(server: Server, program: Callable[..., subprocess.Popen[str]]) -> None:
    text = f"session = client.session({users_license!r}, user='anna'); say(session.session_id); sys.stdin.readline()"
    killed = program(text)
    session_id = said(killed)
    beside = program(text)
    assert said(beside) != session_id, "the id is locked while its program runs"
    beside.communicate("\n", timeout=20)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    again = program(text)
    assert said(again) == session_id
    again.communicate("\n", timeout=20)
    assert users(server) == []


def test_a_forked_child_neither_extends_nor_releases(
    server: Server, program: Callable[..., subprocess.Popen[str]]
) -> None:
    running = program(
        f"""
        session = client.session({users_license!r}, user='anna')
        child = os.fork()
        if child == 0:
            try:
                session.require()
            except SessionLost as lost:
                say(lost.reason, len(held()), session.close(), release_all(), session.is_held)
            with client.session({users_license!r}, user='ben') as own:
                say(own.session_id != session.session_id, own.is_held)
            del session
            sys.exit()
        os.waitpid(child, 0)
        session.require()
        say(client.tokens({users_license!r})['floating'].used)
        """
    )
    assert said(running) == "forked 0 False 0 False"
    assert said(running) == "True True"
    assert said(running) == "1"
    assert running.communicate(timeout=20)[0] == ""
    assert users(server) == []


def test_a_child_that_outlives_its_parent_does_not_keep_the_session_id(
    server: Server, program: Callable[..., subprocess.Popen[str]]
) -> None:
    parent = program(
        f"""
        session = client.session({users_license!r}, user='anna')
        child = os.fork()
        if child == 0:
            os.closerange(0, 3)
            time.sleep(30)
            os._exit(0)
        say(session.session_id, child)
        time.sleep(30)
        """
    )
    session_id, child = said(parent).split()
    parent.kill()
    parent.wait()
    again = program(f"with client.session({users_license!r}, user='anna') as s: say(s.session_id)")
    assert said(again) == session_id
    again.communicate(timeout=20)
    os.kill(int(child), signal.SIGKILL)


short = tenant.replace("client_type: users, session_period: 10", "client_type: users, session_period: 1")


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> Timing:
    """A clock that runs fifty times faster than ours, for the thread, which looks at it all the time."""
    monkeypatch.setattr("seatkeeper._lease.look_s", 0.005)
    begin = time.monotonic()
    return Timing(monotonic=lambda: begin + (time.monotonic() - begin) * 50)


def test_the_thread_extends_by_itself(tmp_path: Path, fast: Timing) -> None:
    with Server("serve", tmp_path, short) as server, server.client(timing=fast) as client:
        with client.session(users_license, user="anna") as session:
            first = session.valid_until
            assert _eventually(lambda: session.valid_until > first)
            session.require()
            names = [thread.name for thread in threading.enumerate() if thread.daemon]
            assert any(name.startswith("seatkeeper-") for name in names)
        assert _eventually(lambda: not any(t.name.startswith("seatkeeper-") for t in threading.enumerate()))


def test_a_server_that_is_away_for_less_than_the_window_loses_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatkeeper._lease.look_s", 0.005)
    server = Server("serve", tmp_path, short)
    port = int(server.url.rsplit(":", 1)[1])
    begin = time.monotonic()
    fast = Timing(monotonic=lambda: begin + (time.monotonic() - begin) * 10)
    lost: list[object] = []
    with server.client(timing=fast) as client:
        session: Session = client.session(users_license, user="anna", on_lost=lost.append)
        server.stop()
        assert _eventually(lambda: session._lease._failures > 0)
        first = session.valid_until
        with Server("serve", tmp_path, short, port):
            assert _eventually(lambda: session.valid_until > first)
            session.require()
            assert session.close()
    assert lost == []


def test_a_server_that_stays_away_loses_the_session(tmp_path: Path, fast: Timing) -> None:
    server = Server("serve", tmp_path, short)
    lost: list[object] = []
    with server.client(timing=fast) as client:
        session = client.session(users_license, user="anna", on_lost=lost.append)
        server.stop()
        assert _eventually(lambda: len(lost) == 1)
        assert not session.is_held


def _eventually(is_so: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_projects_are_left_at_the_exit_too(server: Server, program: Callable[..., subprocess.Popen[str]]) -> None:
    ended = program(
        f"""
        launcher = Launcher(url={server.url!r}, isv={isv!r}, api_key={backend_key!r}, license={projects_license!r})
        launcher.create_project('exit'), launcher.open_project('exit', 'mono')
        project = launcher.connect('exit')
        cycle = [project]; cycle.append(cycle)
        """
    )
    assert ended.communicate(timeout=20)[0] == ""
    with server.launcher("anna") as launcher:
        assert launcher.licenses().mono_left == 2
        launcher.delete_project("exit")


def test_a_program_that_was_suspended_for_longer_than_its_session_knows_that_it_is_lost(
    server: Server, program: Callable[..., subprocess.Popen[str]]
) -> None:
    suspended = program(
        f"""
        from datetime import timedelta
        session = client.session({users_license!r}, user='anna', checkout=timedelta(seconds=1.5))
        session.require()
        say('held')
        sys.stdin.readline()
        try:
            session.require()
            say('still held')
        except SessionLost:
            say('lost')
        """
    )
    assert said(suspended) == "held"
    suspended.send_signal(signal.SIGSTOP)
    # Real time, because that is what a suspended process cannot be told otherwise.
    time.sleep(2)
    suspended.send_signal(signal.SIGCONT)
    assert suspended.stdin is not None
    suspended.stdin.write("\n")
    suspended.stdin.flush()
    assert said(suspended) == "lost"
