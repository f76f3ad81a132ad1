"""Signs mails with S/MIME as mail programs do, with certificates of issuers made for the test."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from models.base import now


@dataclass(frozen=True)
class Signer:
    """A key and the certificates that lead to it, the signer's own first."""

    key: rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def pem(self) -> bytes:
        """The certificate of the signer, as a file of trusted roots would hold an issuer's."""
        return self.chain[0].public_bytes(serialization.Encoding.PEM)


@cache
def _key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_issuer(name: str = "Autoridad de Prueba") -> Signer:
    """Somebody who may issue certificates, by its own word."""
    return Signer(_key(name), (_certificate(name, _key(name), None, "", now() + timedelta(days=9), True),))


def make_signer(
    issuer: Signer, name: str = "Ana López", address: str = "ana@correo.example",
    *, until: datetime | None = None, issues: bool = False,
) -> Signer:  # fmt: skip
    """A person with a certificate of *issuer*, good until *until*."""
    certificate = _certificate(name, _key(name), issuer, address, until or now() + timedelta(days=9), issues)
    return Signer(_key(name), (certificate, *issuer.chain))


def _certificate(
    name: str, key: rsa.RSAPrivateKey, issuer: Signer | None, address: str, until: datetime, issues: bool
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.chain[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=30))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=issues, path_length=None), critical=True)
    )
    if address:
        names = x509.SubjectAlternativeName([x509.RFC822Name(address)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer.key if issuer else key, hashes.SHA256())


def sign(raw: bytes, signer: Signer, *, opaque: bool = False) -> bytes:
    """*raw* (headers, blank line, plain text) as a signed mail: multipart/signed, or *opaque*."""
    head, _, text = raw.partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-", b"mime-"))]
    entity = b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n' + text
    builder = pkcs7.PKCS7SignatureBuilder().set_data(entity)
    builder = builder.add_signer(signer.chain[0], signer.key, hashes.SHA256())
    for certificate in signer.chain[1:]:
        builder = builder.add_certificate(certificate)
    option = pkcs7.PKCS7Options.Binary if opaque else pkcs7.PKCS7Options.DetachedSignature
    options = [pkcs7.PKCS7Options.Binary] if opaque else [pkcs7.PKCS7Options.Binary, option]
    der = builder.sign(serialization.Encoding.DER, options)
    return b"\r\n".join(kept) + b"\r\n" + (_opaque(der) if opaque else _detached(entity, der))


def _opaque(der: bytes) -> bytes:
    return (
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + _in_base64(der)
    )


def _detached(entity: bytes, der: bytes) -> bytes:
    return (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol="application/pkcs7-signature";'
        b' micalg=sha-256; boundary="=_firma"\r\n\r\n--=_firma\r\n' + entity + b"\r\n--=_firma\r\n"
        b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + _in_base64(der) + b"--=_firma--\r\n"
    )


def _in_base64(der: bytes) -> bytes:
    return base64.encodebytes(der).replace(b"\n", b"\r\n")
