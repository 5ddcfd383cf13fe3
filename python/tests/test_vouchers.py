"""Vouchers on a real server: kept on disk, good without the server, and on no other machine, time or file."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from seatkeeper import (
    AsyncClient,
    BadSignature,
    Client,
    LicenseError,
    NotConfigured,
    ServerUnreachable,
    Session,
    VoucherRefused,
)
from seatkeeper import _vouchers as module
from seatkeeper._clock import Timing
from seatkeeper._opening import Seat, close_session
from seatkeeper._vouchers import Vouchers
from support import Server, app_key, backend_key, isv, projects_license, root, users_license

day = timedelta(days=1)
minute = 60.0


class Machine:
    """A machine with its folder, its clock and its name."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.now = server.now()
        self.key_set = server.key_set()

    def client(self, **more: Any) -> Client:
        known = {"key_set": self.key_set, "state_dir": self.folder, "device": "laptop"}
        return self.server.client(**{**known, "timing": Timing(wall=lambda: self.now), **more})

    def checkout(self, **more: Any) -> None:
        with self.client(**more) as client:
            client.session(users_license, user="Anna", checkout=day).detach()

    def reason(self, **more: Any) -> str:
        """Why the voucher is refused to a program that has no network."""
        known = {"key_set": self.key_set, "state_dir": self.folder, "device": "laptop"}
        timing = Timing(wall=lambda: self.now)
        with Client("http://127.0.0.1:9", isv, backend_key, timing=timing, **{**known, **more}) as client:
            try:
                client.voucher(users_license, user="Anna")
            except VoucherRefused as refused:
                return refused.reason
            return "good"

    def file(self, pattern: str) -> Path:
        (found,) = (self.folder / "vouchers").glob(pattern)
        return found


@pytest.fixture
def machine(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setattr(module, "machine_id", lambda: "machine-1")
    yield Machine(server, tmp_path / "laptop")
    for line in server.sessions(users_license):
        server.admin("DELETE", f"/licenses/{users_license}/opensessions/{line['id']}")


@pytest.fixture
def kept(machine: Machine) -> Machine:
    machine.checkout()
    assert machine.reason() == "good"
    return machine


def test_a_checkout_is_good_offline_and_says_what_was_granted(kept: Machine) -> None:
    with kept.client() as client:
        voucher = client.voucher(users_license, user="Anna")
    assert (voucher.license_id, voucher.user, voucher.device) == (users_license, "Anna", "laptop")
    assert voucher.valid_until - voucher.valid_from == day
    assert voucher.has("Export")
    assert not voucher.has("Nothing")
    assert voucher.limitations == {"Cores": 4}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_files_are_their_owners_alone(kept: Machine) -> None:
    folder = kept.folder / "vouchers"
    assert sorted(path.suffix or path.name for path in folder.iterdir()) == [".jwt", ".key", "clock"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_is_closed_is_over_for_the_machine_too(machine: Machine) -> None:
    with machine.client() as client:
        session: Session = client.session(users_license, user="Anna", checkout=day)
        assert machine.reason() == "good"
        assert session.close()
    assert machine.reason() == "missing"


def test_ordinary_sessions_leave_one_where_it_is_asked_for(machine: Machine) -> None:
    with machine.client() as client:
        with client.session(users_license, user="Anna"):
            assert machine.reason() == "missing"
        with client.session(users_license, user="Anna", voucher=True) as session:
            first = client.voucher(users_license, user="Anna")
            machine.server.advance(120)
            machine.now += 120
            session._lease._next_at = 0.0
            session._lease.renew_if_due()
            assert client.voucher(users_license, user="Anna").valid_until == first.valid_until + timedelta(minutes=2)


def test_for_asyncio_alike(machine: Machine) -> None:
    async def main() -> str | None:
        known: dict[str, Any] = {"key_set": machine.key_set, "state_dir": machine.folder, "device": "laptop"}
        timing = Timing(wall=lambda: machine.now)
        async with (
            AsyncClient(machine.server.url, isv, backend_key, timing=timing, **known) as client,
            client.session(users_license, user="Anna", checkout=day),
        ):
            return client.voucher(users_license, user="Anna").user

    assert asyncio.run(main()) == "Anna"


def test_a_checkout_that_cannot_be_kept_is_not_made(machine: Machine) -> None:
    machine.folder.write_text("a file where the folder should be")
    with pytest.raises(OSError, match="laptop"):
        machine.checkout()
    assert machine.server.sessions(users_license) == []


def test_closing_is_a_check_in_with_the_devices_word(machine: Machine) -> None:
    with machine.client() as client, client.session(users_license, user="Anna", checkout=day):
        assert machine.reason() == "good"
    assert machine.reason() == "missing"
    assert machine.server.sessions(users_license) == []


def test_without_a_network_nothing_is_given_up(kept: Machine) -> None:
    known: dict[str, Any] = {"key_set": kept.key_set, "state_dir": kept.folder, "device": "laptop"}
    timing = Timing(wall=lambda: kept.now)
    nowhere = Client("http://127.0.0.1:9", isv, backend_key, timing=timing, **known)
    with nowhere as client, pytest.raises(ServerUnreachable) as raised:
        client.session(users_license, user="Anna")
    assert raised.value.never_arrived
    assert kept.reason() == "good"


def test_a_network_that_loses_every_answer_gives_nothing_up(kept: Machine) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("lost", request=request)

    timing = Timing(wall=lambda: kept.now, sleep=lambda _: None)
    with kept.client(timing=timing, transport=httpx.MockTransport(lost)) as client, pytest.raises(ServerUnreachable):
        client.session(users_license, user="Anna")
    assert kept.reason() == "good"


def test_a_folder_that_cannot_be_read_keeps_no_session_from_its_close(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    client = machine.client(state_dir=tmp_path / "file" / "folder")
    assert client.session(users_license, user="Anna").close()
    assert machine.server.sessions(users_license) == []
    with pytest.raises(OSError, match="Not a directory"):
        client.session(users_license, user="Anna", checkout=day)
    assert machine.server.sessions(users_license) == []


def test_a_voucher_that_cannot_be_removed_is_not_said_to_be_given_up(
    kept: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(path: Path, **_: object) -> None:
        raise PermissionError(path)

    with kept.client() as client:
        session = client.session(users_license, user="Anna")
        monkeypatch.setattr("pathlib.Path.unlink", read_only)
        assert not session.close()
    monkeypatch.undo()
    monkeypatch.setattr(module, "machine_id", lambda: "machine-1")
    assert (kept.reason(), len(kept.server.sessions(users_license))) == ("good", 1)


def test_another_machine_cannot_check_it_in(kept: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (session,) = kept.server.sessions(users_license)
    there = Vouchers(isv, kept.key_set, tmp_path / "there")
    monkeypatch.setattr(module, "machine_id", lambda: "machine-2")
    seat, timing = Seat(users_license, "laptop", "Anna"), Timing()
    with kept.client(state_dir=tmp_path / "there") as client, pytest.raises(LicenseError) as refused:
        client._channel.run(close_session(seat, session["session_id"], timing, there))
    assert (refused.value.id, refused.value.voucher_id) == (14009, session["id"])
    monkeypatch.setattr(module, "machine_id", lambda: "machine-1")
    assert kept.reason() == "good"


def test_a_voucher_that_is_lost_is_given_up_all_the_same(kept: Machine) -> None:
    kept.file("*.jwt").unlink()
    (session,) = kept.server.sessions(users_license)
    with kept.client() as client:
        vouchers, seat = client._channel.vouchers, Seat(users_license, "laptop", "Anna")
        client._channel.run(close_session(seat, session["session_id"], Timing(), vouchers))
    assert kept.server.sessions(users_license) == []


def test_beyond_the_editions_early_check_ins_it_is_kept(machine: Machine) -> None:
    (edition,) = machine.server.admin("GET", "/templates?name=Users")
    allow = {"id": edition["id"], "max_early_check_ins_per_month": 0}
    machine.server.admin("PATCH", "/templates", json=allow)
    with machine.client() as client:
        assert client.session(users_license, user="Anna", checkout=day).close() is False
    assert machine.reason() == "good"
    machine.server.admin("PATCH", "/templates", json={**allow, "max_early_check_ins_per_month": None})


def test_without_a_key_set_there_are_none(server: Server) -> None:
    with server.client() as client, pytest.raises(NotConfigured, match="key_set="):
        client.voucher(users_license, user="Anna")


def test_refused_on_another_machine_with_everything_copied(
    kept: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(kept.folder, tmp_path / "copy")
    assert kept.reason(state_dir=tmp_path / "copy") == "good"
    monkeypatch.setattr(module, "machine_id", lambda: "machine-2")
    assert kept.reason(state_dir=tmp_path / "copy") == "other_device"


def test_refused_after_its_end_and_before_its_start(kept: Machine) -> None:
    start = kept.now
    kept.now = start + day.total_seconds() - 1
    assert kept.reason() == "good"
    kept.now += 2
    assert kept.reason() == "over"
    kept.file("clock").unlink()
    vouchers = Vouchers(isv, kept.key_set, kept.folder)
    vouchers.saw(start - 30 * minute)
    kept.now = start - 5 * minute
    assert kept.reason() == "good"
    kept.now -= 2
    assert kept.reason() == "not_yet"


def test_refused_when_the_clock_was_set_back(kept: Machine) -> None:
    kept.now += 60 * minute
    assert kept.reason() == "good"
    kept.now -= 6 * minute
    assert kept.reason() == "clock_set_back"
    kept.now += 2 * minute
    assert kept.reason() == "good"


def test_signed_answers_advance_the_time_seen(kept: Machine) -> None:
    kept.server.advance(30 * minute)
    assert kept.reason() == "good"
    with kept.client() as client:
        client.tokens(users_license)
    assert kept.reason() == "clock_set_back"


def gone(clock: Path) -> None:
    clock.unlink()


def set_back(clock: Path) -> None:
    clock.write_text("0" + clock.read_text()[1:])


@pytest.mark.parametrize("touch", [gone, set_back])
def test_refused_without_the_record_of_time_until_a_signed_answer(kept: Machine, touch: Callable[[Path], None]) -> None:
    touch(kept.file("clock"))
    assert kept.reason() == "clock_unknown"
    with kept.client() as client:
        client.tokens(users_license)
    assert kept.reason() == "good"


def test_refused_when_the_record_of_time_or_the_key_is_no_text(kept: Machine) -> None:
    kept.file("clock").write_bytes(b"\xff\xfe")
    assert kept.reason() == "clock_unknown"
    with kept.client() as client:
        client.tokens(users_license)
    assert kept.reason() == "good"
    kept.file("device.key").write_bytes(b"\xff\xfe")
    with kept.client() as client:
        client.tokens(users_license)
    assert kept.reason() == "other_device"


def fresh_vouchers(server: Server, folder: Path) -> Vouchers:
    return Vouchers(isv, server.key_set(), folder)


def test_an_empty_device_key_is_none(server: Server, tmp_path: Path) -> None:
    """A program was killed between making the file and writing it: of no key, every such machine has the same."""
    (tmp_path / "vouchers").mkdir()
    path = tmp_path / "vouchers" / "device.key"
    path.touch()
    key = fresh_vouchers(server, tmp_path).wish().device_key
    assert len(path.read_text()) == 43
    assert fresh_vouchers(server, tmp_path).wish().device_key == key


@pytest.mark.parametrize("has_links", [True, False])
def test_a_device_key_appears_whole(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    def link(made: Path, path: Path) -> None:
        assert not path.exists()
        assert len(made.read_text()) == 43
        if not has_links:
            raise PermissionError("no links on this file system")
        made.rename(path)

    monkeypatch.setattr("seatkeeper._vouchers.os.link", link)
    key = fresh_vouchers(server, tmp_path).wish().device_key
    assert [path.name for path in (tmp_path / "vouchers").iterdir()] == ["device.key"]
    assert fresh_vouchers(server, tmp_path).wish().device_key == key


def test_the_device_key_of_another_program_stands(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_was_first(made: Path, path: Path) -> None:
        monkeypatch.undo()
        others.append(fresh_vouchers(server, tmp_path).wish().device_key)
        os.link(made, path)

    others: list[str | None] = []
    monkeypatch.setattr("seatkeeper._vouchers.os.link", other_was_first)
    assert [fresh_vouchers(server, tmp_path).wish().device_key] == others
    assert [path.name for path in (tmp_path / "vouchers").iterdir()] == ["device.key"]


def test_the_machine_is_asked_for_once(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def machine_id() -> str:
        asked.append("machine-1")
        return asked[-1]

    monkeypatch.setattr(module, "machine_id", machine_id)
    vouchers = fresh_vouchers(server, tmp_path)
    for at in range(5):
        vouchers.saw(at * 100)
    assert asked == ["machine-1"]


def test_refused_when_any_character_changes(kept: Machine) -> None:
    path = kept.file("*.jwt")
    text = path.read_text()
    for at in range(0, len(text), 7):
        path.write_text(text[:at] + ("Q" if text[at] == "A" else "A") + text[at + 1 :])
        assert kept.reason() == "signature", at
    path.write_text(text)
    assert kept.reason() == "good"


def test_unless_devices_do_not_matter(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.checkout(device_bound=False)
    monkeypatch.setattr(module, "machine_id", lambda: "machine-2")
    assert machine.reason(device_bound=False) == "good"
    assert machine.reason() == "other_device"


def test_an_older_voucher_in_its_place_is_noticed_by_the_nonce(kept: Machine) -> None:
    vouchers = Vouchers(isv, kept.key_set, kept.folder)
    seat = Seat(users_license, "laptop", "Anna")
    for wrong in (kept.file("*.jwt").read_text(), None, "x"):
        with pytest.raises(BadSignature):
            vouchers.keep(seat, vouchers.wish(), wrong)


def test_the_typescript_client_reads_what_this_one_keeps(server: Server, tmp_path: Path) -> None:
    """Without the fixture: both ask the system for the machine."""
    machine = Machine(server, tmp_path)
    machine.checkout()
    code = f"""
        import {{ connect }} from "{root}/client/dist/esm/index.js";
        import {{ voucherFolder }} from "{root}/client/dist/esm/offline.js";
        const vouchers = voucherFolder({{ folder: process.argv[1], now: () => {machine.now * 1000} }});
        const keySet = {json.dumps(machine.key_set)};
        const seats = connect({{ url: "http://127.0.0.1:9", isv: "{isv}", apiKey: "x", keySet, vouchers }});
        const seat = {{ license: "{users_license}", user: "Anna", client: "laptop" }};
        console.log((await seats.voucher(seat)).has("Export"));
    """
    path = f"{root / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
    command = ["/usr/bin/env", "node", "--input-type=module", "-e", code, str(tmp_path)]
    told = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    assert (told.stdout, told.stderr) == ("true\n", "")
    for line in server.sessions(users_license):
        server.admin("DELETE", f"/licenses/{users_license}/opensessions/{line['id']}")


def test_a_backend_mints_tokens_for_pages(server: Server) -> None:
    with server.client() as client:
        token = client.client_token(users_license, user="anna", lifetime_seconds=60)
    body = {"license_id": users_license, "client_id": "anna"}
    headers = {"Authorization": f"Bearer {token}"}
    for call in ("open", "close"):
        address = f"{server.url}/api/v2/isv/{isv}/provisioning/session/{call}"
        assert httpx.post(address, json=body, headers=headers).status_code == 200
    with server.launcher("anna") as launcher, server.client() as client:
        project = launcher.create_project("page")
        launcher.open_project(project, "team")
        token = client.client_token(projects_license, user="anna", device="tab", project=project.id)
        body = {"license_id": projects_license, "client_id": "tab", "project_id": project.id}
        for call in ("open", "close"):
            address = f"{server.url}/api/v2/isv/{isv}/provisioning/session/{call}"
            headers = {"Authorization": f"Bearer {token}"}
            assert httpx.post(address, json=body, headers=headers).status_code == 200
        launcher.delete_project(project, force=True)
    with server.client(api_key=app_key) as client, pytest.raises(Exception, match="scope app"):
        client.client_token(users_license, user="anna")
