"""Verifies S/MIME signatures (RFC 8551, CMS of RFC 5652): who signed, and is it still what they signed.

`verify` never raises on bad mail; a worker calls it in the child of `intake.reading.isolation`,
for certificates are hostile bytes too. Revocation is not asked for: that would tell the
issuer of each mail that is read.
"""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from asn1crypto import cms
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from intake.addresses import clean_name, normalise_address
from intake.incoming import MailSignature
from intake.reading.mime import Part, Splitter

# More certificates than this are no chain, and more roots no list of anybody's.
MAX_CERTIFICATES, MAX_ROOTS = 20, 1_000
_OPAQUE = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_DETACHED = ("application/pkcs7-signature", "application/x-pkcs7-signature")
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
# RFC 8551, 2.1: no longer to be relied upon.
_WEAK = {"sha1", "sha224"}
_BREAK = re.compile(rb"\r?\n")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class _Unreadable(Exception):
    """No signature that we understand."""


def verify(raw: bytes, roots: str, moment: datetime) -> MailSignature | None:
    """The signature of *raw* as of *moment*; None when it has none.

    *roots*: files and folders of certificates, with spaces between, that are trusted beside the system's.
    """
    try:
        root = Splitter(raw).split()
        found = next(_signed_parts(root), None)
        if found is None:
            return None
        part, content, der = found
        signature = _verify(content, der, roots, moment)
    except MemoryError:  # `intake.reading.isolation` tells a clerk
        raise
    except Exception:  # asn1crypto and cryptography raise a dozen kinds on hostile bytes
        return MailSignature("unreadable")
    if part is not root and signature.verdict == "valid":
        # Anybody can wrap what somebody signed into a mail of their own.
        return MailSignature("partial", signature.name, signature.addresses, signature.issuer)
    return signature


def _signed_parts(root: Part) -> Iterator[tuple[Part, bytes | None, bytes]]:
    """Each signed part, what it signs (None: the signature holds it) and the signature."""
    for part in root.walk():
        if part.kind in _OPAQUE and _is_signed_data(part.content()):
            yield part, None, part.content()
        elif part.kind == "multipart/signed" and len(part.children) > 1:
            text, signature = part.children[0], part.children[-1]
            if signature.kind in _DETACHED:
                # RFC 8551, 3.1.1: lines end in CRLF for the signature, whatever carried them.
                stored = text.raw[text.begin : text.end]
                yield part, _BREAK.sub(b"\r\n", stored), signature.content()


def _is_signed_data(der: bytes) -> bool:
    return b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" in der[:60]


def _verify(content: bytes | None, der: bytes, roots: str, moment: datetime) -> MailSignature:
    info = cms.ContentInfo.load(der)
    if info["content_type"].native != "signed_data":
        raise _Unreadable("no SignedData")
    signed = info["content"]
    certificates = list(_certificates(signed))
    signer = signed["signer_infos"][0]
    leaf = _certificate_of(signer, certificates)
    inner = signed["encap_content_info"]["content"]
    covered = content if content is not None else bytes(inner)
    holds = _holds(signer, covered, leaf)
    name = _name_of(leaf.subject)
    verdict = (
        "altered"
        if not holds
        else "weak"
        if signer["digest_algorithm"]["algorithm"].native in _WEAK
        else _standing(leaf, certificates, roots, moment)
    )
    return MailSignature(verdict, name, _addresses_of(leaf), _name_of(leaf.issuer))


def _certificates(signed: cms.SignedData) -> Iterator[x509.Certificate]:
    for choice in list(signed["certificates"])[:MAX_CERTIFICATES]:
        try:
            yield x509.load_der_x509_certificate(choice.chosen.dump())
        except ValueError:
            continue


def _certificate_of(signer: cms.SignerInfo, certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    kind, wanted = signer["sid"].name, signer["sid"].chosen
    for certificate in certificates:
        if kind == "issuer_and_serial_number":
            issuer = wanted["issuer"].dump()
            if (
                certificate.serial_number == wanted["serial_number"].native
                and certificate.issuer.public_bytes() == issuer
            ):
                return certificate
        else:
            found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
            if found.value.digest == wanted.native:
                return certificate
    raise _Unreadable("the signer's certificate is not there")


def _holds(signer: cms.SignerInfo, covered: bytes, leaf: x509.Certificate) -> bool:
    """Whether the key of *leaf* signed *covered* (RFC 5652, 5.4)."""
    algorithm = signer["digest_algorithm"]["algorithm"].native
    if algorithm not in _HASHES:
        raise _Unreadable(algorithm)
    attributes = signer["signed_attrs"]
    if isinstance(attributes, cms.CMSAttributes):
        hashed = hashes.Hash(_HASHES[algorithm])
        hashed.update(covered)
        digest = hashed.finalize()
        said = [each["values"][0].native for each in attributes if each["type"].native == "message_digest"]
        if said != [digest]:
            return False
        # They are signed as the SET they are, not with the tag they travel with.
        covered = b"\x31" + attributes.dump()[1:]
    try:
        _check(leaf, signer, covered, _HASHES[algorithm])
    except InvalidSignature:
        return False
    return True


def _check(
    leaf: x509.Certificate, signer: cms.SignerInfo, covered: bytes, digest: hashes.HashAlgorithm
) -> None:
    """Raises InvalidSignature."""
    key, signature = leaf.public_key(), signer["signature"].native
    how = signer["signature_algorithm"]
    if isinstance(key, rsa.RSAPublicKey):
        if how.signature_algo == "rsassa_pss":
            inside = _HASHES[how.hash_algo]
            pss = padding.PSS(padding.MGF1(inside), padding.PSS.AUTO)
            key.verify(signature, covered, pss, inside)
        else:
            key.verify(signature, covered, padding.PKCS1v15(), digest)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, covered, ec.ECDSA(digest))
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, covered)
    else:
        raise UnsupportedAlgorithm(type(key).__name__)


# ---------------------------------------------------------------------- who vouches for the signer


def _standing(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], roots: str, moment: datetime
) -> str:
    trusted = load_roots(roots)
    if _is_vouched_for(leaf, others, trusted, moment):
        return "valid"
    # Was it good while it lasted? Then the date alone is what is wrong.
    last = leaf.not_valid_after_utc - timedelta(seconds=1)
    return "expired" if last < moment and _is_vouched_for(leaf, others, trusted, last) else "untrusted"


def _is_vouched_for(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    trusted: Sequence[x509.Certificate],
    moment: datetime,
) -> bool:
    if not trusted:
        return False
    kind = verification.Criticality.AGNOSTIC
    everything = verification.ExtensionPolicy.permit_all()
    # Looser than the Web's rules, which ask for names of servers: the tax office writes none.
    issuers = everything.require_present(x509.BasicConstraints, kind, _issues).may_be_present(
        x509.KeyUsage, kind, _signs_certificates
    )
    signers = everything.may_be_present(x509.KeyUsage, kind, _signs).may_be_present(
        x509.ExtendedKeyUsage, kind, _is_for_mail
    )
    policy = verification.PolicyBuilder().store(verification.Store(list(trusted))).time(moment)
    verifier = policy.extension_policies(ca_policy=issuers, ee_policy=signers).build_client_verifier()
    try:
        verifier.verify(leaf, [each for each in others if each != leaf])
    except (verification.VerificationError, ValueError):
        return False
    return True


def _issues(_policy: object, _certificate: x509.Certificate, found: x509.BasicConstraints) -> None:
    if not found.ca:
        raise ValueError("issues nothing")


def _signs_certificates(_policy: object, _certificate: x509.Certificate, found: x509.KeyUsage | None) -> None:
    if found is not None and not found.key_cert_sign:
        raise ValueError("signs no certificates")


def _signs(_policy: object, _certificate: x509.Certificate, found: x509.KeyUsage | None) -> None:
    if found is not None and not (found.digital_signature or found.content_commitment):
        raise ValueError("signs nothing")


def _is_for_mail(
    _policy: object, _certificate: x509.Certificate, found: x509.ExtendedKeyUsage | None
) -> None:
    # RFC 8550, 4.4.4.
    wanted = {ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if found is not None and not wanted.intersection(found):
        raise ValueError("not for mail")


def load_roots(roots: str) -> tuple[x509.Certificate, ...]:
    """The issuers the system trusts, and those in *roots*; `oficialia check` says what is not there."""
    places: list[Path] = []
    for text in roots.split():
        place = Path(text)
        places += sorted(place.iterdir()) if place.is_dir() else [place]
    system = ssl.get_default_verify_paths().cafile
    if system:
        places.append(Path(system))
    # A list that changes is read anew, without a restart.
    return tuple(
        each
        for place in places
        if place.is_file()
        for each in _read_certificates(place, place.stat().st_mtime_ns)
    )[:MAX_ROOTS]


@lru_cache(maxsize=64)
def _read_certificates(place: Path, _changed: int) -> tuple[x509.Certificate, ...]:
    content = place.read_bytes()
    found = []
    with warnings.catch_warnings():
        # Some of the roots that every system trusts are not quite as RFC 5280 wants them.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        for one in _PEM.findall(content) or [content]:
            is_text = one.startswith(b"-----")
            try:
                found.append(
                    x509.load_pem_x509_certificate(one) if is_text else x509.load_der_x509_certificate(one)
                )
            except ValueError:
                continue
    return tuple(found)


# ---------------------------------------------------------------------- what the certificate says


def _name_of(name: x509.Name) -> str:
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.EMAIL_ADDRESS):
        for attribute in name.get_attributes_for_oid(kind):
            text = clean_name(str(attribute.value))[:200]
            if text:
                return text
    return ""


def _addresses_of(leaf: x509.Certificate) -> tuple[str, ...]:
    found = [str(each.value) for each in leaf.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found += names.get_values_for_type(x509.RFC822Name)
    except (x509.ExtensionNotFound, ValueError):
        # No address there, or none that can be read.
        pass
    return tuple(dict.fromkeys(normalise_address(each) for each in found))[:10]
