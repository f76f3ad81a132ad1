"""e.firma and seal, checked with poppler's pdfsig, with pyHanko and with our own verification."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from sqlalchemy import select

from intake.config import Settings
from intake.errors import Conflict, InvalidInput
from intake.issued import approval
from intake.office import Office
from intake.proofs import efirma
from intake.proofs.efirma import open_efirma
from intake.proofs.verification import Verdict, examine_pdf, find_by_code
from intake.running.backup import back_up, restore
from models.folio import last_number
from models.oficio import Oficio
from models.signature import Signature
from models.workflow import NotAllowed
from tests.support.desk import later
from tests.support.documents import acting, fields, pdf_of, poppler, sign, write
from tests.support.efirma import Authority, EfirmaFiles
from tests.support.institution import Institution, found_institution
from tests.support.tsa import time_stamps

# Of the two databases the second would say nothing about signatures.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
RFC = "TOLJ800101AB1"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def trust(authority: Authority, tmp_path: Path) -> Path:
    folder = tmp_path / "sat"
    authority.write_trust(folder)
    return folder


@pytest.fixture
def office(settings: Settings, trust: Path) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"efirma_folder": str(trust)}))
    yield opened
    opened.database.close()


@pytest.fixture
def institution(office: Office) -> Institution:
    """The heads of Sistemas and of Obras may sign."""
    with office.database.writing() as session:
        found = found_institution(session)
        for name, rfc in (("head", RFC), ("other", "PEOL790202XY3")):
            found.accounts[name].is_signer = True
            session.flush()
            found.accounts[name].person.rfc = rfc
        return found


@pytest.fixture
def waiting(office: Office, institution: Institution) -> int:
    """A document that was approved and waits for the e.firma of its head."""
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution, needs_efirma=True))
        approval.submit(session, office, oficio, people["head"])
        assert oficio.state == "pending_signature" and oficio.number == 1
        return oficio.id


def _sign(
    office: Office, institution: Institution, oficio_id: int, files: EfirmaFiles, who: str = "head"
) -> bytes:
    with acting(office, institution) as (session, people):
        oficio = session.get_one(Oficio, oficio_id)
        sign(session, office, oficio, people[who], files)
        return pdf_of(session, office, oficio)


def test_a_document_signed_with_efirma_is_valid_for_everybody_and_is_sent(
    office: Office, institution: Institution, authority: Authority, waiting: int, tmp_path: Path
) -> None:
    pdf = _sign(office, institution, waiting, authority.issue(rfc=RFC))
    said = poppler("pdfsig", pdf, tmp_path)
    assert "Signature is Valid." in said and "ETSI.CAdES.detached" in said
    assert "JAIME TORRES LUNA" in said and "Total document signed" in said
    with acting(office, institution) as (session, _):
        oficio = session.get_one(Oficio, waiting)
        assert oficio.state == "sent"
        made = session.scalars(select(Signature)).one()
        # SAT's serial number is read as digits, not as a hexadecimal number.
        assert made.serial.startswith("300010000005") and made.level == "B-B"
        examined = examine_pdf(session, office, pdf)
        assert examined.verdict == Verdict.AUTHENTIC
        assert [(one.is_intact, one.is_trusted) for one in examined.signatures] == [(True, True)]
        assert examined.found is not None and examined.found.signatures[0].name == "Jaime Torres"


def test_the_key_is_nowhere_in_what_is_kept(
    office: Office, institution: Institution, authority: Authority, waiting: int, tmp_path: Path
) -> None:
    files = authority.issue(rfc=RFC)
    pdf = _sign(office, institution, waiting, files)
    opened = open_efirma(files.certificate, files.key, files.password)
    secret = opened.signer.signing_key["private_key"].parsed["prime1"].contents
    kept = [pdf, *(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())]
    assert not any(secret in content or files.password.encode() in content for content in kept)
    assert "PrivateKey" not in repr(opened)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("efirma_password", lambda a, files: EfirmaFiles(files.certificate, files.key, "otra")),
        ("efirma_not_a_pair", lambda a, files: EfirmaFiles(files.certificate, a.issue(rfc=RFC).key)),
        ("efirma_certificate", lambda a, files: EfirmaFiles(b"no es un certificado", files.key)),
        ("efirma_key", lambda a, files: EfirmaFiles(files.certificate, files.certificate)),
        ("efirma_expired", lambda a, files: a.issue(rfc=RFC, days=(-90, -1))),
        ("efirma_not_yet", lambda a, files: a.issue(rfc=RFC, days=(1, 90))),
        ("efirma_of_another", lambda a, files: a.issue(rfc="XAXX010101000", curp="XAXX010101HDFXXX01")),
        ("efirma_foreign", lambda a, files: Authority("AC INVENTADA").issue(rfc=RFC)),
    ],
)
def test_a_wrong_efirma_is_refused_clearly_and_burns_no_number(
    office: Office, institution: Institution, authority: Authority, waiting: int, key: str, change: object
) -> None:
    files = change(authority, authority.issue(rfc=RFC))  # type: ignore[operator]
    with pytest.raises(InvalidInput) as refusal:
        _sign(office, institution, waiting, files)
    assert refusal.value.key == key
    assert not str(refusal.value).startswith("error."), "The refusal has no sentence."
    with acting(office, institution) as (session, people):
        oficio = session.get_one(Oficio, waiting)
        assert (oficio.state, oficio.number) == ("pending_signature", 1)
        # The number still belongs to the document that waits, and the next one gets the next.
        other = write(session, office, people["head"], fields(institution))
        approval.approve(session, office, other, people["head"])
        assert other.number == 2


def test_a_revoked_efirma_is_refused(
    office: Office, institution: Institution, authority: Authority, waiting: int, trust: Path
) -> None:
    files = authority.issue(rfc=RFC)
    authority.write_trust(trust, revoked=files)
    with pytest.raises(InvalidInput) as refusal:
        _sign(office, institution, waiting, files)
    assert refusal.value.key == "efirma_revoked"


def test_an_outdated_list_of_the_revoked_is_said_and_not_overlooked(
    office: Office, institution: Institution, authority: Authority, waiting: int, trust: Path
) -> None:
    files = authority.issue(rfc=RFC)
    authority.write_trust(trust, with_lists=True)
    with later(days=8), pytest.raises(InvalidInput) as refusal:
        _sign(office, institution, waiting, files)
    assert refusal.value.key == "efirma_lists"


def test_without_configured_issuers_or_rfc_nobody_signs(
    office: Office, institution: Institution, authority: Authority, waiting: int
) -> None:
    unset = Office(office.settings.model_copy(update={"efirma_folder": ""}), office.database, office.store)
    with pytest.raises(InvalidInput) as refusal:
        _sign(unset, institution, waiting, authority.issue(rfc=RFC))
    assert refusal.value.key == "efirma_no_roots"
    with acting(office, institution) as (_, people):
        people["head"].person.rfc = ""
    with pytest.raises(InvalidInput) as refusal:
        _sign(office, institution, waiting, authority.issue(rfc=RFC))
    assert refusal.value.key == "efirma_no_rfc"


def test_the_curp_identifies_as_well_as_the_rfc(
    office: Office, institution: Institution, authority: Authority, waiting: int
) -> None:
    with acting(office, institution) as (_, people):
        people["head"].person.rfc, people["head"].person.curp = "", "TOLJ800101HJCRNM09"
    _sign(office, institution, waiting, authority.issue())


@pytest.fixture
def dated(office: Office, authority: Authority) -> Iterator[Office]:
    with time_stamps(authority) as url:
        yield Office(office.settings.model_copy(update={"tsa_url": url}), office.database, office.store)


def test_a_time_stamp_makes_it_b_t_and_revocation_lists_b_lt(
    dated: Office, institution: Institution, authority: Authority, waiting: int, trust: Path, tmp_path: Path
) -> None:
    pdf = _sign(dated, institution, waiting, authority.issue(rfc=RFC))
    assert "Signature is Valid." in poppler("pdfsig", pdf, tmp_path)
    authority.write_trust(trust, with_lists=True)
    with acting(dated, institution) as (session, people):
        assert session.scalars(select(Signature.level)).one() == "B-T"
        second = write(session, dated, people["head"], fields(institution, needs_efirma=True))
        approval.approve(session, dated, second, people["head"])
    pdf = _sign(dated, institution, second.id, authority.issue(rfc=RFC))
    assert "Signature is Valid." in poppler("pdfsig", pdf, tmp_path)
    with acting(dated, institution) as (session, _):
        assert session.scalars(select(Signature.level).order_by(Signature.id)).all() == ["B-T", "B-LT"]
    with (tmp_path / "document.pdf").open("rb") as file:
        reader = PdfFileReader(file)
        assert "/DSS" in reader.root
        (embedded,) = reader.embedded_regular_signatures
        context = efirma.context_of(efirma.read_trust(dated))
        status = validate_pdf_signature(embedded, context)
        assert status.bottom_line and status.timestamp_validity is not None


def test_while_the_time_stamps_are_away_nothing_is_signed(
    office: Office, institution: Institution, authority: Authority, waiting: int
) -> None:
    away = office.settings.model_copy(update={"tsa_url": "http://127.0.0.1:9/"})
    with pytest.raises(InvalidInput) as refusal:
        _sign(Office(away, office.database, office.store), institution, waiting, authority.issue(rfc=RFC))
    assert refusal.value.key == "tsa_away"


def test_several_sign_one_after_the_other_and_the_last_one_sends(
    office: Office, institution: Institution, authority: Authority, tmp_path: Path
) -> None:
    signers = (institution.accounts["head"].id, institution.accounts["other"].id)
    with acting(office, institution) as (session, people):
        what = fields(institution, needs_efirma=True, signers=signers)
        oficio = write(session, office, people["head"], what)
        approval.approve(session, office, oficio, people["head"])
        with pytest.raises(NotAllowed):
            sign(session, office, oficio, people["worker"], authority.issue(rfc=RFC))
    _sign(office, institution, oficio.id, authority.issue(rfc=RFC))
    with acting(office, institution) as (session, _):
        assert session.get_one(Oficio, oficio.id).state == "pending_signature"
    olga = authority.issue(name="OLGA PEÑA ORTIZ", rfc="PEOL790202XY3", curp="PEOO790202MJCXRL05")
    pdf = _sign(office, institution, oficio.id, olga, who="other")
    said = poppler("pdfsig", pdf, tmp_path)
    assert said.count("Signature is Valid.") == 2
    with acting(office, institution) as (session, _):
        assert session.get_one(Oficio, oficio.id).state == "sent"
        assert examine_pdf(session, office, pdf).verdict == Verdict.AUTHENTIC


def test_two_who_sign_at_the_same_moment_do_not_lose_a_signature(
    office: Office, institution: Institution, authority: Authority
) -> None:
    signers = (institution.accounts["head"].id, institution.accounts["other"].id)
    with acting(office, institution) as (session, people):
        oficio = write(
            session, office, people["head"], fields(institution, needs_efirma=True, signers=signers)
        )
        approval.approve(session, office, oficio, people["head"])
        files = authority.issue(rfc=RFC)
        opened = open_efirma(files.certificate, files.key, files.password)
        signed = approval.prepare_signature(session, office, oficio, people["head"], opened)
        olga = authority.issue(name="OLGA PEÑA ORTIZ", rfc="PEOL790202XY3")
        sign(session, office, oficio, people["other"], olga)
        with pytest.raises(Conflict):
            approval.sign(session, office, oficio, people["head"], signed)


def test_the_institution_s_seal_is_a_signature_too(
    office: Office, institution: Institution, tmp_path: Path
) -> None:
    path = office.settings.outgoing_dir.parent / "seal.p12"
    path.unlink()
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution))
        approval.approve(session, office, oficio, people["head"])
        pdf = pdf_of(session, office, oficio)
        said = poppler("pdfsig", pdf, tmp_path)
        assert "Signature is Valid." in said and "Municipio de Ejemplo" in said
        examined = examine_pdf(session, office, pdf)
        assert examined.verdict == Verdict.AUTHENTIC and examined.signatures[0].is_trusted
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("is_signed", [False, True])
def test_one_altered_byte_is_found_by_pdfsig_and_by_us(
    office: Office,
    institution: Institution,
    authority: Authority,
    waiting: int,
    is_signed: bool,
    tmp_path: Path,
) -> None:
    if is_signed:
        pdf = _sign(office, institution, waiting, authority.issue(rfc=RFC))
    else:
        with acting(office, institution) as (session, people):
            oficio = write(session, office, people["head"], fields(institution))
            approval.approve(session, office, oficio, people["head"])
            pdf = pdf_of(session, office, oficio)
    middle = pdf.index(b"stream", len(pdf) // 4) + 40
    altered = pdf[:middle] + bytes([pdf[middle] ^ 1]) + pdf[middle + 1 :]
    assert "Signature is Valid." not in poppler("pdfsig", altered, tmp_path)
    with acting(office, institution) as (session, _):
        examined = examine_pdf(session, office, altered)
        assert examined.verdict == Verdict.ALTERED
        assert not any(one.is_intact for one in examined.signatures)
        assert examined.found is not None and examined.found.sha256 != examined.sha256
        # Added at the end, what is signed stays whole: it is no more the file that was issued.
        assert examine_pdf(session, office, pdf + b"\n%").verdict == Verdict.ALTERED
        assert examine_pdf(session, office, b"%PDF-1.7 nada").verdict == Verdict.UNKNOWN
        assert examine_pdf(session, office, b"hola").verdict == Verdict.UNREADABLE


def test_a_code_leads_to_what_was_sent_and_to_nothing_that_was_not(
    office: Office, institution: Institution, authority: Authority, waiting: int
) -> None:
    with acting(office, institution) as (session, _):
        code = session.get_one(Oficio, waiting).verification_code
        assert code is not None and find_by_code(session, code) is None
    _sign(office, institution, waiting, authority.issue(rfc=RFC))
    with acting(office, institution) as (session, _):
        found = find_by_code(session, f" {code.lower().replace('-', ' ')} ")
        assert found is not None and found.folio.startswith("DSI/0001/")
        assert RFC not in repr(found)
        assert find_by_code(session, "AAAAA-AAAAA-AAAAA-AAAAA") is None
        assert last_number(session, f"doc:{institution.systems.id}", 1990) == 0


def test_a_backup_brings_the_seal_along(office: Office, institution: Institution, tmp_path: Path) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution))
        approval.approve(session, office, oficio, people["head"])
        pdf = pdf_of(session, office, oficio)
    back_up(office, tmp_path / "backup.tar")
    elsewhere = Office.open(
        office.settings.model_copy(
            update={
                "database_url": f"sqlite:///{tmp_path / 'elsewhere' / 'register.db'}",
                "store_url": f"file:{tmp_path / 'elsewhere' / 'files'}",
                "outgoing_dir": tmp_path / "elsewhere" / "outgoing",
            }
        )
    )
    restore(elsewhere, tmp_path / "backup.tar")
    with elsewhere.database.reading() as session:
        examined = examine_pdf(session, elsewhere, pdf)
    assert examined.verdict == Verdict.AUTHENTIC and examined.signatures[0].is_trusted
