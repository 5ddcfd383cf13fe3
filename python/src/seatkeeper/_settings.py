"""Where the server is and who we are: from arguments, or from the environment."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from ._wire import segment

_key = re.compile(r"[!-~]+")
"""As the server knows keys. Others do not fit into a header, and whoever refuses to send them shows them."""

_server_url = re.compile(r"https?://[^@?#\s]+", re.IGNORECASE)


class NotConfigured(ValueError):
    """A setting is neither passed nor in the environment, or cannot be what it says."""


def _from_environment(variable: str) -> str:
    """Without the white space around it; empty where there is nothing in it."""
    return os.environ.get(variable, "").strip()


def setting(value: str | None, variable: str, argument: str) -> str:
    """Without the white space around it: the line break at a file's end is no part of a key."""
    found = _from_environment(variable) if value is None else value.strip()
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
        return f"{self.url.rstrip('/')}/api/v2/isv/{segment(self.isv)}"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"AdminKey" if self.is_admin else "ProvisioningKey": self.api_key}


def address(url: str | None, isv: str | None, api_key: str | None, admin: bool) -> Address:
    return Address(_url(url), setting(isv, "SEATKEEPER_ISV", "isv"), _api_key(api_key), admin)


def _url(value: str | None) -> str:
    """What is refused is not shown: it may hold a password."""
    url = setting(value, "SEATKEEPER_URL", "url")
    if _server_url.fullmatch(url) is None or not _can_be_parsed(url):
        raise NotConfigured(
            "url= is not a server's address: http:// or https://, a host, and neither user nor password"
        )
    return url


def _can_be_parsed(url: str) -> bool:
    """httpx alone lets half an IPv6 address pass."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname and httpx.URL(url).host) and parts.port != 0
    except (httpx.InvalidURL, ValueError):
        return False


def _api_key(value: str | None) -> str:
    key = setting(value, "SEATKEEPER_API_KEY", "api_key")
    if _key.fullmatch(key) is None:
        raise NotConfigured("api_key= is not a key: it has other characters than printable ASCII")
    return key


def this_device() -> str:
    """The machine's name, where nobody gives a better one."""
    return _from_environment("SEATKEEPER_DEVICE") or socket.gethostname() or "localhost"


def this_user() -> str:
    try:
        return _from_environment("SEATKEEPER_USER") or getpass.getuser()
    except (KeyError, OSError, ImportError):  # in some containers the account has no name
        raise NotConfigured("user= is missing: pass it, or set SEATKEEPER_USER") from None


def state_folder(folder: str | Path | None = None) -> Path | None:
    """
    Where session ids are kept: as passed, else SEATKEEPER_STATE_DIR, else where the system keeps such things. None: an
    account without a home has no such place.
    """
    given = folder if folder is not None else _from_environment("SEATKEEPER_STATE_DIR")
    if given:
        return Path(given)
    try:
        return _usual_folder()
    except RuntimeError:
        return None


def _usual_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "seatkeeper"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "seatkeeper"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "seatkeeper"
