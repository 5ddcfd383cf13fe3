"""The public keys that an application was built with, as the server publishes them at `/.well-known/jwks.json`."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KeySet = Mapping[str, Any] | str | Path
"""A JSON Web Key Set: as a mapping, as its text, or as the path of a file with it."""


class PinnedKeys:
    """The Ed25519 keys of a set. What else is in it is passed over."""

    def __init__(self, key_set: KeySet) -> None:
        try:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except ImportError:
            raise ImportError("key_set= needs the package cryptography: pip install 'seatkeeper[offline]'") from None
        self._keys = {
            str(key["kid"]): Ed25519PublicKey.from_public_bytes(bytes_of(str(key["x"])))
            for key in _keys_in(key_set)
            if (key.get("kty"), key.get("crv")) == ("OKP", "Ed25519") and key.get("kid") and key.get("x")
        }
        if not self._keys:
            raise ValueError("key_set= has no Ed25519 key with a kid")

    def verify(self, kid: str, signature: bytes, signed: bytes) -> bool:
        """Whether the key of this name is one of them and made the signature."""
        from cryptography.exceptions import InvalidSignature

        key = self._keys.get(kid)
        if key is None:
            return False
        try:
            key.verify(signature, signed)
        except InvalidSignature:
            return False
        return True


def _keys_in(key_set: KeySet) -> list[dict[str, Any]]:
    text = key_set.read_text() if isinstance(key_set, Path) else key_set
    found = json.loads(text) if isinstance(text, str) else text
    return list(found["keys"])


def bytes_of(text: str) -> bytes:
    """Base64 in either alphabet, padded or not. What is neither is no signature: no bytes, which no key verifies."""
    try:
        plain = text.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
