"""Whether an answer is the server's to this request: with the keys that the application was built with."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ._errors import BadSignature
from ._key_set import KeySet, PinnedKeys, bytes_of
from ._wire import Reply, is_elsewhere


@dataclass(frozen=True)
class Sent:
    """A request, as far as its answer is held against it."""

    method: str
    path: str
    query: str
    """With its question mark."""
    body: bytes


@dataclass(frozen=True)
class Proof:
    """What one request sends along, and how its answer is held against that: raises `BadSignature`."""

    headers: Mapping[str, str]
    check: Callable[[Reply], None]


class Verifier(Protocol):
    def prove(self, sent: Sent) -> Proof: ...


components = '("@status" "content-digest" "@method";req "@path";req "@query";req "content-digest";req)'
"""What an answer's signature covers: all of the answer that matters, and all of the request."""

_unsigned = frozenset({400, 401, 403, 405, 408, 413, 415, 417, 429, 431})
"""Refusals that may come from before the server knew who asks, or from a proxy. They grant and end nothing."""

# Word for word what was asked for: anything else would be a signature of something else.
_input = re.compile(
    rf'sig=({re.escape(components)};created=(\d{{1,12}});keyid="([\w-]+)";alg="ed25519";nonce="([^"]+)")', re.ASCII
)
_signature = re.compile(r"sig=:([A-Za-z0-9+/=]+):")


class MessageVerifier:
    """HTTP Message Signatures (RFC 9421), Ed25519: one signature over an answer and its request, with a fresh nonce."""

    def __init__(self, key_set: KeySet, saw: Callable[[float], None] = lambda at: None) -> None:
        """`saw` is told the server's time, in seconds, of every answer that was verified."""
        self._keys = PinnedKeys(key_set)
        self._saw = saw

    def prove(self, sent: Sent) -> Proof:
        nonce = str(uuid.uuid4())
        headers = {
            "Content-Digest": content_digest(sent.body),
            "Accept-Signature": f'sig={components};created;alg="ed25519";nonce="{nonce}"',
        }
        return Proof(headers, lambda reply: self._check(reply, sent, nonce))

    def _check(self, reply: Reply, sent: Sent, nonce: str) -> None:
        if reply.status >= 500 or is_elsewhere(reply.status) or reply.status in _unsigned:
            return
        header = reply.headers.get("signature-input")
        if header is None:
            raise BadSignature("The answer is not signed.")
        found = _input.fullmatch(header)
        made = _signature.fullmatch(reply.headers.get("signature", ""))
        if found is None or made is None or found[4] != nonce or not self._is_ours(reply, sent, found, made[1]):
            raise BadSignature("The answer is signed, but not by the server for this request.")
        self._saw(float(found[2]))

    def _is_ours(self, reply: Reply, sent: Sent, found: re.Match[str], signature: str) -> bool:
        base = "\n".join(
            [
                f'"@status": {reply.status}',
                f'"content-digest": {content_digest(reply.body)}',
                f'"@method";req: {sent.method}',
                f'"@path";req: {sent.path}',
                f'"@query";req: {sent.query}',
                f'"content-digest";req: {content_digest(sent.body)}',
                f'"@signature-params": {found[1]}',
            ]
        )
        return self._keys.verify(found[3], bytes_of(signature), base.encode())


def content_digest(content: bytes) -> str:
    """SHA-256, as HTTP's digests write it (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


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

    def prove(self, sent: Sent) -> Proof:
        # A GUID: the server refuses some random bytes, because a nonce that reads as a body would be one, signed.
        nonce = str(uuid.uuid4()).encode()
        return Proof({"X-Nonce": base64.b64encode(nonce).decode()}, lambda reply: self._check_both(reply, nonce))

    def _check_both(self, reply: Reply, nonce: bytes) -> None:
        """The server signs 200 and 409. Nothing else passes for a grant: `Call.expects`."""
        if reply.status not in (200, 409):
            return
        self._check(reply.body, reply.headers.get("x-slascone-signature"), "The answer")
        self._check(nonce, reply.headers.get("x-nonce-signature"), "The answer's nonce")

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
