"""Who sent it: found out with a name server on this machine, shown, and decisive for follow-ups."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dkim
import pytest
from sqlalchemy import select

from intake import contacts, held, spool
from intake.authentication import Envelope, evaluate
from intake.config import Settings
from intake.incoming import Authentication
from intake.office import Office
from intake.pipeline import process_spooled
from models.case import Case
from models.event import Event
from models.inbound_mail import InboundMail, InboundStatus, Outcome
from models.message import Message
from models.outbox_message import OutboxMessage
from models.person import Person
from tests.support.institution import Institution
from tests.support.mails import make_mail
from tests.support.panel import Clerk, give_login
from tests.support.resolver import Names, name_server
from tests.support.signing import SELECTOR, sign, signing_key

# What a domain says of a mail is no question of the database; what the desk does then is proven on both.
pytestmark = pytest.mark.on_sqlite

SUPPORT = "soporte@example.gob.mx"
ANA = "ana@hacienda.example"
# The address of a stranger's mail server: public, and in no network of ours.
OUTSIDE = "187.191.80.25"
ENVELOPE = Envelope(ANA, OUTSIDE, "mail.hacienda.example", ANA)


@pytest.fixture
def names() -> Iterator[Names]:
    """The name server; hacienda.example names its server, signs, and wants others rejected."""
    with name_server() as running:
        running.add("hacienda.example", "TXT", f"v=spf1 ip4:{OUTSIDE} -all")
        running.add("_dmarc.hacienda.example", "TXT", "v=DMARC1; p=reject")
        running.add(f"{SELECTOR}._domainkey.hacienda.example", "TXT", signing_key().record)
        yield running


@pytest.fixture
def office(settings: Settings, names: Names) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"dns_server": names.address}))
    yield opened
    opened.database.close()


def mail_of_ana(text: str = "Solicito una copia del acta.", **more: str) -> bytes:
    return make_mail(f"Ana López <{ANA}>", text=text, **more)  # type: ignore[arg-type]


def found_in(raw: bytes, names: Names, envelope: Envelope = ENVELOPE, budget: float = 5) -> Authentication:
    return evaluate(raw, envelope, names.address, budget)


def arrive(
    office: Office, raw: bytes, *, peer: str = OUTSIDE, sender: str = ANA, door: str = "smtp"
) -> InboundMail:
    arrival = spool.Arrival(door, raw, sender, (SUPPORT,), peer, "mail.hacienda.example")
    (number,) = spool.store(office, [arrival])
    process_spooled(office)
    with office.database.reading() as session:
        return session.get_one(InboundMail, number)


def last_message(office: Office) -> Message:
    with office.database.reading() as session:
        return session.scalars(select(Message).order_by(Message.id.desc())).first() or pytest.fail(
            "no message"
        )


# ---------------------------------------------------------------------- evaluation


def test_a_signed_mail_passes_and_fails_after_one_changed_byte(names: Names) -> None:
    raw = sign(mail_of_ana(), "hacienda.example")
    stranger = Envelope(ANA, "201.1.2.3", "otro.example", "rebotes@otro.example")
    found = found_in(raw, names, stranger)
    assert (found.dkim, found.dmarc, found.domain) == ("pass", "pass", "hacienda.example")
    changed = raw.replace(b"una copia", b"una copio")
    found = found_in(changed, names, stranger)
    assert (found.dkim, found.dmarc, found.domain) == ("fail", "fail", "")


def test_the_server_that_the_domain_names_is_enough(names: Names) -> None:
    found = found_in(mail_of_ana(), names)
    assert found == Authentication("pass", "none", "pass", "", "hacienda.example")


def test_a_server_that_the_domain_does_not_name_fails(names: Names) -> None:
    found = found_in(mail_of_ana(), names, Envelope(ANA, "201.1.2.3", "x.example", ANA))
    assert (found.spf, found.dmarc, found.domain) == ("fail", "fail", "")


def test_a_subdomain_is_of_the_same_organisation_unless_the_domain_is_strict(names: Names) -> None:
    raw = make_mail("Ana <ana@sub.hacienda.example>")
    envelope = Envelope("ana@sub.hacienda.example", OUTSIDE, "x", ANA)
    assert found_in(raw, names, envelope).dmarc == "pass"
    names.add("_dmarc.sub.hacienda.example", "TXT", "v=DMARC1; p=none; aspf=s; adkim=s")
    with name_server() as strict:
        strict.records = names.records
        assert found_in(raw, strict, envelope).dmarc == "fail"


def test_a_domain_that_says_nothing_leaves_us_ignorant(names: Names) -> None:
    found = found_in(make_mail(), names, Envelope("ana@correo.example", OUTSIDE, "x", "ana@correo.example"))
    assert found == Authentication("none", "none", "none", "", "")


def test_of_two_authors_none_is_confirmed(names: Names) -> None:
    raw = sign(mail_of_ana(), "hacienda.example")
    found = found_in(b"From: Director <director@example.gob.mx>\r\n" + raw, names)
    assert (found.dmarc, found.domain) == ("permerror", "")


def test_a_signature_to_which_anybody_may_append_does_not_count(names: Names) -> None:
    raw = sign(mail_of_ana(), "hacienda.example", length=True)
    found = found_in(raw + b"Y deposite a esta cuenta.\r\n", names, Envelope(ANA, "", "", ""))
    assert found.dkim == "policy" and found.domain == ""


def test_a_key_that_is_another_or_not_there_does_not_count(names: Names) -> None:
    other = sign(mail_of_ana(), "hacienda.example", signing_key(1))
    assert found_in(other, names, Envelope(ANA)).dkim == "fail"
    missing = sign(make_mail("a@nada.example"), "nada.example")
    assert found_in(missing, names, Envelope("a@nada.example")).dkim in ("fail", "permerror")


def test_a_silent_name_server_costs_two_seconds_and_decides_nothing(names: Names) -> None:
    names.silent = {"hacienda.example", "_dmarc.hacienda.example", f"{SELECTOR}._domainkey.hacienda.example"}
    raw = sign(mail_of_ana(), "hacienda.example")
    begun = time.monotonic()
    found = found_in(raw, names, budget=0.5)
    assert time.monotonic() - begun < 4
    assert found.dmarc == "temperror" and found.domain == "" and found.dkim == "temperror"


def test_one_slow_domain_does_not_silence_the_name_server_for_others(names: Names) -> None:
    names.silent = {"lento.example"}
    slow = Envelope("a@lento.example", OUTSIDE, "x", "a@lento.example")
    assert found_in(make_mail("a@lento.example"), names, slow, budget=0.3).spf == "temperror"
    assert found_in(mail_of_ana(), names).dmarc == "pass"


def test_a_dead_name_server_is_left_alone_for_a_while() -> None:
    with name_server() as dead:
        dead.silent = {"", "hacienda.example", "_dmarc.hacienda.example"}
        assert found_in(mail_of_ana(), dead, budget=0.2).dmarc == "temperror"
        asked = len(dead.asked)
        assert found_in(mail_of_ana(), dead).dmarc == "temperror"
        assert len(dead.asked) == asked


def test_answers_are_remembered(names: Names) -> None:
    found_in(mail_of_ana(), names)
    asked = len(names.asked)
    found_in(mail_of_ana(), names)
    assert len(names.asked) == asked


def test_a_chain_of_forwarders_is_verified(names: Names) -> None:
    names.add("arc._domainkey.lista.example", "TXT", signing_key().record)
    raw = (
        b"Authentication-Results: lista.example; dmarc=pass header.from=hacienda.example\r\n" + mail_of_ana()
    )
    sealed = dkim.arc_sign(raw, b"arc", b"lista.example", signing_key().private, b"lista.example",
                           include_headers=[b"from", b"to", b"subject", b"date", b"message-id"])  # fmt: skip
    chain = b"".join(sealed) + raw
    assert found_in(chain, names).arc == "pass"
    assert found_in(chain.replace(b"una copia", b"otra copia"), names).arc == "fail"


# ---------------------------------------------------------------------- in the pipeline


@pytest.mark.on_both
def test_a_confirmed_sender_is_said_to_be_confirmed(office: Office, town: Institution) -> None:
    arrive(office, mail_of_ana())
    found = last_message(office).authentication
    assert found["dmarc"] == "pass" and found["sentence"].startswith("El dominio hacienda.example confirma")
    assert "warning" not in found


@pytest.mark.on_both
def test_a_denied_sender_is_warned_of_and_gets_no_acuse(office: Office, town: Institution) -> None:
    mail = arrive(office, mail_of_ana(), peer="201.1.2.3")
    found = last_message(office).authentication
    assert mail.outcome == Outcome.TICKET and "hacienda.example lo niega" in found["warning"]
    with office.database.reading() as session:
        assert session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "acuse")).all() == []
        assert "acuse_withheld_denied" in session.scalars(select(Event.action)).all()


@pytest.mark.on_both
def test_a_follow_up_that_the_domain_denies_is_held(office: Office, town: Institution) -> None:
    arrive(office, mail_of_ana(message_id="<uno@hacienda.example>"))
    reply = mail_of_ana("Cancele todo.", subject="Re: No enciende", in_reply_to="<uno@hacienda.example>")
    mail = arrive(office, reply, peer="201.1.2.3")
    assert mail.status == InboundStatus.HELD and "niega" in mail.reason
    with office.database.reading() as session:
        assert mail.case_id == session.scalars(select(Case.id)).one()
        assert len(session.scalars(select(Message)).all()) == 1
    assert arrive(office, reply).outcome == Outcome.FOLLOW_UP


@pytest.mark.on_both
def test_what_was_found_out_stays_with_mail_that_a_clerk_decides_about(
    office: Office, town: Institution
) -> None:
    arrive(office, mail_of_ana(message_id="<uno@hacienda.example>"))
    reply = mail_of_ana("Cancele todo.", in_reply_to="<uno@hacienda.example>")
    mail = arrive(office, reply, peer="201.1.2.3")
    with office.database.writing() as session:
        inbound = session.get_one(InboundMail, mail.id)
        clerk, case = town.accounts["oficialia"], session.scalars(select(Case)).one()
        message = held.attach(session, office, inbound, session.merge(clerk), case=case)
        assert message.authentication["dmarc"] == "fail" and "niega" in message.authentication["warning"]


@pytest.mark.parametrize("spelled", ["Jaime Torres", "Lic. TORRES, Jaime", "Jaime Torres Ruiz"])
def test_a_directors_name_with_a_foreign_address_is_warned_of(
    office: Office, town: Institution, spelled: str
) -> None:
    with office.database.writing() as session:
        session.scalars(select(Person).where(Person.name == "Jaime Torres")).one().post = "Director"
    arrive(
        office, make_mail(f'"{spelled}" <jaime.torres@correo.example>'), sender="jaime.torres@correo.example"
    )
    warning = last_message(office).authentication["warning"]
    assert "Jaime Torres (Director)" in warning and "jaime.torres@correo.example" in warning


def test_a_director_who_writes_from_the_institution_is_not_warned_of(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail("Jaime Torres <jaime@example.gob.mx>"), peer="127.0.0.1")
    assert "warning" not in last_message(office).authentication


@pytest.mark.parametrize("domain", ["examp1e.gob.mx", "example-gob.mx", "example.gob.mx.evil.example"])
def test_a_domain_that_looks_like_ours_is_warned_of(office: Office, town: Institution, domain: str) -> None:
    arrive(office, make_mail(f"Tesorería <pagos@{domain}>"), sender=f"pagos@{domain}")
    assert domain in last_message(office).authentication["warning"]


def test_mail_behind_a_front_server_is_not_evaluated_again(
    settings: Settings, office: Office, town: Institution, names: Names
) -> None:
    trusting = Office(
        settings.model_copy(update={"trusted_authserv": "mx.example.gob.mx"}), office.database, office.store
    )
    result = b"Authentication-Results: mx.example.gob.mx; dmarc=fail header.from=hacienda.example\r\n"
    arrive(trusting, result + mail_of_ana(), peer="", door="lmtp")
    assert last_message(office).authentication["dmarc"] == "fail"
    assert names.asked == []
    # Straight from outside, nobody of ours wrote that header.
    arrive(trusting, result.replace(b"fail", b"pass") + mail_of_ana(), peer="201.1.2.3")
    assert "dmarc" not in last_message(office).authentication or names.asked == []


def test_mail_of_the_own_network_is_not_evaluated(office: Office, town: Institution, names: Names) -> None:
    arrive(office, mail_of_ana(), peer="127.0.0.1")
    assert last_message(office).authentication == {} and names.asked == []


# ---------------------------------------------------------------------- spam


def test_what_the_front_server_calls_spam_is_held_only_when_it_is_trusted(
    office: Office, town: Institution
) -> None:
    raw = b"X-Spam-Flag: YES\r\n" + mail_of_ana()
    trusting = Office(
        office.settings.model_copy(update={"trust_spam_headers": True}), office.database, office.store
    )
    mail = arrive(trusting, raw)
    assert mail.status == InboundStatus.HELD and "X-Spam-Flag: YES" in mail.reason
    with office.database.writing() as session:
        session.get_one(InboundMail, mail.id).status = InboundStatus.RECEIVED
    process_spooled(office)
    with office.database.reading() as session:
        assert session.get_one(InboundMail, mail.id).outcome == Outcome.TICKET


@pytest.mark.on_both
def test_the_spam_button_holds_what_its_sender_writes_next(office: Office, town: Institution) -> None:
    arrive(office, mail_of_ana())
    with office.database.writing() as session:
        clerk, case = session.merge(town.accounts["oficialia"]), session.scalars(select(Case)).one()
        contacts.block(session, office, case, clerk)
    mail = arrive(office, mail_of_ana("Compre ahora."))
    assert mail.status == InboundStatus.HELD and ANA in mail.reason
    with office.database.writing() as session:
        clerk, case = session.merge(town.accounts["oficialia"]), session.scalars(select(Case)).one()
        contacts.unblock(session, office, case, clerk)
        assert {"block_contact", "unblock_contact"} <= set(session.scalars(select(Event.action)))
    assert arrive(office, mail_of_ana("Perdón.")).outcome == Outcome.TICKET


def test_the_panel_shows_the_warning_on_the_message(office: Office, town: Institution) -> None:
    foreign = "jaime.torres@correo.example"
    arrive(office, make_mail(f"Jaime Torres <{foreign}>"), sender=foreign)
    with office.database.writing() as session:
        give_login(session, session.merge(town.accounts["oficialia"]))
        case = session.scalars(select(Case.id)).one()
    page = Clerk(office, town.accounts["oficialia"]).get(f"/admin/casos/{case}").text
    assert 'class="trust"' in page
    assert "Se llama igual que Jaime Torres" in page and f"{foreign} no es una dirección" in page
