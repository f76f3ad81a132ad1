"""A form sent twice (a double click, a reload, back and again) registers once, in panel and portal."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import func, select
from werkzeug.test import Client, TestResponse

from intake import sent_forms
from intake.issued import approval, drafts
from intake.office import Office
from models.base import now
from models.case import Case
from models.catalogue import Classification
from models.chat import Rating
from models.dispatch import Dispatch
from models.message import Message
from models.sent_form import SentForm
from tests.support.desk import later
from tests.support.documents import OUTSIDE, acting, fields
from tests.support.institution import Institution, found_institution, open_case
from tests.support.panel import Clerk, give_logins
from tests.support.portal import Visitor

pytestmark = pytest.mark.on_sqlite
SAID = "Ya lo habíamos recibido: no se registró otra vez."
ASKED = "Hace un momento se recibió esto mismo, y no se registró otra vez."
Fields = dict[str, Any]
COUNTER = {
    "channel": "paper", "begins": "digitizing", "document_type": "oficio", "sender": "Colegio Prado",
    "description": "Solicita internet", "sender_number": "CP/1/2026", "then": "print",
}  # fmt: skip


@dataclass
class Form:
    """A form as a page drew it, filled in."""

    client: Client
    address: str
    filled: Fields

    def send(self, **other: Any) -> TestResponse:
        """Without scripts, as a browser sends it; gives the page to which it leads."""
        files = {"files": (io.BytesIO(b"%PDF-1.4 uno"), "uno.pdf")} if "files" in self.filled else {}
        return self.client.post(self.address, data={**self.filled, **files, **other}, follow_redirects=True)


def drawn(client: Client, page: str, words: Fields, *, to: str = "") -> Form:
    """The form of *page* that is sent to *to* (or to the page), with *words* in its fields."""
    tree = LexborHTMLParser(client.get(page).text)
    forms = {one.attributes.get("action") or page: one for one in tree.css("form[method=post]")}
    hidden = {
        str(one.attributes["name"]): one.attributes.get("value") or ""
        for one in forms[to or page].css("input[type=hidden]")
    }
    return Form(client, to or page, {**hidden, **words})


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        session.add(Classification(name="Soporte técnico", description="asistencia", position=1))
    return town


@pytest.fixture
def case(office: Office, town: Institution) -> int:
    with office.database.writing() as session:
        return open_case(session, town, subject="No imprime").id


@pytest.fixture
def sent(office: Office, town: Institution) -> int:
    """A document that went to somebody outside."""
    with acting(office, town) as (session, who):
        oficio = drafts.create_draft(session, office, who["worker"], fields(town, to=(OUTSIDE,)))
        approval.approve(session, office, oficio, who["head"])
        return oficio.id


def inside(office: Office, town: Institution, name: str) -> Client:
    return Clerk(office, town.accounts[name]).client


def held(office: Office) -> tuple[int, ...]:
    """How much there is of what forms make."""
    with office.database.reading() as session:
        return tuple(session.scalar(select(func.count()).select_from(one)) or 0
                     for one in (Case, Message, Dispatch))  # fmt: skip


def once_only(office: Office, form: Form, page: str, *, asks: bool = True) -> None:
    """The form makes something, and nothing more when it is sent again; drawn anew it asks first."""
    before = held(office)
    first = form.send()
    made = held(office)
    assert first.status_code == 200 and made != before, first.text
    assert SAID not in first.text
    again = form.send()
    assert again.status_code == 200 and SAID in again.text, again.text
    assert held(office) == made
    assert again.request.path == first.request.path
    # The same words in a form drawn anew, as *back* draws it, are asked about, and then meant.
    anew = Form(form.client, form.address, form.filled | drawn(form.client, page, {}, to=form.address).filled)
    if asks:
        asked = anew.send()
        assert asked.status_code == 422 and ASKED in asked.text, asked.text
        assert held(office) == made
        sure = LexborHTMLParser(asked.text).css_first("input[name=form_sure]")
        assert sure is not None
        anew.filled["form_sure"] = sure.attributes["value"]
    assert SAID not in anew.send().text
    assert held(office) != made
    more = held(office)
    assert SAID in anew.send().text and held(office) == more


@pytest.mark.on_both
def test_an_asunto_is_registered_once_at_the_counter(office: Office, town: Institution) -> None:
    form = drawn(inside(office, town, "oficialia"), "/admin/asunto/", {**COUNTER, "files": True})
    once_only(office, form, "/admin/asunto/")


def test_other_words_in_the_same_form_are_another_asunto(office: Office, town: Institution) -> None:
    form = drawn(inside(office, town, "oficialia"), "/admin/asunto/", COUNTER)
    form.send()
    (cases, *_) = held(office)
    # Back, and the next of the stack is typed over the last.
    assert SAID not in form.send(description="Solicita pintura", sender_number="CP/2/2026").text
    assert held(office)[0] == cases + 1
    # Of the two buttons, whichever is pressed.
    assert SAID in form.send(then="another").text
    assert held(office)[0] == cases + 1


def test_what_was_refused_may_be_sent_again(office: Office, town: Institution) -> None:
    form = drawn(inside(office, town, "oficialia"), "/admin/asunto/", {**COUNTER, "sender": ""})
    before = held(office)
    assert [form.send().status_code for _ in range(2)] == [422, 422]
    assert held(office) == before
    assert form.send(sender="Colegio Prado").status_code == 200
    assert held(office) != before


def test_a_clerk_opens_a_case_once(office: Office, town: Institution) -> None:
    words = {"name": "Ana Ruiz", "address": "ana@example.com", "subject": "No enciende", "channel": "phone",
             "text": "Desde ayer"}  # fmt: skip
    form = drawn(inside(office, town, "oficialia"), "/admin/registrar/", words)
    once_only(office, form, "/admin/registrar/")


def test_a_clerk_takes_a_complaint_down_once(office: Office, town: Institution, case: int) -> None:
    page = f"/admin/registrar/queja/{case}"
    form = drawn(inside(office, town, "oficialia"), page, {"text": "Nadie vino", "channel": "phone"})
    once_only(office, form, page)


@pytest.mark.parametrize(("verb", "words"), [("responder", {"text": "Mañana", "to": "lucia@example.com"}),
                                             ("nota", {"text": "Ya lo vi"})])  # fmt: skip
def test_an_answer_and_a_note_are_written_once(
    office: Office, town: Institution, case: int, verb: str, words: Fields
) -> None:
    page, to = f"/admin/casos/{case}", f"/admin/escribir/{case}/{verb}"
    form = drawn(inside(office, town, "head"), page, words, to=to)
    once_only(office, form, page)


def test_an_answer_that_crossed_with_another_may_be_sent_again(
    office: Office, town: Institution, case: int
) -> None:
    client, to = inside(office, town, "head"), f"/admin/escribir/{case}/responder"
    words = {"text": "Mañana", "to": "lucia@example.com"}
    late = drawn(client, f"/admin/casos/{case}", words, to=to)
    drawn(client, f"/admin/casos/{case}", {**words, "text": "Hoy mismo"}, to=to).send()
    before = held(office)
    # Somebody answered meanwhile: the clerk is told so each time, until the page was seen.
    for _ in range(2):
        crossed = late.send()
        assert SAID not in crossed.text and "Mañana" in crossed.text
    assert held(office) == before


def test_a_new_document_begins_once(office: Office, town: Institution) -> None:
    form = drawn(inside(office, town, "worker"), "/admin/redactar/",
                 {"subject": "Obras", "document_type": "oficio", "body_html": "<p>Le informo</p>"},
                 to="/admin/redactar/guardar")  # fmt: skip
    once_only(office, form, "/admin/redactar/")


@pytest.mark.parametrize("verb", ["responder", "copiar"])
def test_an_answer_with_a_document_and_a_copy_begin_once(
    office: Office, town: Institution, sent: int, verb: str
) -> None:
    page, to = f"/admin/documentos/{sent}", f"/admin/documentos/{sent}/{verb}"
    if verb == "responder":
        with acting(office, town) as (session, who):
            inner = drafts.create_draft(session, office, who["worker"], fields(town))
            approval.approve(session, office, inner, who["head"])
            page, to = f"/admin/documentos/{inner.id}", f"/admin/documentos/{inner.id}/{verb}"
    form = drawn(inside(office, town, "other" if verb == "responder" else "worker"), page, {}, to=to)
    once_only(office, form, page, asks=False)


def test_a_delivery_is_asked_for_once(office: Office, town: Institution, sent: int) -> None:
    page = f"/admin/envios/nuevo?documento={sent}"
    words = {"name": "Elena", "address": "Alcalde 500", "kind": "local", "grams": "100"}
    once_only(office, drawn(inside(office, town, "worker"), page, words), page)


@pytest.fixture
def ana(office: Office, town: Institution) -> Visitor:
    visitor = Visitor(office)
    visitor.create_account()
    return visitor


@pytest.mark.on_both
def test_a_citizen_asks_and_follows_up_once(office: Office, ana: Visitor) -> None:
    page = "/solicitudes/nueva"
    words = {"subject": "Sin luz", "text": "Desde ayer", "classification": "1", "files": True}
    once_only(office, drawn(ana.client, page, words), page)
    with office.database.reading() as session:
        page = f"/solicitudes/{session.scalar(select(func.max(Case.id)))}"
    once_only(office, drawn(ana.client, page, {"text": "Sigue igual"}), page)


def test_the_script_that_shows_how_far_files_are_is_led_to_what_was_made(
    office: Office, ana: Visitor
) -> None:
    words = {"subject": "Sin luz", "text": "Desde ayer", "classification": "1"}
    form = drawn(ana.client, "/solicitudes/nueva", words)
    by_script = {"X-Requested-With": "XMLHttpRequest"}
    answers = [ana.client.post(form.address, data=form.filled, headers=by_script) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert len({one.headers["X-Goes-To"] for one in answers}) == 1
    assert SAID in ana.get(answers[0].headers["X-Goes-To"]).text


def test_a_complaint_by_the_link_is_opened_once(office: Office, town: Institution, ana: Visitor) -> None:
    drawn(ana.client, "/solicitudes/nueva", {"subject": "Sin luz", "text": "Desde ayer",
                                             "classification": "1"}).send()  # fmt: skip
    with office.database.writing() as session:
        case = session.scalars(select(Case)).one()
        session.add(Rating(case_id=case.id, score=1, words=""))
        number = case.id
    link = re.search(r'href="(/queja/[^"]+)"', ana.get(f"/solicitudes/{number}").text)
    assert link is not None
    form = drawn(ana.client, link[1], {"text": "Nadie vino"})
    first = form.send()
    assert "T-2026-000002" in first.text and held(office)[0] == 2
    again = form.send()
    assert SAID in again.text and "T-2026-000002" in again.text and held(office)[0] == 2
    # Nor does the page say of anybody else's case that it was a complaint.
    with office.database.writing() as session:
        other = open_case(session, town, subject="De otra").folio
    assert other not in ana.get(f"{link[1]}&hecha={other}").text


@pytest.mark.on_both
def test_of_two_posts_at_the_same_moment_one_registers_and_both_lead_to_it(
    office: Office, town: Institution
) -> None:
    start = Barrier(3)
    form = drawn(inside(office, town, "oficialia"), "/admin/asunto/", COUNTER)
    key, before = {"form_key": form.filled["form_key"]}, held(office)[0]
    # Windows of one person, each with the token of its own session.
    windows = [
        drawn(inside(office, town, "oficialia"), "/admin/asunto/", {**COUNTER, **key}) for _ in range(3)
    ]

    def send(window: Form) -> str:
        start.wait()
        return window.send().request.path

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(send, windows))) == 1
    assert held(office)[0] == before + 1


def test_the_form_of_somebody_else_is_another_form(office: Office, town: Institution) -> None:
    words = {"subject": "Obras", "document_type": "oficio", "body_html": "<p>Le informo</p>"}
    key, before = "", held(office)[0]
    for name in ("worker", "head"):
        form = drawn(inside(office, town, name), "/admin/redactar/", words, to="/admin/redactar/guardar")
        key = key or form.filled["form_key"]
        assert SAID not in form.send(form_key=key).text
    assert held(office)[0] == before + 2


def test_the_same_words_are_not_asked_about_after_a_while(office: Office, town: Institution) -> None:
    drawn(inside(office, town, "oficialia"), "/admin/asunto/", COUNTER).send()
    with later(minutes=16):
        form = drawn(inside(office, town, "oficialia"), "/admin/asunto/", COUNTER)
        assert form.send().status_code == 200
    assert held(office)[0] == 2


def test_forms_are_forgotten_after_a_week(office: Office, town: Institution) -> None:
    drawn(inside(office, town, "oficialia"), "/admin/asunto/", COUNTER).send()
    # The form, and its words.
    for wait, kept in ((timedelta(days=6), 2), (timedelta(days=8), 0)):
        sent_forms.purge(office, now() + wait)
        with office.database.reading() as session:
            assert session.scalar(select(func.count()).select_from(SentForm)) == kept
