"""SAT's e.firma: opens certificate and key, and checks that they may sign as an account's person.

The key is in memory for one signature and nowhere else. Every *no* is InvalidInput,
said before anything is changed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from asn1crypto import crl, keys, pem, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from pyhanko.sign.signers import SimpleSigner
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    ExpiredError,
    InsufficientRevinfoError,
    NotYetValidError,
    PathError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.registry import SimpleCertificateStore

from intake.errors import InvalidInput
from intake.office import Office
from intake.proofs.signer import CheckedSigner
from intake.wording import day
from models.base import now
from models.person import Account, Person

# SAT writes the RFC into uniqueIdentifier (2.5.4.45) as a string; X.520 wants bits there, asn1crypto insists
# on them, and pyHanko stands on asn1crypto (wbond/asn1crypto #228).
x509.NameTypeAndValue._oid_specs["unique_identifier"] = x509.DirectoryString

MAX_FILE = 100_000
_USAGE = {"digital_signature", "non_repudiation"}


@dataclass(frozen=True, slots=True)
class Efirma:
    """An opened e.firma: the certificate, and what signs with its key."""

    certificate: x509.Certificate
    signer: SimpleSigner = field(repr=False)

    @property
    def serial(self) -> str:
        return serial_of(self.certificate)

    @property
    def name(self) -> str:
        return name_of(self.certificate)

    @property
    def identifiers(self) -> frozenset[str]:
        """RFC and CURP; of a company's also those of who represents it."""
        subject = self.certificate.subject.native
        values = [str(subject.get(part) or "") for part in ("unique_identifier", "serial_number")]
        return frozenset(word.upper() for value in values for word in re.split(r"[\s/]+", value) if word)


@dataclass(frozen=True, slots=True)
class Trust:
    """The issuers and the lists of revoked certificates that an administrator put into the folder."""

    roots: tuple[x509.Certificate, ...] = ()
    others: tuple[x509.Certificate, ...] = ()
    crls: tuple[crl.CertificateList, ...] = ()


def open_efirma(certificate: bytes, key: bytes, password: str) -> Efirma:
    """Open SAT's .cer and encrypted .key. Raises InvalidInput: which of the three is wrong."""
    found = _read_certificate(certificate)
    opened = _open_key(key, password)
    public = serialization.load_der_public_key(found.public_key.dump())
    theirs = opened.public_key()
    if _encoded(public) != _encoded(theirs):
        raise InvalidInput("efirma_not_a_pair")
    plain = opened.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signer = CheckedSigner(found, keys.PrivateKeyInfo.load(plain), SimpleCertificateStore())  # type: ignore[no-untyped-call]
    return Efirma(found, signer)


def _read_certificate(content: bytes) -> x509.Certificate:
    try:
        found = _certificates(content[:MAX_FILE])[0]
        # asn1crypto reads lazily: a broken certificate shows only when it is asked.
        _ = found.subject.native, found.issuer.native, found.not_valid_after, found.public_key.algorithm
    except (ValueError, TypeError, IndexError) as error:
        raise InvalidInput("efirma_certificate") from error
    return found


def _open_key(content: bytes, password: str) -> PrivateKeyTypes:
    try:
        keys.EncryptedPrivateKeyInfo.load(content[:MAX_FILE], strict=True).native  # noqa: B018
    except (ValueError, TypeError) as error:
        raise InvalidInput("efirma_key") from error
    try:
        return serialization.load_der_private_key(content, password.encode())
    except (ValueError, TypeError) as error:
        raise InvalidInput("efirma_password") from error


def _encoded(key: PublicKeyTypes) -> bytes:
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.DER, public)


def check(office: Office, efirma: Efirma, account: Account, at: datetime | None = None) -> None:
    """Whether *account* may sign with it now. Raises InvalidInput."""
    check_owner(efirma, account.person)
    moment = at or now()
    if efirma.certificate.not_valid_after < moment:
        raise InvalidInput("efirma_expired", until=day(efirma.certificate.not_valid_after))
    if efirma.certificate.not_valid_before > moment:
        raise InvalidInput("efirma_not_yet", since=day(efirma.certificate.not_valid_before))
    trust = read_trust(office)
    if not trust.roots:
        raise InvalidInput("efirma_no_roots")
    validator = CertificateValidator(
        efirma.certificate,
        intermediate_certs=trust.others,
        validation_context=context_of(trust, moment, policy=_policy(trust, efirma.certificate)),
    )
    try:
        # Both: a CSD of the same issuers, which seals invoices, commits nobody to a document.
        asyncio.run(validator.async_validate_usage(_USAGE))  # type: ignore[no-untyped-call]
    except RevokedError as error:
        raise InvalidInput("efirma_revoked", serial=efirma.serial) from error
    except InsufficientRevinfoError as error:
        raise InvalidInput("efirma_lists", issuer=issuer_of(efirma.certificate)) from error
    except (ExpiredError, NotYetValidError) as error:
        raise InvalidInput("efirma_chain", issuer=issuer_of(efirma.certificate)) from error
    except (PathError, ValidationError) as error:
        raise InvalidInput("efirma_foreign", issuer=issuer_of(efirma.certificate)) from error


def check_owner(efirma: Efirma, person: Person) -> None:
    """The certificate names the RFC or the CURP that the directory has for *person*. Raises InvalidInput."""
    known = {value for value in (person.rfc, person.curp) if value}
    if not known:
        raise InvalidInput("efirma_no_rfc", name=person.name)
    if not known & efirma.identifiers:
        raise InvalidInput("efirma_of_another", name=person.name, subject=efirma.name)


def context_of(trust: Trust, moment: datetime | None = None, *, mode: str = "soft-fail",
               policy: CertRevTrustPolicy | None = None,
               roots: Sequence[x509.Certificate] = ()) -> ValidationContext:  # fmt: skip
    """What pyHanko trusts: nothing is fetched, everything is at hand or unknown."""
    return ValidationContext(
        trust_roots=[*trust.roots, *roots],
        other_certs=list(trust.others),
        crls=list(trust.crls),
        moment=moment,
        allow_fetching=False,
        revocation_mode=mode,
        revinfo_policy=policy,
    )


def _policy(trust: Trust, certificate: x509.Certificate) -> CertRevTrustPolicy:
    """Who has a list of an issuer in the folder wants it asked, whether certificates name one or not."""
    listed = {one.issuer.hashable for one in trust.crls}
    is_listed = certificate.issuer.hashable in listed
    is_root_listed = any(one.subject.hashable in listed for one in trust.roots)
    required, soft = RevocationCheckingRule.CRL_REQUIRED, RevocationCheckingRule.CHECK_IF_DECLARED_SOFT
    return CertRevTrustPolicy(
        RevocationCheckingPolicy(
            ee_certificate_rule=required if is_listed else soft,
            intermediate_ca_cert_rule=required if is_root_listed else soft,
        )
    )


def read_trust(office: Office) -> Trust:
    """What `OFICIALIA_EFIRMA_FOLDER` holds now."""
    if not office.settings.efirma_folder:
        return Trust()
    folder = Path(office.settings.efirma_folder)
    found = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    return _read_trust(tuple((str(path), path.stat().st_mtime_ns) for path in found))


@lru_cache(maxsize=4)
def _read_trust(files: tuple[tuple[str, int], ...]) -> Trust:
    roots: list[x509.Certificate] = []
    others: list[x509.Certificate] = []
    lists: list[crl.CertificateList] = []
    for name, _ in files:
        content = Path(name).read_bytes()
        if name.lower().endswith(".crl"):
            der = pem.unarmor(content)[2] if pem.detect(content) else content
            lists.append(crl.CertificateList.load(der))
        elif name.lower().endswith((".cer", ".crt", ".pem", ".der")):
            for certificate in _certificates(content):
                (roots if certificate.self_signed != "no" else others).append(certificate)
    return Trust(tuple(roots), tuple(others), tuple(lists))


def _certificates(content: bytes) -> list[x509.Certificate]:
    if pem.detect(content):
        return [x509.Certificate.load(der) for _, _, der in pem.unarmor(content, multiple=True)]
    return [x509.Certificate.load(content, strict=True)]


def serial_of(certificate: x509.Certificate) -> str:
    """The serial number as SAT prints it (its bytes are digits), else in hexadecimal."""
    number = int(certificate.serial_number)
    raw = number.to_bytes((number.bit_length() + 7) // 8 or 1, "big")
    return raw.decode("ascii") if raw.isdigit() else f"{number:X}"


def name_of(certificate: x509.Certificate) -> str:
    """Whose certificate it is."""
    subject = certificate.subject.native
    return str(subject.get("common_name") or subject.get("name") or certificate.subject.human_friendly)


def issuer_of(certificate: x509.Certificate) -> str:
    """Who issued it."""
    issuer = certificate.issuer.native
    return str(issuer.get("common_name") or certificate.issuer.human_friendly)
