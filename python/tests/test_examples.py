"""The examples run as their readers run them: as programs, against a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support import Server, backend_key, isv, projects_license, root, tenant, users_license

examples = root / "examples" / "python"


def run(server: Server, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "SEATKEEPER_URL": server.url,
        "SEATKEEPER_ISV": isv,
        "SEATKEEPER_API_KEY": backend_key,
        "SEATKEEPER_LICENSE": projects_license,
        "SEATKEEPER_USER": "anna",
        "SEATKEEPER_STATE_DIR": str(tmp_path / "state"),
    }
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=examples,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_floating_user(server: Server, tmp_path: Path) -> None:
    ended = run(server, tmp_path, "floating_user.py", users_license, "anna")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "anna holds a token" in ended.stdout
    assert "the token is given back" in ended.stdout
    assert server.sessions(users_license) == []


def test_unattended_execution(tmp_path: Path) -> None:
    with Server("sandbox", tmp_path, tenant.replace("mono: 2", "mono: 1")) as server:
        ended = run(server, tmp_path, "unattended_execution.py")
        assert (ended.returncode, ended.stderr) == (0, "")
        lines = ended.stdout.splitlines()
        assert [line.split(":")[0] for line in lines] == ["firmware", "driver", "loader"] * 2
        assert all(line.endswith("1 Mono left") for line in lines[:3])
        assert all("finished 100% (4 of 4): done" in line for line in lines[3:])
        assert run(server, tmp_path, "unattended_execution.py").returncode == 0, "again, with the projects there"
        assert run(server, tmp_path, "-m", "seatkeeper", "status").stdout.startswith("mono: 1 of 1 left")
