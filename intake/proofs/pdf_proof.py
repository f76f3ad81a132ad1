"""What a PDF proves by itself: the verification code that it bears, and each of its signatures.

Runs here for files that the house made, and in the child of `intake.reading.isolation` for
those of strangers, hence plain values in and out.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime

from asn1crypto import crl, x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pypdf import PdfReader

from intake.proofs.codes import CODE
from intake.proofs.efirma import Trust, context_of, name_of, serial_of

# Name and serial number of the certificate, intact, trusted, and when.
Proof = tuple[str, str, bool, bool, datetime | None]
# A file with more is made to keep us busy.
MAX_SIGNATURES = 50


def prove(
    content: bytes, roots: Sequence[bytes], others: Sequence[bytes], crls: Sequence[bytes]
) -> tuple[str, list[Proof]]:
    """The code, empty without one, and the signatures in the order of the file.

    *roots*, *others* and *crls* are DER: issuers that are trusted, those between, and lists of revoked.
    """
    trust = Trust(
        tuple(x509.Certificate.load(one) for one in roots),
        tuple(x509.Certificate.load(one) for one in others),
        tuple(crl.CertificateList.load(one) for one in crls),
    )
    return _code_in(content), _signatures(content, trust)


def _code_in(content: bytes) -> str:
    try:
        about = PdfReader(io.BytesIO(content)).metadata
        keywords = str(about.get("/Keywords", "")) if about is not None else ""
    # pypdf meets broken files with exceptions of every kind.
    except Exception:
        keywords = ""
    match = CODE.search(keywords) or CODE.search(content[-200_000:].decode("latin-1"))
    return match[0] if match else ""


def _signatures(content: bytes, trust: Trust) -> list[Proof]:
    try:
        found = list(PdfFileReader(io.BytesIO(content), strict=False).embedded_regular_signatures)
    # A file from anybody: pyHanko, too, meets nonsense with exceptions of every kind.
    except Exception:
        return []
    return [_validate(one, trust) for one in found[:MAX_SIGNATURES]]


def _validate(embedded: EmbeddedPdfSignature, trust: Trust) -> Proof:
    try:
        status = validate_pdf_signature(embedded, context_of(trust))
        # What was added to the file afterwards may be another signature, and nothing that shows.
        is_intact = status.intact and status.valid and status.modification_level != ModificationLevel.OTHER
        at = status.timestamp_validity.timestamp if status.timestamp_validity else status.signer_reported_dt
        name, serial = name_of(status.signing_cert), serial_of(status.signing_cert)
    except (SignatureValidationError, PdfError, ValueError, TypeError, KeyError):
        return "", "", False, False, None
    return name, serial, is_intact, bool(status.trusted), at.astimezone(UTC) if at else None
