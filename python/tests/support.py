"""The server as users run it, and fakes for what a test must hold: time, chance, the network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx

from seatkeeper import Client, Launcher
from seatkeeper._clock import Timing
from seatkeeper._session import SessionView

root = Path(__file__).resolve().parents[2]
program = Path(os.environ.get("SEATKEEPER_TEST_SERVER") or root / "server") / "bin" / "seatkeeper.js"

isv = "5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c6d"
product = "5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c01"
users_license = "5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c11"
devices_license = "5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c12"
projects_license = "5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c13"
backend_key, signed_key, app_key, admin_key = (
    "backend-key-1234",
    "signed-key-12345",
    "app-scope-key-12",
    "admin-key-123456",
)

tenant = f"""
isv: {{ id: {isv}, name: Python tests }}
keys:
  - {{ name: backend, role: provisioning, secret: "{backend_key}", response_signature: none }}
  - {{ name: signed, role: provisioning, secret: "{signed_key}" }}
  - {{ name: app, role: provisioning, scope: app, secret: "{app_key}", response_signature: none }}
  - {{ name: admin, role: admin, secret: "{admin_key}" }}
products:
  - {{ id: {product}, name: Tool, features: [{{ name: Export }}], limitations: [{{ name: Cores }}] }}
editions:
  - {{ product: Tool, name: Users, features: [Export], limitations: [{{ limitation: Cores, value: 4 }}],
      provisioning_mode: floating, client_type: users, session_period: 10 }}
  - {{ product: Tool, name: Devices, provisioning_mode: floating, client_type: devices, session_period: 10 }}
  - {{ product: Tool, name: Projects, provisioning_mode: floating, client_type: projects }}
customers:
  - {{ number: "1", name: Customer }}
licenses:
  - {{ id: {users_license}, customer: "1", edition: Users, floating_token_limit: 2 }}
  - {{ id: {devices_license}, customer: "1", edition: Devices, floating_token_limit: 2 }}
  - {{ id: {projects_license}, customer: "1", edition: Projects, project_tokens: {{ mono: 2, team: 1 }} }}
"""


class Server:
    """`seatkeeper sandbox` or `seatkeeper serve` on a port that the system chooses."""

    def __init__(self, command: str, folder: Path, text: str = tenant, port: int = 0) -> None:
        (folder / "tenant.yaml").write_text(text)
        environment = {
            # npm brings the Node that the server needs; pytest may run without npm.
            "PATH": f"{root / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}",
            "SEATKEEPER_PORT": str(port),
            "SEATKEEPER_DATABASE_URL": f"sqlite:{folder / 'seatkeeper.db'}",
            "SEATKEEPER_TENANT_FILES": str(folder / "tenant.yaml"),
        }
        if command == "sandbox":
            del environment["SEATKEEPER_DATABASE_URL"]
        self._process = subprocess.Popen(
            ["/usr/bin/env", "node", str(program), command],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        output = ""
        for line in self._process.stdout:
            output += line
            match = re.search(r'"url":"(http:[^"]+)"', line)
            if match:
                self.url = match[1]
                break
        else:
            self._process.stdout.close()
            raise RuntimeError(f"the server ended with status {self._process.wait()}:\n{output}")
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def advance(self, seconds: float) -> None:
        httpx.post(f"{self.url}/sandbox/clock", json={"advance_seconds": seconds}).raise_for_status()

    def now(self) -> float:
        told = str(httpx.get(f"{self.url}/sandbox/clock").raise_for_status().json()["now"])
        return datetime.fromisoformat(told.replace("Z", "+00:00")).timestamp()

    def client(self, **more: Any) -> Client:
        return Client(self.url, isv, more.pop("api_key", backend_key), **more)

    def launcher(self, user: str, **more: Any) -> Launcher:
        known = {"url": self.url, "isv": isv, "api_key": backend_key, "license": projects_license}
        return Launcher(**{**known, "user": user, **more})

    def admin(self, method: str, path: str, **more: Any) -> Any:
        address = f"{self.url}/api/v2/isv/{isv}{path}"
        answer = httpx.request(method, address, headers={"AdminKey": admin_key}, **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def key_set(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/.well-known/jwks.json").raise_for_status().json()
        return found

    def sessions(self, license: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.admin("GET", f"/licenses/{license}/opensessions")
        return found

    def queue(self, license: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.admin("GET", f"/licenses/{license}/queue")
        return found


@dataclass
class Clock:
    """Monotonic time that a test moves; sleeping moves it too."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)
    chance: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def timing(self) -> Timing:
        return Timing(monotonic=lambda: self.now, sleep=self.sleep, chance=lambda: self.chance, renews=False)


Answer = httpx.Response | Exception
stamp = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)


def z(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def granted(seconds: float = 120.0, created: datetime = stamp, **more: Any) -> httpx.Response:
    body = {
        "is_session_valid": True,
        "session_valid_until": z(stamp + timedelta(seconds=seconds)),
        "session_created_date": z(created),
        "session_modified_date": z(stamp),
        "max_open_session_count": 1,
        "max_active_client_count": 1,
        **more,
    }
    return httpx.Response(200, json=body)


def denied(number: int, code: str = "", headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    body = {"id": number, "code": code, "title": code, "status": 409, "detail": f"Denied: {code}.", **more}
    kind = "application/problem+json"
    return httpx.Response(409, content=json.dumps(body), headers={"Content-Type": kind, **(headers or {})})


closed = httpx.Response(200, json="Session closed.")


class Script:
    """A network that answers as a test wrote it down, and remembers what was sent."""

    def __init__(self, *answers: Answer | Callable[[httpx.Request], Answer]) -> None:
        self._answers: Iterator[Answer | Callable[[httpx.Request], Answer]] = iter(answers)
        self.sent: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        answer = next(self._answers, None)
        if answer is None:
            raise AssertionError(f"nothing was expected after {len(self.sent) - 1} requests: {request.url}")
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        # A response is read once; the script may name it more often.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def calls(self) -> list[str]:
        return [request.url.path.rsplit("/", 1)[-1] for request in self.sent]

    def body(self, index: int) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.sent[index].content)
        return body

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self)


def scripted(script: Script, clock: Clock, **more: Any) -> Client:
    return Client("http://seatkeeper.test", isv, "key", transport=script.transport, timing=clock.timing, **more)


def crash(session: SessionView) -> None:
    """What is left of a session when its program is killed: the system lets go of the lock on its state file."""
    session._lease._slot.drop()
    session._lease._is_over = True


@contextmanager
def environment(**values: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


new_project = {"id": isv, "license_id": "l", "name": "P", "state": "closed", "kind": None, "saved": False}
