"""Certificates that look like SAT's: a root, an issuing authority, and e.firma files with RFC and CURP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PASSWORD = "12345678a"


@dataclass(frozen=True)
class EfirmaFiles:
    """What SAT hands out: .cer in DER, .key as encrypted PKCS#8 in DER, and its password."""

    certificate: bytes
    key: bytes
    password: str = PASSWORD


class Authority:
    """A root and an authority below it, as SAT has them. `write_trust` fills the folder of the setting."""

    def __init__(self, name: str = "AC DEL SERVICIO DE ADMINISTRACION TRIBUTARIA") -> None:
        self._moment = datetime.now(UTC)
        self._name = name
        self._root_key, self._key = _make_key(f"root of {name}"), _make_key(name)
        root_name = _name(f"Raíz de {name}")
        self._root = self._issue_authority(root_name, root_name, self._root_key, self._root_key, 1)
        self.certificate = self._issue_authority(_name(name), root_name, self._key, self._root_key, 0)
        self._serial = 30001000000500000000

    def issue(self, *, name: str = "JAIME TORRES LUNA", rfc: str = "TOLJ800101AB1",
              curp: str = "TOLJ800101HJCRNM09",
              days: tuple[int, int] = (-30, 1400)) -> EfirmaFiles:  # fmt: skip
        """An e.firma of a person, valid from and until so many days from now."""
        self._serial += 1
        key = _make_key(f"{self._serial} of {self._name}")
        # SAT's serial numbers are twenty digits, each written as its ASCII byte.
        serial = int.from_bytes(str(self._serial).encode(), "big")
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, name),
                x509.NameAttribute(x509.ObjectIdentifier("2.5.4.41"), name),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
                x509.NameAttribute(NameOID.COUNTRY_NAME, "MX"),
                x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, rfc),
                x509.NameAttribute(NameOID.SERIAL_NUMBER, curp),
            ]
        )
        usage = _usage(digital_signature=True, content_commitment=True)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(self._moment + timedelta(days=days[0]))
            .not_valid_after(self._moment + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return EfirmaFiles(
            certificate.public_bytes(serialization.Encoding.DER),
            key.private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(PASSWORD.encode()),
            ),
        )

    def issue_tsa(self) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
        """A certificate for dating signatures."""
        key = _make_key(f"time of {self._name}")
        certificate = (
            self._builder(_name("Sellos de tiempo"), self.certificate.subject, key)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .add_extension(_usage(digital_signature=True, content_commitment=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        return certificate, key

    def write_trust(
        self, folder: Path, *, revoked: EfirmaFiles | None = None, with_lists: bool = False
    ) -> None:
        """Root and authority in *folder*, and the lists of revoked certificates when asked for."""
        folder.mkdir(parents=True, exist_ok=True)
        der = serialization.Encoding.DER
        (folder / "raiz.cer").write_bytes(self._root.public_bytes(der))
        (folder / "ac.crt").write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        if revoked is None and not with_lists:
            return
        serials = [x509.load_der_x509_certificate(revoked.certificate).serial_number] if revoked else []
        (folder / "ac.crl").write_bytes(self._list(self.certificate, self._key, serials).public_bytes(der))
        (folder / "raiz.crl").write_bytes(self._list(self._root, self._root_key, []).public_bytes(der))

    def _list(
        self, issuer: x509.Certificate, key: rsa.RSAPrivateKey, serials: list[int]
    ) -> x509.CertificateRevocationList:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.subject)
            .last_update(self._moment - timedelta(hours=1))
            .next_update(self._moment + timedelta(days=7))
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
            )
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        for serial in serials:
            revoked = (
                x509.RevokedCertificateBuilder()
                .serial_number(serial)
                .revocation_date(self._moment - timedelta(days=1))
                .build()
            )
            builder = builder.add_revoked_certificate(revoked)
        return builder.sign(key, hashes.SHA256())

    def _issue_authority(
        self, subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, by: rsa.RSAPrivateKey, depth: int
    ) -> x509.Certificate:
        usage = _usage(key_cert_sign=True, crl_sign=True)
        return (
            self._builder(subject, issuer, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
            .add_extension(usage, critical=True)
            .sign(by, hashes.SHA256())
        )

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey
    ) -> x509.CertificateBuilder:
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._moment - timedelta(days=3000))
            .not_valid_after(self._moment + timedelta(days=3000))
            .add_extension(identifier, critical=False)
        )


@cache
def _make_key(_whose: str) -> rsa.RSAPrivateKey:
    """Another for everybody, but the same in each test: one takes as long as the rest of a test."""
    return rsa.generate_private_key(65537, 2048)


def _name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SERVICIO DE ADMINISTRACION TRIBUTARIA"),
            # SAT's authorities too have an RFC there.
            x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, "SAT970701NN3"),
        ]
    )


def _usage(**which: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**{name: which.get(name, False) for name in names})
