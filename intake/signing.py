"""PAdES signatures (ETSI EN 319 142-1): B-B, B-T with a time stamp server, B-LT with revocation data.

Each signature is an increment of the file, so those before it stay whole.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import structlog
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import SimpleSigner
from pyhanko.sign.timestamps import HTTPTimeStamper, TimestampRequestError
from pyhanko_certvalidator.errors import PathError, ValidationError

from intake.errors import InvalidInput
from intake.office import Office
from intake.proofs.efirma import Efirma, Trust, context_of, read_trust
from intake.proofs.seal import open_seal

log = structlog.get_logger()

BASELINE, TIMESTAMPED, LONG_TERM = "B-B", "B-T", "B-LT"
_TSA_SECONDS = 5
# Bytes of a signature beside its certificates: RSA 4096 and the signed attributes take some 1,000.
_ATTRIBUTES = 4096


@dataclass(frozen=True, slots=True)
class SignedPdf:
    """The whole file with one signature more, and the level of that signature."""

    content: bytes
    level: str


def seal_pdf(office: Office, pdf: bytes, *, reason: str, number: int = 1) -> SignedPdf:
    """Sign as the institution; no server is asked. *number*: of the signature in the file."""
    return SignedPdf(_sign(pdf, open_seal(office), _about(number, reason, "")), BASELINE)


def sign_pdf(
    office: Office, pdf: bytes, efirma: Efirma, *, reason: str, place: str = "", number: int = 1
) -> SignedPdf:
    """Sign with an e.firma that was checked. Raises InvalidInput when the time stamps are away."""
    about = _about(number, reason, place)
    settings = office.settings
    stamper = HTTPTimeStamper(settings.tsa_url, timeout=_TSA_SECONDS) if settings.tsa_url else None
    trust = read_trust(office)
    try:
        if trust.crls and stamper is not None:
            try:
                return SignedPdf(_sign(pdf, efirma.signer, _with_proof(about, trust), stamper), LONG_TERM)
            except (SigningError, PathError, ValidationError) as error:
                # The lists are of another issuer, or too old: the signature is as good, but proves itself
                # only while others keep the lists.
                log.warning("no revocation data", error=str(error))
        content = _sign(pdf, efirma.signer, about, stamper)
    except (TimestampRequestError, OSError, TimeoutError) as error:
        raise InvalidInput("tsa_away", words=str(error)) from error
    return SignedPdf(content, TIMESTAMPED if stamper else BASELINE)


def _room_for(signer: SimpleSigner) -> int:
    """Hexadecimal digits of a signature without time stamp; pyHanko would sign twice to find out."""
    certificates = {signer.signing_cert, *signer.cert_registry}
    return 2 * (sum(len(one.dump()) for one in certificates if one is not None) + _ATTRIBUTES)


def _about(number: int, reason: str, place: str) -> signers.PdfSignatureMetadata:
    return signers.PdfSignatureMetadata(
        field_name=f"Signature{number}",
        md_algorithm="sha256",
        reason=reason,
        location=place or None,
        subfilter=SigSeedSubFilter.PADES,
    )


def _with_proof(about: signers.PdfSignatureMetadata, trust: Trust) -> signers.PdfSignatureMetadata:
    return signers.PdfSignatureMetadata(
        field_name=about.field_name,
        md_algorithm=about.md_algorithm,
        reason=about.reason,
        location=about.location,
        subfilter=about.subfilter,
        embed_validation_info=True,
        # "require": what calls itself B-LT has an answer for every certificate of the chain.
        validation_context=context_of(trust, mode="require"),
    )


def _sign(
    pdf: bytes,
    signer: SimpleSigner,
    about: signers.PdfSignatureMetadata,
    stamper: HTTPTimeStamper | None = None,
) -> bytes:
    try:
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        signed = signers.sign_pdf(
            writer, about, signer, timestamper=stamper, bytes_reserved=None if stamper else _room_for(signer)
        )
    except PdfError as error:
        raise InvalidInput("pdf_unreadable") from error
    content: bytes = signed.getvalue()
    return content
