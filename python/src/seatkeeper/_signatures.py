"""Whether an answer is the server's: both signatures, with the key that the application was built with."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import Protocol

from ._errors import BadSignature
from ._wire import Reply


class Verifier(Protocol):
    def nonce(self) -> str: ...
    def check(self, reply: Reply, nonce: str) -> None: ...


class RsaVerifier:
    """RSA, PKCS#1 v1.5, SHA-256: over the body's exact bytes, and over a nonce that is drawn for every request."""

    def __init__(self, public_key: str | bytes | Path) -> None:
        try:
            from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
            from cryptography.hazmat.primitives.serialization import load_pem_public_key
        except ImportError:
            raise ImportError("public_key= needs the package cryptography: pip install 'seatkeeper[verify]'") from None
        pem = public_key.read_bytes() if isinstance(public_key, Path) else public_key
        key = load_pem_public_key(pem.encode() if isinstance(pem, str) else pem)
        if not isinstance(key, RSAPublicKey):
            raise ValueError("public_key= is not an RSA public key in PEM")
        self._key = key

    def nonce(self) -> str:
        # A GUID: the server refuses some random bytes, because a nonce that reads as a body would be one, signed.
        return base64.b64encode(str(uuid.uuid4()).encode()).decode()

    def check(self, reply: Reply, nonce: str) -> None:
        """The server signs 200 and 409. Nothing else passes for a grant: `Call.expects`."""
        if reply.status not in (200, 409):
            return
        self._check(reply.body, reply.headers.get("x-slascone-signature"), "The answer")
        self._check(base64.b64decode(nonce), reply.headers.get("x-nonce-signature"), "The answer's nonce")

    def _check(self, signed: bytes, header: str | None, what: str) -> None:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        if header is None:
            raise BadSignature(f"{what} is not signed. The API key needs `response_signature: rsa`.")
        try:
            self._key.verify(base64.b64decode(header), signed, PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            raise BadSignature(f"{what} is signed, but not with the server's key.") from None
