"""The last days of the demo institution: real mails through the pipeline, real verbs by its people.

`templates/demo/days.toml` has the scenes. Each is lived at its own moment, so that
dates, deadlines, folios and the chain of events are those of an office in use.
"""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import cases, clock, mailer, merging, pipeline, spool, tickets, turnos
from intake.citizens import portal, ratings
from intake.correspondence import way_to
from intake.demo import demo_chats
from intake.demo.demo import Institution
from intake.demo.demo_files import DemoFile, make_file
from intake.demo.demo_services import make_visits
from intake.incoming import IncomingFile, IncomingMessage, Raw
from intake.office import Office
from intake.outbox import words_of
from intake.reading.inspection import Here
from intake.services import service_fields
from intake.services.commitments import calendar_of
from intake.services.service_fields import Answer, Answers
from models.base import living_at, now
from models.case import Case, Priority
from models.contact import Contact
from models.dependencia import Dependencia
from models.inbound_mail import InboundMail
from models.outbox_message import OutboxMessage
from models.person import Account
from models.service import Service
from templates import FOLDER

_AGO = re.compile(r"(-?)(?:(\d+)d (\d\d):(\d\d)|(\d+)([hm]))")


@dataclass(frozen=True)
class Scene:
    """One thing that happened; see `templates/demo/days.toml`."""

    case: str
    at: str
    do: str = "write"
    by: str = ""
    # Of a mail.
    sender: str = ""
    to: str = ""
    subject: str = ""
    text: str = ""
    files: list[DemoFile] = field(default_factory=list)
    # Of a turno, a merge or a delay.
    dependencia: str = ""
    account: str = ""
    into: str = ""
    due: str = ""
    # Of a chat or the portal.
    service: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    # Of a rating.
    score: int = 0


@dataclass
class Play:
    """The scenes that were lived until now: what each mail became."""

    office: Office
    institution: Institution
    moment: datetime
    # What mail programs put above the mail they quote.
    wrote: str
    # Case ids and first senders by the name of the case.
    cases: dict[str, int] = field(default_factory=dict)
    senders: dict[str, str] = field(default_factory=dict)

    def live(self, scene: Scene) -> None:
        """Do what *scene* says, now."""
        if scene.do in _FROM_OUTSIDE:
            _FROM_OUTSIDE[scene.do](self, scene)
            return
        with self.office.database.writing() as session:
            by = self.account(session, scene.by)
            assert by is not None
            _VERBS[scene.do](self, session, session.get_one(Case, self.cases[scene.case]), by, scene)

    def when(self, ago: str) -> datetime:
        return moment_of(ago, self.moment, self.office)

    def account(self, session: Session, user: str) -> Account | None:
        return session.get_one(Account, self.institution.accounts[user].id) if user else None

    def dependencia(self, session: Session, siglas: str) -> Dependencia:
        return session.get_one(Dependencia, self.institution.dependencias[siglas].id)

    def files(self, scene: Scene) -> list[IncomingFile]:
        return [IncomingFile.of(file.name, file.content_type, make_file(file)) for file in scene.files]


def read_days() -> tuple[str, list[Scene]]:
    """The line above quoted mail, and all scenes of the file in its order."""
    plan = tomllib.loads((FOLDER / "demo" / "days.toml").read_text(encoding="utf-8"))
    scenes = []
    for row in plan["scene"]:
        files = [DemoFile(**file) for file in row.pop("files", [])]
        scenes.append(Scene(sender=row.pop("from", ""), files=files, **row))
    return plan["wrote"], scenes


def live_through(office: Office, institution: Institution) -> None:
    """Live all scenes in the order of their moments, then send what was to be sent."""
    # Its people do not exist: nothing may leave this machine.
    office = Office(office.settings.model_copy(update={"relay_url": ""}), office.database, office.store)
    wrote, scenes = read_days()
    play = Play(office, institution, now(), wrote)
    in_order = sorted(((play.when(scene.at), scene) for scene in scenes), key=lambda pair: pair[0])
    for moment, scene in in_order:
        with living_at(moment):
            play.live(scene)
            while mailer.deliver_mail(office):
                pass
            demo_chats.deliver(office)
    make_visits(office)
    clock.sweep(office, now())
    while mailer.deliver_mail(office):
        pass
    demo_chats.deliver(office)


def moment_of(ago: str, moment: datetime, office: Office) -> datetime:
    """`3d 09:15`: that local time, three working days before *moment* (`-3d …`: after); `2h`, `40m`: ago."""
    match = _AGO.fullmatch(ago)
    if match is None:
        raise ValueError(f"{ago!r} is not like 3d 09:15, 2h or 40m")
    sign, days, hour, minute, amount, unit = match.groups()
    if unit:
        return moment - timedelta(**{"hours" if unit == "h" else "minutes": int(amount)})
    zone: ZoneInfo = office.settings.zone
    day = moment.astimezone(zone).date()
    with office.database.reading() as session:
        calendar = calendar_of(session, office)
    for _ in range(int(days)):
        day += timedelta(days=1 if sign else -1)
        while not calendar.is_working_day(day):
            day += timedelta(days=1 if sign else -1)
    return datetime.combine(day, time(int(hour), int(minute)), zone).astimezone(UTC)


# Mails.


def _write(play: Play, scene: Scene) -> None:
    """A first mail, which opens a case."""
    mail = _mail(scene.sender, f"{scene.to}@{play.institution.domain}", scene.subject, scene.text)
    play.cases[scene.case] = _receive(play, mail, scene)
    play.senders[scene.case] = scene.sender


def _fail(play: Play, scene: Scene) -> None:
    """A mail on which a part of ours breaks; *retry* in the panel will do."""

    class Broken(Here):
        def parse(self, raw: Raw) -> IncomingMessage:
            raise MemoryError("no memory left")

    mail = _mail(scene.sender, f"{scene.to}@{play.institution.domain}", scene.subject, scene.text)
    # Whoever tries the program is not to be met by a traceback that was meant.
    logging.disable(logging.CRITICAL)
    try:
        pipeline.process_one(play.office, _store(play, mail), reader=Broken())
    finally:
        logging.disable(logging.NOTSET)


def _reply(play: Play, scene: Scene) -> None:
    """The requester, or with `from` a stranger, answers the last mail of ours."""
    with play.office.database.reading() as session:
        notice = session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.case_id == play.cases[scene.case], OutboxMessage.reply_to != "")
            .where(OutboxMessage.kind.in_(("acuse", "answer", "resolved", "closed")))
            .order_by(OutboxMessage.id.desc())
        ).first()
    assert notice is not None
    quoted = "\n".join(f"> {line}" for line in words_of(notice)[0].splitlines())
    sender = scene.sender or play.senders[scene.case]
    wrote = f"{notice.created_at:%d/%m/%Y %H:%M}, {notice.from_name} <{notice.reply_to}>:"
    # Who complains says so in the subject.
    subject = scene.subject or f"Re: {notice.subject}"
    mail = _mail(sender, notice.reply_to, subject, f"{scene.text.strip()}\n\n{wrote}\n{quoted}\n")
    mail["In-Reply-To"] = f"<{notice.rfc_message_id}>"
    mail["References"] = " ".join(f"<{value}>" for value in (*notice.references, notice.rfc_message_id))
    if scene.do == "autoreply":
        mail["Auto-Submitted"] = "auto-replied"
    _receive(play, mail, scene)


def _mail(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    name, address = parseaddr(sender)
    local, _, domain = address.partition("@")
    mail = EmailMessage()
    mail["From"] = Address(name, local, domain)
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(now())
    mail["Message-ID"] = make_msgid(domain=domain)
    mail.set_content(text)
    return mail


def _receive(play: Play, mail: EmailMessage, scene: Scene) -> int:
    """Let the office receive and process *mail*; returns the id of its case, 0 when it has none."""
    for file in scene.files:
        maintype, _, subtype = file.content_type.partition("/")
        mail.add_attachment(make_file(file), maintype=maintype, subtype=subtype, filename=file.name)
    number = _store(play, mail)
    pipeline.process_one(play.office, number)
    with play.office.database.reading() as session:
        inbound = session.get_one(InboundMail, number)
        return inbound.case_id or 0


def _store(play: Play, mail: EmailMessage) -> int:
    sender, to = parseaddr(mail["From"])[1], parseaddr(mail["To"])[1]
    arrival = spool.Arrival("smtp", bytes(mail), envelope_from=sender, envelope_to=(to,), peer="192.0.2.25")
    return spool.store(play.office, [arrival])[0]


def _chat(play: Play, scene: Scene) -> None:
    """What somebody does in the chat with the bot; by default who wrote first about the case."""
    office, case_id = play.office, play.cases.get(scene.case, 0)
    sender = scene.sender or play.senders[scene.case]
    name = parseaddr(sender)[0] or sender
    if scene.do == "chat":
        service = play.institution.services.get(scene.service)
        play.cases[scene.case] = demo_chats.ask(office, name, service, scene.subject, scene.text, scene.files)
        play.senders[scene.case] = sender
    elif scene.do == "chat_add":
        demo_chats.add(office, name, case_id, scene.text, scene.files)
    elif scene.do == "chat_edit":
        demo_chats.edit(office, name, scene.text)
    elif scene.do == "chat_link":
        demo_chats.link(office, name, parseaddr(sender)[1])
    else:
        demo_chats.rate(office, name, case_id, scene.score, scene.text)


def _portal(play: Play, scene: Scene) -> None:
    """A request by the form of the portal, of somebody with an account there."""
    with play.office.database.writing() as session:
        user = play.institution.requesters[scene.sender]
        assert user.contact is not None
        contact = session.get_one(Contact, user.contact.id)
        service = session.get_one(Service, play.institution.services[scene.service].id)
        asked = {one.label: one for one in service_fields.fields_of(session, service)}
        given = [Answer(asked[label], value) for label, value in scene.answers.items()]
        request = portal.Request(scene.subject, scene.text, service=service, files=play.files(scene),
                                 answers=Answers(given))  # fmt: skip
        play.cases[scene.case] = portal.open_request(session, play.office, contact, request).id
    play.senders[scene.case] = user.email


def _rate(play: Play, scene: Scene) -> None:
    """How content the requester was."""
    with play.office.database.writing() as session:
        ratings.rate(session, session.get_one(Case, play.cases[scene.case]), scene.score, scene.text)


_FROM_OUTSIDE: dict[str, Callable[[Play, Scene], None]] = {
    "chat": _chat,
    "chat_add": _chat,
    "chat_edit": _chat,
    "chat_link": _chat,
    "chat_rate": _chat,
    "write": _write,
    "reply": _reply,
    "stranger": _reply,
    "autoreply": _reply,
    "fail": _fail,
    "portal": _portal,
    "rate": _rate,
}


# Verbs.

Verb = Callable[[Play, Session, Case, Account, Scene], object]


def _assign(play: Play, session: Session, case: Case, by: Account, scene: Scene) -> None:
    turnos.assign(
        session,
        play.office,
        case,
        by,
        dependencia=play.dependencia(session, scene.dependencia),
        account=play.account(session, scene.account),
        instruction=scene.text,
        due_at=play.when(scene.due) if scene.due else None,
    )


def _copy(play: Play, session: Session, case: Case, by: Account, scene: Scene) -> None:
    turnos.copy(
        session,
        play.office,
        case,
        by,
        dependencia=play.dependencia(session, scene.dependencia),
        account=play.account(session, scene.account),
        instruction=scene.text,
    )


def _answer(play: Play, session: Session, case: Case, by: Account, scene: Scene) -> None:
    to, cc = cases.default_recipients(session, case)
    # As the panel proposes it: by the way the requester used last.
    channel, _ = way_to(session, case)
    cases.answer(session, play.office, case, by, text=scene.text.strip(), to=to, cc=cc,
                 files=play.files(scene), then=scene.do, channel=channel)  # fmt: skip


def _merge(play: Play, session: Session, case: Case, by: Account, scene: Scene) -> None:
    merging.merge(session, play.office, case, by, into=session.get_one(Case, play.cases[scene.into]))


def _service(play: Play, session: Session, case: Case, by: Account, scene: Scene) -> None:
    service = session.get_one(Service, play.institution.services[scene.text].id)
    tickets.change_service(session, play.office, case, by, service=service)


_VERBS: dict[str, Verb] = {
    "assign": _assign,
    "copy": _copy,
    "answer": _answer,
    "answer_and_wait": _answer,
    "answer_and_resolve": _answer,
    "merge": _merge,
    "service": _service,
    "take": lambda play, session, case, by, scene: cases.take(session, play.office, case, by),
    "resolve": lambda play, session, case, by, scene: cases.resolve(session, play.office, case, by),
    "close": lambda play, session, case, by, scene: cases.close(session, play.office, case, by),
    "conclude": lambda play, session, case, by, scene: cases.conclude(session, play.office, case, by),
    "cancel": lambda play, session, case, by, scene: cases.cancel(
        session, play.office, case, by, reason=scene.text
    ),
    "note": lambda play, session, case, by, scene: cases.add_note(
        session, play.office, case, by, text=scene.text
    ),
    "return": lambda play, session, case, by, scene: turnos.return_turno(
        session, play.office, case, by, reason=scene.text
    ),
    "priority": lambda play, session, case, by, scene: cases.change_priority(
        session, play.office, case, by, priority=Priority(scene.text)
    ),
    "snooze": lambda play, session, case, by, scene: cases.snooze(
        session, play.office, case, by, until=play.when(scene.due)
    ),
    "tag": lambda play, session, case, by, scene: cases.add_tag(session, case, by, scene.text),
}
