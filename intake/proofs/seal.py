"""The institution's own seal: an advanced signature without e.firma, by a key that only the office has.

Read from the PKCS#12 of `OFICIALIA_SEAL`, or made once beside the data.
"""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.sign.signers import SimpleSigner

from intake.office import Office
from intake.proofs.signer import CheckedSigner
from models.base import now

_YEARS = timedelta(days=3652)


def open_seal(office: Office) -> SimpleSigner:
    """What seals. Raises ValueError when the PKCS#12 cannot be opened."""
    path = _path(office)
    if not office.settings.seal and not path.exists():
        _make(office, path)
    try:
        return _load(path.read_bytes(), office.settings.seal_password.get_secret_value())
    except ValueError as error:
        raise ValueError(f"{path}: no PKCS#12 with this password") from error


def seal_certificate(office: Office) -> asn1.Certificate | None:
    """The certificate by which a seal is known as ours; None before anything was sealed."""
    return open_seal(office).signing_cert if _path(office).exists() else None


def read_own(office: Office) -> bytes:
    """The PKCS#12 that was made here, for a backup; nothing when there is none, or it is a setting."""
    path = _path(office)
    return path.read_bytes() if not office.settings.seal and path.exists() else b""


def keep_own(office: Office, content: bytes) -> None:
    """Put back what `read_own` gave; a seal that is already there stays."""
    if content and not office.settings.seal:
        _write(_path(office), content)


def _path(office: Office) -> Path:
    settings = office.settings
    return Path(settings.seal) if settings.seal else settings.outgoing_dir.parent / "seal.p12"


@lru_cache(maxsize=4)
def _load(content: bytes, password: str) -> SimpleSigner:
    found: SimpleSigner = SimpleSigner.load_pkcs12_data(
        content, other_certs=[], passphrase=password.encode() or None
    )
    return CheckedSigner(found.signing_cert, found.signing_key, found.cert_registry)


def _make(office: Office, path: Path) -> None:
    """A key and its certificate; of two processes the first one's stays."""
    key = rsa.generate_private_key(65537, 2048)
    institution = office.settings.institution[:64]
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, institution),
            x509.NameAttribute(NameOID.COMMON_NAME, institution),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + _YEARS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    password = office.settings.seal_password.get_secret_value().encode()
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    content = pkcs12.serialize_key_and_certificates(institution.encode(), key, certificate, None, protection)
    _write(path, content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes files that only their owner reads.
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".seal-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(unfinished, path)
    except FileExistsError:
        return
    finally:
        Path(unfinished).unlink(missing_ok=True)
