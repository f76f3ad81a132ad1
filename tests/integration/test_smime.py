"""Mail signed with S/MIME: who signed is verified and shown, and nothing forged passes for it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies
from hypothesis import settings as hypothesis_settings
from sqlalchemy import select

from intake import held, spool
from intake.config import Settings
from intake.incoming import MailSignature
from intake.office import Office
from intake.parsing import parse_email
from intake.pipeline import process_spooled
from intake.reading.isolation import Reader
from intake.senders.smime import verify
from models.base import now
from models.inbound_mail import InboundMail
from models.message import Message
from tests.support.institution import Institution
from tests.support.mails import make_mail
from tests.support.smime import Signer, make_issuer, make_signer, sign

SUPPORT = "soporte@example.gob.mx"
CORPUS = Path(__file__).parent.parent / "corpus"


@pytest.fixture(scope="module")
def issuer() -> Signer:
    return make_issuer()


@pytest.fixture(scope="module")
def roots(issuer: Signer, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("roots")
    (folder / "autoridad.pem").write_bytes(issuer.pem)
    return str(folder)


def verdict(raw: bytes, roots: str) -> str:
    found = verify(raw, roots, now())
    return found.verdict if found else ""


@pytest.mark.parametrize("opaque", [False, True])
def test_a_signature_is_verified_and_its_signer_known(issuer: Signer, roots: str, opaque: bool) -> None:
    raw = sign(make_mail(), make_signer(issuer), opaque=opaque)
    assert verify(raw, roots, now()) == MailSignature(
        "valid", "Ana López", ("ana@correo.example",), "Autoridad de Prueba"
    )
    assert "impresora" in parse_email(raw).reply_text


def test_an_issuer_between_is_followed_to_the_root(issuer: Signer, roots: str) -> None:
    between = make_signer(issuer, "Autoridad Intermedia", "", issues=True)
    assert verdict(sign(make_mail(), make_signer(between)), roots) == "valid"


def test_a_person_cannot_issue_certificates(issuer: Signer, roots: str) -> None:
    forger = make_signer(issuer, "Un Particular", "x@correo.example")
    assert verdict(sign(make_mail(), make_signer(forger, "El Director")), roots) == "untrusted"


def test_one_changed_letter_is_known(issuer: Signer, roots: str) -> None:
    raw = sign(make_mail(), make_signer(issuer))
    assert verdict(raw.replace(b"ventanilla 3", b"ventanilla 4"), roots) == "altered"


def test_line_ends_changed_on_the_way_change_nothing(issuer: Signer, roots: str) -> None:
    raw = sign(make_mail(), make_signer(issuer))
    assert verdict(raw.replace(b"\r\n", b"\n"), roots) == "valid"


def test_an_unknown_issuer_is_not_trusted(issuer: Signer) -> None:
    assert verdict(sign(make_mail(), make_signer(issuer)), "") == "untrusted"


def test_a_certificate_that_has_expired_is_said_to_have(issuer: Signer, roots: str) -> None:
    signer = make_signer(issuer, until=now() - timedelta(days=1))
    assert verdict(sign(make_mail(), signer), roots) == "expired"


def test_what_somebody_signed_does_not_vouch_for_the_mail_around_it(issuer: Signer, roots: str) -> None:
    inner = sign(make_mail(), make_signer(issuer)).partition(b"MIME-Version: 1.0\r\n")[2]
    wrapped = (
        b"From: ana@correo.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
        b"Deposite en esta otra cuenta.\r\n--b\r\n" + inner + b"\r\n--b--\r\n"
    )
    assert verdict(wrapped, roots) == "partial"


def test_a_mail_without_signature_has_none(roots: str) -> None:
    assert verify(make_mail(), roots, now()) is None


@hypothesis_settings(max_examples=150, deadline=None)
@given(where=strategies.integers(0, 4_000), value=strategies.integers(0, 255))
def test_no_damage_makes_it_raise_or_pass_for_another(where: int, value: int) -> None:
    issuer = make_issuer()
    raw = sign(make_mail(), make_signer(issuer), opaque=True)
    head, _, body = raw.partition(b"\r\n\r\n")
    der = bytearray(base64.b64decode(body))
    der[where % len(der)] = value
    found = verify(head + b"\r\n\r\n" + base64.encodebytes(bytes(der)), "", now())
    assert found is None or found.verdict in ("altered", "untrusted", "unreadable", "weak")


@pytest.mark.parametrize("name", ["smime-firmado-opaco", "smime-cifrado", "pgp-cifrado"])
def test_what_is_signed_or_encrypted_in_other_ways_never_raises(name: str, roots: str) -> None:
    raw = (CORPUS / f"{name}.eml").read_bytes()
    for end in range(0, len(raw), 50):
        verify(raw[:end], roots, now())


def test_the_killable_child_verifies_as_we_do(issuer: Signer, roots: str) -> None:
    raw = sign(make_mail(), make_signer(issuer))
    with Reader() as reader:
        found = reader.verify(raw, roots, now())
    assert found is not None and found.verdict == "valid"


# ---------------------------------------------------------------------- on the message


@pytest.fixture
def office(settings: Settings, roots: str) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"smime_roots": roots}))
    yield opened
    opened.database.close()


def arrive(office: Office, raw: bytes) -> Message:
    spool.store(office, [spool.Arrival("smtp", raw, "ana@correo.example", (SUPPORT,))])
    process_spooled(office)
    with office.database.reading() as session:
        return session.scalars(select(Message)).one()


def test_the_signer_is_part_of_the_sentence_on_the_message(
    office: Office, town: Institution, issuer: Signer
) -> None:
    found = arrive(office, sign(make_mail(), make_signer(issuer))).authentication
    assert "Lo firmó Ana López <ana@correo.example>" in found["sentence"]
    assert "Autoridad de Prueba" in found["sentence"] and "warning" not in found
    assert found["signature"]["verdict"] == "valid"


def test_altered_content_is_warned_of(office: Office, town: Institution, issuer: Signer) -> None:
    raw = sign(make_mail(), make_signer(issuer)).replace(b"ventanilla 3", b"ventanilla 4")
    assert "cambió después de firmarse" in arrive(office, raw).authentication["warning"]


def test_somebody_elses_good_signature_is_warned_of(
    office: Office, town: Institution, issuer: Signer
) -> None:
    raw = sign(make_mail(), make_signer(issuer, "Beto Ruiz", "beto@correo.example"))
    warning = arrive(office, raw).authentication["warning"]
    assert "Lo firmó Beto Ruiz" in warning and "no es ana@correo.example" in warning


def test_an_encrypted_mail_is_kept_and_explained(office: Office, town: Institution) -> None:
    raw = (CORPUS / "smime-cifrado.eml").read_bytes()
    message = arrive(office, raw)
    assert "sólo lo abre quien tiene la clave" in message.authentication["sentence"]
    with office.database.reading() as session:
        assert [file.filename for file in session.merge(message).attachments] == ["smime.p7m"]


def test_a_clerk_who_decides_later_still_sees_the_signature(
    office: Office, town: Institution, issuer: Signer
) -> None:
    raw = b"X-Spam-Flag: YES\r\n" + sign(make_mail(), make_signer(issuer))
    trusting = Office(
        office.settings.model_copy(update={"trust_spam_headers": True}), office.database, office.store
    )
    (number,) = spool.store(trusting, [spool.Arrival("smtp", raw, "ana@correo.example", (SUPPORT,))])
    process_spooled(trusting)
    with office.database.writing() as session:
        inbound = session.get_one(InboundMail, number)
        case = held.make_ticket(session, office, inbound, session.merge(town.accounts["oficialia"]))
        message = session.scalars(select(Message).where(Message.case_id == case.id)).one()
        assert "Lo firmó Ana López" in message.authentication["sentence"]
