"""The parts without a server: state files, signatures, counts, what the projects' calls send."""

from __future__ import annotations

import math
import os
import socket
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from seatkeeper import (
    BadSignature,
    Client,
    ExecutionProgress,
    ExecutionTimeout,
    Launcher,
    LicenseInfo,
    LicenseKind,
    NotConfigured,
    ProjectError,
    Redirected,
    RequestRefused,
    ServerUnreachable,
)
from seatkeeper._models import kind_of
from seatkeeper._opening import client_token
from seatkeeper._settings import address, state_folder, this_device, this_user
from seatkeeper._state import slot_key, take_slot
from support import Clock, Script, closed, denied, environment, granted, isv, new_project, scripted, users_license

key_set = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}
"""With the public key of RFC 8037's example."""


def launcher(script: Script, clock: Clock) -> Launcher:
    return Launcher("seatkeeper.test", 7070, isv=isv, api_key="k", license="l", user="anna",
                    transport=script.transport, timing=clock.timing)  # fmt: skip


def test_a_slot_is_locked_resumed_and_removed(tmp_path: Path) -> None:
    one, two = take_slot(tmp_path, "key"), take_slot(tmp_path, "key")
    assert one.session_id != two.session_id
    assert len(list(tmp_path.iterdir())) == 2
    two.drop()
    again = take_slot(tmp_path, "key")
    assert (again.session_id, again.is_resumed) == (two.session_id, True)
    again.clear()
    one.clear()
    assert list(tmp_path.iterdir()) == []
    assert not take_slot(tmp_path, "key").is_resumed


def test_a_damaged_or_unwritable_state_keeps_nobody_from_working(tmp_path: Path) -> None:
    (tmp_path / "key.0.json").write_text("{not json")
    slot = take_slot(tmp_path, "key")
    assert not slot.is_resumed
    slot.drop()
    assert take_slot(tmp_path, "key").session_id == slot.session_id
    (tmp_path / "file").write_text("")
    in_memory = take_slot(tmp_path / "file" / "folder", "key")
    in_memory.renew()
    in_memory.clear()


def test_a_state_file_that_cannot_be_written_does_not_stay_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("seatkeeper._state.os.write", full)
        in_memory = take_slot(tmp_path, "key")
    again = take_slot(tmp_path, "key")
    assert [path.name for path in tmp_path.iterdir()] == ["key.0.json"]
    assert again.session_id != in_memory.session_id
    again.clear()


def test_state_files_are_named_by_holder_and_are_the_owners_alone(tmp_path: Path) -> None:
    assert slot_key("a", "bc") != slot_key("ab", "c")
    slot = take_slot(tmp_path / "new", "key")
    mode = os.stat(tmp_path / "new" / "key.0.json").st_mode
    assert mode & 0o077 == 0
    slot.clear()


def test_where_state_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_folder(tmp_path) == tmp_path
    monkeypatch.delenv("SEATKEEPER_STATE_DIR")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "seatkeeper"
    monkeypatch.setattr("sys.platform", "darwin")
    assert str(state_folder()).endswith("/Library/Application Support/seatkeeper")
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert state_folder() == tmp_path / "seatkeeper"


def test_white_space_around_a_variable_is_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATKEEPER_DEVICE", "pc-7\r\n")
    monkeypatch.setenv("SEATKEEPER_USER", " anna\n")
    monkeypatch.setenv("SEATKEEPER_STATE_DIR", f"{tmp_path}\n")
    assert (this_device(), this_user(), state_folder()) == ("pc-7", "anna", tmp_path)
    for name in ("SEATKEEPER_DEVICE", "SEATKEEPER_USER"):
        monkeypatch.setenv(name, " ")
    monkeypatch.setattr("getpass.getuser", lambda: "account")
    assert (this_device(), this_user()) == (socket.gethostname(), "account")


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_a_host_may_be_an_ipv6_address(host: str) -> None:
    assert repr(Launcher(host, isv=isv, api_key="k", license="l", user="anna")) == (
        "<Launcher of http://[::1]:7070 for anna>"
    )


def test_an_account_without_home_and_name_works_as_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    for name in ("SEATKEEPER_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("pathlib.Path.home", nowhere)
    monkeypatch.setattr("getpass.getuser", nobody)
    script, clock = Script(granted(86_400), closed, granted()), Clock()
    client = scripted(script, clock)
    client.session(users_license, user="anna", checkout=timedelta(days=1)).close()
    assert script.body(0)["voucher"] is False, "there is no place to keep one"
    with pytest.raises(NotConfigured, match="user= is missing: pass it, or set SEATKEEPER_USER"):
        Launcher("seatkeeper.test", isv=isv, api_key="k", license="l")
    # The key set holds for answers all the same.
    signed = scripted(script, clock, key_set=key_set)
    with pytest.raises(BadSignature):
        signed.session(users_license, user="anna")
    with pytest.raises(NotConfigured, match="state_dir= is missing"):
        signed.voucher(users_license, user="anna")


def test_counts() -> None:
    info = LicenseInfo.of([{"kind": "mono", "total": 2, "used": 1, "left": 1}])
    assert (info.mono_total, info.mono_used, info.mono_left) == (2, 1, 1)
    assert (info.team_total, info.team_used, info.team_left) == (0, 0, 0)
    assert info[LicenseKind.MONO] == info["mono"]


def test_the_kind_by_either_name() -> None:
    assert kind_of(None, True) is LicenseKind.MONO
    assert kind_of("team") is LicenseKind.TEAM
    with pytest.raises(TypeError):
        kind_of("team", False)
    with pytest.raises(ValueError, match="solo"):
        kind_of("solo")


def test_progress_from_a_refusal_without_any() -> None:
    assert ExecutionProgress({}).state == "idle"
    assert ExecutionProgress({"state": "running", "stale": True}).is_running


def test_creating_is_not_repeated_when_nobody_knows_whether_it_happened() -> None:
    script, clock = Script(httpx.ReadTimeout("timed out")), Clock()
    with pytest.raises(ServerUnreachable, match="Nobody knows"):
        launcher(script, clock).create_project("P")
    refused = Script(httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(201, json=new_project))
    assert launcher(refused, clock).create_project("P").name == "P"
    with pytest.raises(ServerUnreachable):
        launcher(Script(httpx.Response(502)), clock).create_project("P")


def test_a_server_that_cannot_tell_whether_it_happened_is_not_asked_twice() -> None:
    unknown = httpx.Response(503, json={"code": "outcome_unknown"}, headers={"Retry-After": "5"})
    script = Script(unknown)
    with pytest.raises(ServerUnreachable, match="Nobody knows") as caught:
        launcher(script, Clock()).create_project("P")
    assert caught.value.retry_after_seconds == 5
    assert len(script.sent) == 1
    # What does no harm twice goes on as after any other 503.
    script = Script(unknown, httpx.Response(200, json={**new_project, "state": "open"}))
    assert launcher(script, Clock()).save_project(isv).is_open


def test_only_the_expected_status_grants() -> None:
    with pytest.raises(RequestRefused):
        launcher(Script(httpx.Response(200, json=new_project)), Clock()).create_project("P")


def test_a_server_that_asks_for_much_patience_is_not_waited_for() -> None:
    clock = Clock()
    with pytest.raises(ServerUnreachable) as caught:
        launcher(Script(httpx.Response(503, headers={"Retry-After": "3600"})), clock).licenses()
    assert caught.value.retry_after_seconds == 3600
    assert clock.slept == []


@pytest.mark.parametrize("name", ["5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5_11", "5f0f3c0e6a1b4f6e9d2c1f2f3a4b5c6d----"])
def test_a_project_whose_name_only_looks_like_an_id_is_found_by_its_name(name: str) -> None:
    script = Script(httpx.Response(200, json=[{**new_project, "name": name}]))
    assert launcher(script, Clock()).project(name).name == name
    assert script.sent[0].url.params["name"] == name


def test_an_answer_that_is_no_json_is_not_seatkeepers() -> None:
    with pytest.raises(ServerUnreachable, match="no JSON"):
        launcher(Script(httpx.Response(200, text="<html>")), Clock()).licenses()


no_answers = [b"", b"null", b"1", b'"x"', b"[null]", b'{"id": 1}', b"NaN", b"[" * 100_000]
"""What something between us and the server may answer with 200."""


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (lambda known: known.licenses(), 200),
        (lambda known: known.projects(), 200),
        (lambda known: known.project("P"), 200),
        (lambda known: known.project(isv), 200),
        (lambda known: known.create_project("P"), 201),
        (lambda known: known.open_project(isv), 200),
        (lambda known: known.execution_progress(isv), 200),
        (lambda known: known.wait_execution(isv), 200),
        (lambda known: known.execution(isv, isv, "secret").report(units_done=1), 200),
        (lambda known: known._channel.run(known._calls.start_execution(isv, isv, "x", None)), 201),
        (lambda known: known._channel.run(client_token("l", "anna", None, None, None, known._channel.timing)), 200),
    ],
)
@pytest.mark.parametrize("body", no_answers, ids=lambda body: body[:12].decode())
def test_what_has_not_the_form_that_was_asked_for_is_not_seatkeepers(
    body: bytes, call: Callable[[Launcher], object], status: int
) -> None:
    with pytest.raises(ServerUnreachable, match="not Seatkeeper's"):
        call(launcher(Script(httpx.Response(status, content=body)), Clock()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": 1},
        {"kind": "solo"},
        {"kind": []},
        {"users": {}},
        {"users": [None]},
        {"users": [{"user_id": 5}]},
        {"executions": [{"id": "x"}]},
        {"executions": [{"id": "x", "state": "running", "units_done": "all"}]},
    ],
)
def test_a_project_with_members_of_another_form_is_none(wrong: dict[str, object]) -> None:
    with pytest.raises(ServerUnreachable, match="not Seatkeeper's"):
        launcher(Script(httpx.Response(200, json={**new_project, **wrong})), Clock()).project(isv)


def test_an_instant_that_is_none_keeps_nobody_from_the_rest() -> None:
    for wrong in (5, "soon", "2026-11-22T12:00:00", "9999-12-31T23:59:59-14:00"):
        script = Script(httpx.Response(200, json={**new_project, "saved_at": wrong}))
        assert launcher(script, Clock()).project(isv).saved_at is None


@pytest.mark.parametrize("after", ["²", "x", "-5", "Sun, 06 Nov 1994 08:49:37 +9999999", ""])
def test_a_retry_after_that_is_none_is_as_good_as_none(after: str) -> None:
    busy = httpx.Response(503, headers={b"Retry-After": after.encode("latin-1")})
    script, clock = Script(busy, httpx.Response(200, json=[])), Clock()
    launcher(script, clock).licenses()
    assert clock.slept == [0.25]


def test_waiting_for_an_execution_looks_with_growing_pauses() -> None:
    def progress(state: str) -> httpx.Response:
        return httpx.Response(200, json={"state": state})

    script, clock = Script(*[progress("running")] * 6, progress("finished")), Clock()
    assert launcher(script, clock).wait_execution(isv, poll_seconds=2).state == "finished"
    assert clock.slept == [0.5, 0.75, 1.125, 1.6875, 2, 2]
    script, clock = Script(*[progress("running")] * 60), Clock()
    with pytest.raises(ExecutionTimeout, match="still runs: running") as caught:
        launcher(script, clock).wait_execution(isv, timeout_seconds=30)
    assert clock.now == pytest.approx(1030)
    assert isinstance(caught.value, TimeoutError)


def test_waiting_for_an_execution_never_hammers() -> None:
    running = httpx.Response(200, json={"state": "running"})
    script, clock = Script(*[running] * 20), Clock()
    with pytest.raises(ExecutionTimeout):
        launcher(script, clock).wait_execution(isv, timeout_seconds=5, poll_seconds=0)
    assert clock.slept == [0.5] * 10


def silent(clock: Clock) -> Callable[[httpx.Request], httpx.Response]:
    """A server that answers nothing, for as long as anybody waits."""

    def wait(request: httpx.Request) -> httpx.Response:
        clock.now += request.extensions["timeout"]["read"]
        raise httpx.ReadTimeout("timed out")

    return wait


@pytest.mark.parametrize("project", [isv, "firmware"])
@pytest.mark.parametrize(("timeout", "took"), [(1, 1), (0, 1), (15, 15)])
def test_waiting_for_an_execution_of_which_nothing_is_heard_ends_in_time(
    project: str, timeout: float, took: float
) -> None:
    clock = Clock()
    with pytest.raises(ServerUnreachable, match="timed out"):
        launcher(Script(*[silent(clock)] * 4), clock).wait_execution(project, timeout_seconds=timeout)
    assert clock.now == pytest.approx(1000 + took)


@pytest.mark.parametrize("wrong", [math.nan, -1, -math.inf])
def test_what_is_no_duration_is_refused_before_anything_is_sent(wrong: float) -> None:
    nothing, clock = Script(), Clock()
    with pytest.raises(ValueError, match=r"^wait= takes seconds"):
        scripted(nothing, clock).session(users_license, user="anna", wait=wrong)
    with pytest.raises(ValueError, match=r"^wait= takes seconds"):
        launcher(nothing, clock).connect("P", wait=wrong)
    with pytest.raises(ValueError, match=r"^timeout_seconds= takes seconds"):
        launcher(nothing, clock).wait_execution(isv, timeout_seconds=wrong)
    with pytest.raises(ValueError, match=r"^poll_seconds= takes seconds"):
        launcher(nothing, clock).wait_execution(isv, poll_seconds=wrong)
    with pytest.raises(ValueError, match=r"^timeout_seconds= takes seconds"):
        Client("http://seatkeeper.test", isv, "key", timeout_seconds=wrong)


@pytest.mark.parametrize("number", [480, 0, 0.5, math.nan])
def test_a_checkout_that_is_a_bare_number_is_refused_before_anything_is_sent_for_it_has_no_unit(number: float) -> None:
    with pytest.raises(TypeError, match=r"^checkout= takes a timedelta"):
        scripted(Script(), Clock()).session(users_license, user="anna", checkout=number)  # type: ignore[arg-type]


def test_a_wait_may_have_no_end_where_that_means_something() -> None:
    full, clock = denied(1007, "tokens_exhausted"), Clock()
    script = Script(*[full] * 50, granted(), closed)
    scripted(script, clock).session(users_license, user="anna", wait=math.inf).close()
    assert script.body(50)["wait_seconds"] == 10
    with pytest.raises(ValueError, match="poll_seconds"):
        launcher(script, clock).wait_execution(isv, poll_seconds=math.inf)
    with pytest.raises(ValueError, match="timeout_seconds"):
        Client("http://seatkeeper.test", isv, "key", timeout_seconds=math.inf)


def test_numbers_without_a_class_of_their_own() -> None:
    with pytest.raises(ProjectError) as caught:
        launcher(Script(denied(13010, "project_name_taken")), Clock()).create_project("P")
    assert (caught.value.id, caught.value.code) == (13010, "project_name_taken")


def test_a_launcher_needs_a_licence_and_one_address() -> None:
    with environment(SEATKEEPER_ISV=isv, SEATKEEPER_API_KEY="k"), pytest.raises(NotConfigured, match="license="):
        Launcher("localhost", 7070)
    with pytest.raises(TypeError):
        Launcher("localhost", url="http://localhost", isv=isv, api_key="k", license="l")


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_key": "SECRET\nkey"},
        {"api_key": "SECRET\0key"},
        {"api_key": "SECRÉT"},
        {"api_key": "SECRET key"},
        {"url": "http://anna:SECRET@seatkeeper.test"},
        {"url": "http://seatkeeper.test/?SECRET"},
        {"url": "http://SECRET:99999"},
        {"url": "http://SECRET:port"},
        {"url": "http://[SECRET"},
        {"url": "ftp://SECRET"},
        {"url": "SECRET:7070"},
        {"url": "https://"},
    ],
)
def test_a_setting_that_cannot_be_one_is_refused_and_not_shown(wrong: dict[str, str]) -> None:
    (argument,) = wrong
    with pytest.raises(NotConfigured, match=f"^{argument}= is not ") as caught:
        address(**{"url": "http://seatkeeper.test", "isv": isv, "api_key": "key", **wrong}, admin=False)
    assert "SECR" not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_white_space_around_a_key_is_no_part_of_it() -> None:
    script = Script(httpx.Response(200, json=[]))
    Client("http://seatkeeper.test\n", isv, " key\r\n", transport=script.transport).tokens("l")
    assert script.sent[0].headers["provisioningkey"] == "key"
    with pytest.raises(NotConfigured, match="api_key= is missing"):
        Client("http://seatkeeper.test", isv, "\n")


def test_a_request_that_cannot_be_sent_does_not_show_its_headers() -> None:
    script = Script(*[httpx.LocalProtocolError("Illegal header value b'SECRET'")] * 4)
    with pytest.raises(ServerUnreachable) as caught:
        launcher(script, Clock()).licenses()
    assert caught.value.never_arrived
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


def test_a_vendors_id_is_one_part_of_the_address() -> None:
    script = Script(httpx.Response(200, json=[]))
    Client("http://seatkeeper.test", "nope/../x", "key", transport=script.transport).tokens("l")
    assert script.sent[0].url.raw_path == b"/api/v2/isv/nope%2F..%2Fx/licenses/l/tokens"


def test_a_public_key_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from seatkeeper._signatures import RsaVerifier, Sent
    from seatkeeper._wire import Reply

    with pytest.raises(ValueError, match="PEM"):
        RsaVerifier("no key")
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    def pem(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> bytes:
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    with pytest.raises(ValueError, match="RSA"):
        RsaVerifier(pem(ed25519.Ed25519PrivateKey.generate().public_key()))
    verifier = RsaVerifier(pem(rsa.generate_private_key(65537, 2048).public_key()))
    sent, url = Sent("POST", "/", "?", b""), "http://seatkeeper.test/"
    assert verifier.prove(sent).headers != verifier.prove(sent).headers
    for header in ({}, {"x-slascone-signature": "%%%"}, {"x-slascone-signature": "AAAA"}):
        with pytest.raises(BadSignature):
            verifier.prove(sent).check(Reply(409, header, b"{}", 0.0, url))
    verifier.prove(sent).check(Reply(503, {}, b"{}", 0.0, url))


def test_a_redirect_to_an_address_without_a_host_shows_no_place() -> None:
    nowhere = httpx.Response(302, headers={"Location": "https:/anna:secret@portal.test/"})
    with pytest.raises(Redirected) as caught:
        scripted(Script(nowhere), Clock()).tokens(users_license)
    assert caught.value.location is None
    assert "secret" not in str(caught.value)
