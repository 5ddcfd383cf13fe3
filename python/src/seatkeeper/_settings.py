"""Where the server is and who we are: from arguments, or from the environment."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class NotConfigured(ValueError):
    """A setting is neither passed nor in the environment."""


def setting(value: str | None, variable: str, argument: str) -> str:
    found = value if value is not None else os.environ.get(variable)
    if not found:
        raise NotConfigured(f"{argument}= is missing: pass it, or set {variable}")
    return found


@dataclass(frozen=True)
class Address:
    """A vendor on a server, and the key to it."""

    url: str
    isv: str
    api_key: str = field(repr=False)
    is_admin: bool = False

    @property
    def base(self) -> str:
        return f"{self.url.rstrip('/')}/api/v2/isv/{self.isv}"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"AdminKey" if self.is_admin else "ProvisioningKey": self.api_key}


def address(url: str | None, isv: str | None, api_key: str | None, admin: bool) -> Address:
    return Address(
        setting(url, "SEATKEEPER_URL", "url"),
        setting(isv, "SEATKEEPER_ISV", "isv"),
        setting(api_key, "SEATKEEPER_API_KEY", "api_key"),
        admin,
    )


def this_device() -> str:
    """The machine's name, where nobody gives a better one."""
    return os.environ.get("SEATKEEPER_DEVICE") or socket.gethostname() or "localhost"


def this_user() -> str:
    return os.environ.get("SEATKEEPER_USER") or getpass.getuser()


def state_folder(folder: str | Path | None = None) -> Path:
    """Where session ids are kept: as passed, else SEATKEEPER_STATE_DIR, else where the system keeps such things."""
    given = folder if folder is not None else os.environ.get("SEATKEEPER_STATE_DIR")
    if given:
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "seatkeeper"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "seatkeeper"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "seatkeeper"
