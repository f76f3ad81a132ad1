"""Webhooks on a real socket: signed, in order, repeated until taken, given up aloud, and never led astray."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from intake import cases, outbox, turnos
from intake.config import Settings
from intake.issued import approval, drafts
from intake.office import Office
from intake.programs import webhooks
from models.base import now
from models.case import Case
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account
from models.webhook import Webhook
from tests.support.api import EVERYTHING as EVERY_SCOPE
from tests.support.api import Program, Subscriber
from tests.support.desk import arrive, later, notices
from tests.support.documents import acting, fields
from tests.support.institution import Institution, found_institution, open_case
from tests.support.panel import Clerk, give_logins, panel_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EVERYTHING = [one.value for one in webhooks.SUBSCRIBABLE]
HERE = "127.0.0.0/8"
MAIL = (
    b"From: Ana <ana@correo.example>\r\nTo: soporte@example.gob.mx\r\n"
    b"Subject: %s\r\nMessage-ID: <%s>\r\n\r\nHola"
)


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"webhook_networks": HERE}))
    yield opened
    opened.database.close()


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
    return town


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    with Subscriber() as running:
        yield running


def subscribe(office: Office, account: Account, url: str, events: list[str] = EVERYTHING) -> tuple[int, str]:
    with office.database.writing() as session:
        by = session.get_one(Account, account.id)
        hook, secret = webhooks.subscribe(session, office, by, url=url, events=events)
        return hook.id, secret


def hook_of(office: Office, number: int) -> Webhook:
    with office.database.reading() as session:
        return session.get_one(Webhook, number)


def test_what_happens_to_a_case_is_told_signed_and_in_its_order(
    office: Office, town: Institution, subscriber: Subscriber
) -> None:
    _, secret = subscribe(office, town.accounts["head"], subscriber.url)
    number = arrive(office, MAIL % (b"Impresora", b"1@correo.example"))
    with office.database.writing() as session:
        case, by = session.get_one(Case, number), session.get_one(Account, town.accounts["worker"].id)
        cases.take(session, office, case, by)
        cases.answer(session, office, case, by, text="Listo", to=["ana@correo.example"],
                     then="answer_and_resolve")  # fmt: skip
    webhooks.deliver(office)
    told = [one.json for one in subscriber.heard]
    assert [one["type"] for one in told] == [
        "case.opened", "case.assigned", "case.assigned", "case.answered", "case.state_changed",
    ]  # fmt: skip
    assert {one["data"]["folio"] for one in told} == {told[0]["data"]["folio"]}
    assert (told[-1]["data"]["from"], told[-1]["data"]["to"]) == ("new", "resolved")
    assert all(one.is_signed(secret) for one in subscriber.heard)
    assert not subscriber.heard[0].is_signed("whsec_" + "A" * 44)
    assert len({one.headers["webhook-id"] for one in subscriber.heard}) == len(told)
    assert abs(int(subscriber.heard[0].headers["webhook-timestamp"]) - now().timestamp()) < 60


def test_a_subscriber_hears_of_no_case_that_its_account_may_not_see(
    office: Office, town: Institution, subscriber: Subscriber
) -> None:
    subscribe(office, town.accounts["other"], subscriber.url)
    number = arrive(office, MAIL % (b"Ajena", b"2@correo.example"))
    webhooks.deliver(office)
    assert subscriber.heard == []
    with office.database.writing() as session:
        case, by = session.get_one(Case, number), session.get_one(Account, town.accounts["head"].id)
        turnos.assign(session, office, case, by, dependencia=session.merge(town.works))
    webhooks.deliver(office)
    assert {one.json["type"] for one in subscriber.heard} == {"case.assigned", "case.state_changed"}


def test_what_is_rolled_back_is_told_to_nobody(
    office: Office, town: Institution, subscriber: Subscriber
) -> None:
    subscribe(office, town.accounts["head"], subscriber.url)
    with office.database.writing() as session:
        case = open_case(session, town)
        by = session.get_one(Account, town.accounts["head"].id)
        savepoint = session.begin_nested()
        cases.take(session, office, case, by)
        session.flush()
        savepoint.rollback()
        cases.add_note(session, office, case, by, text="Queda")
    assert [one.subject.split()[0] for one in notices(office, "webhook")] == ["case.noted"]


def test_a_refused_call_is_made_again_with_the_same_id_and_follows_no_redirect(
    office: Office, town: Institution, subscriber: Subscriber
) -> None:
    number, _ = subscribe(office, town.accounts["head"], subscriber.url, ["case.opened"])
    subscriber.answers += [
        (302, {"Location": subscriber.url + "/otra"}),
        (503, {"Retry-After": "900"}),
        (200, {}),
    ]
    arrive(office, MAIL % (b"Reintento", b"3@correo.example"))
    assert webhooks.deliver(office) == 1 and webhooks.deliver(office) == 0
    assert hook_of(office, number).failing_since is not None
    with later(minutes=2):
        assert webhooks.deliver(office) == 1
    with later(minutes=10):
        assert webhooks.deliver(office) == 0
    with later(minutes=20):
        assert webhooks.deliver(office) == 1
    assert len({(one.path, one.headers["webhook-id"]) for one in subscriber.heard}) == 1
    assert hook_of(office, number).failing_since is None
    assert notices(office, "webhook")[-1].status == OutboxStatus.SENT


def test_who_fails_for_days_is_disabled_told_and_can_be_called_again(
    office: Office, town: Institution, subscriber: Subscriber
) -> None:
    number, _ = subscribe(office, town.accounts["head"], subscriber.url, ["case.opened"])
    subscriber.answers += [(500, {})] * 2
    arrive(office, MAIL % (b"Falla", b"4@correo.example"))
    webhooks.deliver(office)
    with later(days=6):
        webhooks.deliver(office)
    assert hook_of(office, number).disabled_at is not None
    (told,) = notices(office, "webhook_disabled")
    assert told.to == ["jaime@example.gob.mx"] and "HTTP 500" in told.text and subscriber.url in told.text
    arrive(office, MAIL % (b"Despues", b"5@correo.example"))
    assert len(notices(office, "webhook")) == 1
    clerk = Clerk(office, town.accounts["head"])
    assert "Desactivado" in clerk.get("/admin/api/").text
    clerk.post("/admin/api/avisos/activar", webhook=str(number))
    page = clerk.get(f"/admin/salida/{notices(office, 'webhook')[0].id}").text
    assert "case.opened" in page and "Aviso automático" in page
    clerk.post(f"/admin/salida/{notices(office, 'webhook')[0].id}/reintentar")
    assert webhooks.deliver(office) == 1
    assert notices(office, "webhook")[0].status == OutboxStatus.SENT


def test_one_address_that_is_gone_does_not_keep_the_others_waiting(
    office: Office, town: Institution, subscriber: Subscriber
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        subscribe(office, town.accounts["head"], f"http://127.0.0.1:{closed.getsockname()[1]}/")
        subscribe(office, town.accounts["head"], subscriber.url, ["case.opened"])
        for number in range(3):
            arrive(office, MAIL % (b"Varios", b"v%d@correo.example" % number))
        calls = webhooks.deliver(office)
    assert len(subscriber.heard) == 3 and calls == 4


def test_a_token_that_opens_no_documents_is_not_told_of_them_either(
    office: Office, town: Institution, subscriber: Subscriber
) -> None:
    head = town.accounts["head"]
    wanted = {"url": subscriber.url, "events": EVERYTHING}
    for scopes, status in ((set(EVERY_SCOPE) - {"documents:read"}, 403), (EVERY_SCOPE, 201)):
        program = Program(panel_of(office), office, head, sorted(scopes))
        assert program.post("/webhooks", wanted).status_code == status
    with acting(office, town) as (session, people):
        draft = drafts.create_draft(session, office, people["head"], fields(town, subject="Reservado"))
        approval.approve(session, office, draft, people["head"])
    webhooks.deliver(office)
    # To whom it is told, it is: or else the refusal above would refuse for nothing.
    assert any("Reservado" in one.json["data"]["subject"] for one in subscriber.heard)


def test_a_program_manages_its_own_subscriptions(
    office: Office, town: Institution, subscriber: Subscriber
) -> None:
    program = Program(panel_of(office), office, town.accounts["worker"])
    stranger = Program(panel_of(office), office, town.accounts["head"])
    made = program.post("/webhooks", {"url": subscriber.url, "events": ["case.opened"]})
    assert made.status_code == 201
    path = f"/webhooks/{made.json['id']}"
    assert stranger.get(path).status_code == 404 and stranger.get("/webhooks").json == {"items": []}
    assert program.post(f"{path}/ping").status_code == 202
    webhooks.deliver(office)
    (heard,) = subscriber.heard
    assert heard.json["type"] == "ping" and heard.is_signed(made.json["secret"])
    assert "secret" not in program.get(path).json
    assert program.call("DELETE", path).status_code == 204 and program.get(path).status_code == 404
    with office.database.writing() as session:
        waiting = select(OutboxMessage).where(OutboxMessage.channel == "webhook")
        outbox.retry(session, _bounced(session.scalars(waiting).one()), session.get_one(Account, 1))
    webhooks.deliver(office)
    assert len(subscriber.heard) == 1


def _bounced(notice: OutboxMessage) -> OutboxMessage:
    notice.status = OutboxStatus.CANCELLED
    return notice
