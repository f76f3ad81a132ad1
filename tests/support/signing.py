"""Signs mails as the servers of other domains do (RFC 6376)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

SELECTOR = "mesa"


@dataclass(frozen=True)
class SigningKey:
    """`record` goes into the TXT of `mesa._domainkey.<domain>`."""

    private: bytes
    record: str


@cache
def signing_key(number: int = 0, bits: int = 2048) -> SigningKey:
    """A key; another one for another *number*."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return SigningKey(private, f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}")


def sign(raw: bytes, domain: str, key: SigningKey | None = None, *, length: bool = False) -> bytes:
    """*raw* with a DKIM-Signature of *domain* on top."""
    signature: bytes = dkim.sign(
        raw,
        SELECTOR.encode(),
        domain.encode(),
        (key or signing_key()).private,
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=[b"from", b"to", b"subject", b"date", b"message-id"],
        length=length,
    )
    return signature + raw
