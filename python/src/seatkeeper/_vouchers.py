"""
Vouchers: a session as a statement that the server signed, good without the server.

Kept where the system keeps such things, in files that their owner alone can read. The folder has a secret; with this
machine's id it makes the device's key, so that a folder that is copied to another machine makes another key there. The
record of the latest time seen is sealed with it. The TypeScript client's `offline.ts` reads and writes the same files.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._errors import BadSignature, VoucherRefused
from ._key_set import KeySet, PinnedKeys, base64url, bytes_of
from ._machine import machine_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from ._opening import Seat

skew_s = 5 * 60.0
"""How far two machines' clocks may differ."""

record_s = 60.0
"""The record of time is written anew when it is this much behind: nobody sets a clock back for a minute's gain."""


@dataclass(frozen=True)
class Voucher:
    """A session that this machine may trust without asking: what was granted, and until when."""

    license_id: str
    device: str
    user: str | None
    session_id: str | None
    features: dict[str, str]
    """The features that are on: their names by their ids."""
    limitations: dict[str, int | None]
    """Values by name; None: unlimited."""
    valid_from: datetime
    valid_until: datetime

    def has(self, feature: str) -> bool:
        """Whether a feature is on, by its id or its name."""
        return feature in self.features or feature in self.features.values()


@dataclass(frozen=True)
class VoucherWish:
    """What an open asks for."""

    nonce: str
    device_key: str | None

    @property
    def body(self) -> dict[str, str]:
        return {"nonce": self.nonce, **({} if self.device_key is None else {"device_key": self.device_key})}


@dataclass(frozen=True)
class GivenUp:
    """A voucher that is kept no longer."""

    proof: str | None
    take_back: Callable[[], None]
    """The server did not close the session: the voucher is good again."""


class Vouchers:
    """The vouchers of one vendor's sessions on this machine."""

    def __init__(
        self, isv: str, key_set: KeySet, folder: Path, bound: bool = True, now: Callable[[], float] = time.time
    ) -> None:
        self._isv = isv.lower()
        self._keys = PinnedKeys(key_set)
        self._folder = folder / "vouchers"
        self._is_bound = bound
        self._now = now
        self._derived_keys: dict[tuple[bytes, str], bytes] = {}

    def wish(self) -> VoucherWish:
        """For the next open."""
        return VoucherWish(str(uuid.uuid4()), self._device_key())

    def keep(self, seat: Seat, wish: VoucherWish, voucher: str | None) -> None:
        """Keeps what an open was answered with. Raises `BadSignature` where it is not what was asked for."""
        claims = self._verified(voucher or "")
        if claims is None or not self._is_of(claims, seat) or _asked(claims) != (wish.nonce, wish.device_key):
            raise BadSignature("The answer's voucher is not one that the server signed for this session.")
        # The time first: a voucher without a record of time is refused.
        self._see(claims["nbf"])
        self._replace(self._name(seat), voucher or "")

    def read(self, seat: Seat) -> Voucher:
        """The voucher that is kept, if it is good here and now. Raises `VoucherRefused`."""
        kept = self._text(self._name(seat))
        if kept is None:
            raise VoucherRefused("No voucher of this session is kept here.", "missing")
        claims = self._verified(kept)
        if claims is None or not self._is_of(claims, seat):
            raise VoucherRefused("The voucher is not one that the server signed for this session.", "signature")
        if _asked(claims)[1] != self._device_key():
            raise VoucherRefused("The voucher is for another machine.", "other_device")
        self._require_time(claims)
        return _voucher(claims)

    def give_up(self, seat: Seat, session_id: str) -> GivenUp | None:
        """Gives up the voucher of a session that is to be closed; None: none of it is kept."""
        kept = self._kept(seat, session_id)
        if kept is None:
            return None
        text, voucher_id = kept
        name = self._name(seat)
        proof = self.proof(voucher_id)
        (self._folder / name).unlink(missing_ok=True)
        return GivenUp(proof, lambda: self._replace(name, text))

    def keeps(self, seat: Seat, session_id: str) -> bool:
        """Whether a voucher of this very session is kept."""
        return self._kept(seat, session_id) is not None

    def _kept(self, seat: Seat, session_id: str) -> tuple[str, str] | None:
        """The session's voucher with its id."""
        text = self._text(self._name(seat))
        claims = None if text is None else self._verified(text)
        if text is None or claims is None or claims["session_id"] != session_id.lower():
            return None
        return text, claims["jti"]

    def proof(self, voucher_id: str) -> str | None:
        """The device's word that it has not a voucher, or no more; None: it has no key to give it by."""
        if not self._is_bound:
            return None
        jwk = json.loads(self._jwk())
        head = {"alg": "EdDSA", "typ": "seatkeeper-check-in+jwt", "jwk": jwk}
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (head, {"voucher_id": voucher_id}))
        return f"{signed}.{base64url(self._private_key().sign(signed.encode()))}"

    def saw(self, at: float) -> None:
        """The server said, signed, that it is this late."""
        # A folder that cannot be written to keeps nobody from working online; a voucher is kept there or not at all.
        with contextlib.suppress(OSError):
            self._see(at)

    def _require_time(self, claims: dict[str, Any]) -> None:
        now, seen = self._now(), self._seen()
        if seen is None:
            raise VoucherRefused("The record of time is gone. It is made again online.", "clock_unknown")
        if now < seen - skew_s:
            raise VoucherRefused("This machine's clock was set back.", "clock_set_back")
        if now < claims["nbf"] - skew_s:
            raise VoucherRefused("The voucher is not valid yet.", "not_yet")
        # A clock that lags a little behind what was seen buys nothing.
        if max(now, seen) >= claims["exp"]:
            raise VoucherRefused("The voucher is over.", "over")
        self._see(now)

    def _is_of(self, claims: dict[str, Any], seat: Seat) -> bool:
        of = (claims["iss"], claims["license_id"], claims["client_id"], claims["user_id"])
        return of == (self._isv, seat.license_id.lower(), seat.device, seat.user)

    def _verified(self, voucher: str) -> dict[str, Any] | None:
        head, _, rest = voucher.partition(".")
        payload, _, signature = rest.partition(".")
        told = _part(head)
        if (told.get("alg"), told.get("typ")) != ("EdDSA", "seatkeeper-voucher+jwt") or not signature:
            return None
        is_signed = self._keys.verify(str(told.get("kid")), bytes_of(signature), f"{head}.{payload}".encode())
        return _part(payload) if is_signed else None

    def _name(self, seat: Seat) -> str:
        """A file name. A hash: names may hold what file systems refuse. No name has a line break in it."""
        text = "\n".join([self._isv, seat.license_id.lower(), seat.device, seat.user or ""])
        return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.jwt"

    # The device's key

    def _device_key(self) -> str | None:
        """The thumbprint (RFC 7638) of this device's key; None: vouchers are good everywhere."""
        return base64url(hashlib.sha256(self._jwk().encode()).digest()) if self._is_bound else None

    def _jwk(self) -> str:
        """In the order that thumbprints are made of."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        x = base64url(self._private_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        return f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'

    def _private_key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._derived(b"seatkeeper device key"))

    def _derived(self, purpose: bytes) -> bytes:
        """Kept: some systems start a program to tell the machine, and every signed answer needs a key."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        secret = self._secret()  # read every time: whoever empties the folder makes another device of it
        if (purpose, secret) not in self._derived_keys:
            machine = machine_id() if self._is_bound else "any machine"
            key = HKDF(SHA256(), 32, machine.encode(), purpose).derive(secret.encode())
            self._derived_keys[purpose, secret] = key
        return self._derived_keys[purpose, secret]

    def _secret(self) -> str:
        """Made once; another program may make it at the same moment, and then both read the one that stands."""
        path = self._folder / "device.key"
        while not (known := self._text(path.name)):
            fresh = self._fresh(path.name, base64url(secrets.token_bytes(32)))
            try:
                if known is None:
                    os.link(fresh, path)  # whole or not at all, and never in the place of another's
                else:
                    fresh.replace(path)  # a program was killed before it had written: no key at all
            except FileExistsError:
                pass
            except OSError:
                fresh.replace(path)  # a file system without links
            finally:
                fresh.unlink(missing_ok=True)
        return known

    # The latest time seen, in milliseconds on disk

    def _seen(self) -> float | None:
        found = re.fullmatch(r"(\d{1,15}) ([\w-]+)", self._text("clock") or "", re.ASCII)
        if found is None or not hmac.compare_digest(found[2], self._seal(found[1])):
            return None
        return int(found[1]) / 1000

    def _see(self, at: float) -> None:
        seen = self._seen()
        if seen is None or at >= seen + record_s:
            text = str(int(at * 1000))
            self._replace("clock", f"{text} {self._seal(text)}")

    def _seal(self, text: str) -> str:
        return base64url(hmac.digest(self._derived(b"seatkeeper clock"), text.encode(), "sha256"))

    # Files

    def _text(self, name: str) -> str | None:
        """None: there is no such file. What is no text is as good as empty."""
        try:
            return (self._folder / name).read_text("utf-8").strip()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            return ""

    def _replace(self, name: str, text: str) -> None:
        """Whole or not at all: a program may be killed at any moment."""
        self._fresh(name, text).replace(self._folder / name)

    def _fresh(self, name: str, text: str) -> Path:
        """A file beside the one that it is to become."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._folder / f"{name}.{os.getpid()}.{secrets.token_hex(6)}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        return fresh


def _asked(claims: dict[str, Any]) -> tuple[str | None, str | None]:
    return claims.get("nonce"), (claims.get("cnf") or {}).get("jkt")


def _part(text: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _voucher(claims: dict[str, Any]) -> Voucher:
    return Voucher(
        license_id=claims["license_id"],
        device=claims["client_id"],
        user=claims["user_id"],
        session_id=claims["session_id"],
        features={feature["id"]: feature["name"] for feature in claims["features"]},
        limitations={limitation["name"]: limitation["value"] for limitation in claims["limitations"]},
        valid_from=datetime.fromtimestamp(claims["nbf"], timezone.utc),
        valid_until=datetime.fromtimestamp(claims["exp"], timezone.utc),
    )
