"""Fixtures: a real server of our own, and a client on a fake transport with a fake clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seatkeeper import release_all
from support import Server


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test meets another's state file, or the settings of whoever runs it."""
    for name in ("URL", "ISV", "API_KEY", "LICENSE", "USER", "DEVICE"):
        monkeypatch.delenv(f"SEATKEEPER_{name}", raising=False)
    monkeypatch.setenv("SEATKEEPER_STATE_DIR", str(tmp_path / "state"))
    yield
    release_all()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A sandbox: a real server, in memory, whose clock a test moves."""
    with Server("sandbox", tmp_path_factory.mktemp("server")) as running:
        yield running
