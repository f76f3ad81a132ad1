"""The IMAP door: mail from folders of other servers, each followed by a thread of its own.

Stored and committed together with the cursor first, marked or moved on the
server only then; what a crash leaves unmarked is marked at the next login. Any
error ends the login and nothing else. One message never stops those behind it.
"""

from __future__ import annotations

import random
import signal
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import structlog
from imapclient import DELETED, SEEN, IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError
from sqlalchemy.exc import SQLAlchemyError

import templates
from intake import spool
from intake.doors import imap_cursor
from intake.doors.imap_cursor import Position
from intake.doors.imap_source import ImapSource, parse_source
from intake.doors.pulse import Pulse
from intake.office import Office

log = structlog.get_logger()

CONNECT_SECONDS, READ_SECONDS = 20.0, 60.0
# RFC 2177 allows 29 minutes, but what arrives just as IDLE begins is announced by some servers (Dovecot
# is one) only with the next mail or at the end of IDLE. So it is short after news, and never long.
SHORT_IDLE, LONG_IDLE = 0.5, 30.0
# A login lasts this long at most: access tokens expire, and unreadable messages are asked for again.
LOGIN_SECONDS = 60 * 60.0
FIRST_DELAY, LONGEST_DELAY = 0.5, 120.0
# Messages of one FETCH, their bytes, and UIDs whose sizes are asked for at once.
BATCH, BATCH_BYTES, SIZES = 25, 4 * 1024 * 1024, 200
# A message that could not be read so often is recorded as failed, and the rest goes on.
ATTEMPTS = 3


class Unreadable(Exception):
    """The message is there, and the server does not give it."""


def log_in(source: ImapSource) -> IMAPClient:
    """Connect and log in as *source* says; nothing is changed. Raises OSError or IMAPClientError."""
    context = ssl.create_default_context(cafile=source.ca or None)
    timeout = SocketTimeout(CONNECT_SECONDS, READ_SECONDS)
    client = IMAPClient(source.host, source.port, ssl=source.is_tls, ssl_context=context, timeout=timeout)
    try:
        if source.starttls:
            client.starttls(context)
        if source.auth == "password":
            client.login(source.user, source.secret())
        else:
            login = client.oauth2_login if source.auth == "xoauth2" else client.oauthbearer_login
            login(source.user, source.secret())
    except BaseException:
        client.shutdown()
        raise
    return client


def count_messages(url: str) -> int:
    """How many messages lie in the folder of *url*: the door's own login, for `oficialia check`."""
    source = parse_source(url)
    with log_in(source) as client:
        return int(client.select_folder(source.folder, readonly=True)[b"EXISTS"])


class Follower:
    """Reads one folder until *stop*."""

    def __init__(self, office: Office, source: ImapSource, stop: threading.Event) -> None:
        self.office = office
        self.source = source
        self.pulse = Pulse(source.door)
        self._stop = stop
        self._log = log.bind(source=source.name)
        self._position = Position(source.name, 0, 0, 0)
        self._failures: Counter[int] = Counter()
        # These failed together with others: from now on each is fetched alone.
        self._suspects: set[int] = set()
        self._asked_again_at = float("-inf")
        self._to_ask: list[int] = []
        self._delay = FIRST_DELAY
        self._idle = SHORT_IDLE
        # Why mails could not be marked, although they are safe.
        self._trouble = ""

    def run(self) -> None:
        """Log in again and again, until stopped."""
        templates.language.set(self.office.settings.language)
        while not self._stop.is_set():
            try:
                with self._log_in() as client:
                    self._follow(client)
            except Exception as error:
                # Whatever it is, a new login is a clean beginning; the cursor knows where.
                self._log.warning("imap login ended", error=repr(error), next_login_in=self._delay)
                self.pulse.fail(f"{type(error).__name__}: {error}")
                self._write_pulse()
                self._stop.wait(self._delay * random.uniform(0.8, 1.2))
                self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _log_in(self) -> IMAPClient:
        client = log_in(self.source)
        try:
            if self.source.move and not client.folder_exists(self.source.move):
                client.create_folder(self.source.move)
        except BaseException:
            client.shutdown()
            raise
        return client

    def _follow(self, client: IMAPClient) -> None:
        ends_at = time.monotonic() + LOGIN_SECONDS
        self._open_folder(client)
        # What a crash, or a server that hung up, left unmarked.
        self._mark(client)
        self._ask_again(client)
        while not self._stop.is_set() and time.monotonic() < ends_at:
            self._read_new(client)
            self._delay = FIRST_DELAY
            self.pulse.contact()
            if self._trouble:
                self.pulse.fail(self._trouble)
            else:
                self.pulse.recover()
            self._write_pulse()
            self._wait(client)

    def _open_folder(self, client: IMAPClient) -> None:
        answer = client.select_folder(self.source.folder)
        first_uid = int(answer.get(b"UIDNEXT", 1)) if self.source.only_new else 1
        with self.office.database.writing() as session:
            self._position = imap_cursor.open_cursor(
                session, self.source.name, int(answer[b"UIDVALIDITY"]), first_uid
            )
        self._log.info("imap folder open", last_uid=self._position.last_uid)

    def _read_new(self, client: IMAPClient) -> None:
        """Everything above the cursor, until nothing more is there."""
        while not self._stop.is_set():
            _was_announced(client)
            uids = self._uids(client, self._position.last_uid + 1)
            if not uids and not _was_announced(client):
                return
            for batch in self._batches(client, uids):
                if self._stop.is_set():
                    return
                self._take(client, batch)
                self._mark(client)

    def _uids(self, client: IMAPClient, first: int, last: int | None = None, but: str = "ALL") -> list[int]:
        # `7:*` is the last message, whatever its number (RFC 9051, 9), so numbers are compared here too.
        found = client.search(["UID", f"{first}:{last or '*'}", but])
        return sorted(uid for uid in found if uid >= first and (last is None or uid <= last))

    def _batches(self, client: IMAPClient, uids: Sequence[int]) -> Iterator[list[int]]:
        """*uids* in order, in groups that are quick to fetch; large and suspect ones alone."""
        batch: list[int] = []
        weight = 0
        for start in range(0, len(uids), SIZES):
            part = uids[start : start + SIZES]
            sizes = self._sizes(client, part)
            for uid in part:
                size = BATCH_BYTES if uid in self._suspects else sizes.get(uid, BATCH_BYTES)
                if batch and (weight + size > BATCH_BYTES or len(batch) >= BATCH):
                    yield batch
                    batch, weight = [], 0
                batch.append(uid)
                weight += size
        if batch:
            yield batch

    def _sizes(self, client: IMAPClient, uids: Sequence[int]) -> dict[int, int]:
        try:
            answer = client.fetch(uids, ["RFC822.SIZE"])
        except IMAPClientAbortError:
            self._suspects.update(uids)
            raise
        except IMAPClientError:
            # One of them is broken, and the server does not say which.
            return {}
        return {uid: int(data[b"RFC822.SIZE"]) for uid, data in answer.items() if b"RFC822.SIZE" in data}

    def _take(self, client: IMAPClient, uids: Sequence[int]) -> None:
        """Make these durable, together with the cursor."""
        source, position = self.source, self._position
        try:
            mails = self._fetch(client, uids)
        except Exception as error:
            if len(uids) > 1:
                self._suspects.update(uids)
                raise
            self._failures[uids[0]] += 1
            if self._failures[uids[0]] < ATTEMPTS:
                raise
            self._give_up(uids[0], error)
            # The connection may be out of step after a broken answer.
            raise
        prepared = [
            spool.prepare(
                self.office,
                spool.Arrival(
                    "imap",
                    raw,
                    envelope_to=(source.mailbox,),
                    peer=source.host,
                    imap_source=source.name,
                    imap_uidvalidity=position.uidvalidity,
                    imap_uid=uid,
                ),
            )
            for uid, raw in mails.items()
        ]
        with self.office.database.writing() as session:
            new = imap_cursor.add_new(session, prepared, position)
            imap_cursor.advance(session, position, last_uid=uids[-1])
            self.pulse.message()
            if self.pulse.is_due:
                self.pulse.write(session)
        self._move_to(last_uid=uids[-1])
        self._idle = SHORT_IDLE
        self._suspects.difference_update(uids)
        self._log.info("imap mails stored", new=new, known=len(mails) - new, last_uid=uids[-1])

    def _fetch(self, client: IMAPClient, uids: Sequence[int]) -> dict[int, bytes]:
        """The bytes of each that still exists. Raises Unreadable when one exists and is not given."""
        answer = client.fetch(uids, ["BODY.PEEK[]"])
        mails = {uid: data[b"BODY[]"] for uid, data in answer.items() if data.get(b"BODY[]") is not None}
        missing = [uid for uid in uids if uid not in mails]
        if missing and (there := client.search(["UID", ",".join(map(str, missing))])):
            raise Unreadable(f"UID {', '.join(map(str, there))}")
        return mails

    def _give_up(self, uid: int, error: Exception) -> None:
        """Record what cannot be read, and go on behind it."""
        with self.office.database.writing() as session:
            imap_cursor.add_unreadable(session, self._position, uid, self.source.mailbox, repr(error))
            imap_cursor.advance(session, self._position, last_uid=uid)
        self._move_to(last_uid=uid)
        self._failures.pop(uid)
        self._suspects.discard(uid)
        self._delay = FIRST_DELAY
        self._log.error("imap message unreadable", uid=uid, error=repr(error))

    def _ask_again(self, client: IMAPClient) -> None:
        """Each hour: what the server did not give before. What ends the login is not asked for twice."""
        if time.monotonic() - self._asked_again_at >= LOGIN_SECONDS:
            self._asked_again_at = time.monotonic()
            with self.office.database.reading() as session:
                self._to_ask = imap_cursor.unreadable_uids(session, self._position)
        while self._to_ask and not self._stop.is_set():
            uid = self._to_ask.pop(0)
            try:
                raw = self._fetch(client, [uid]).get(uid)
            except Unreadable:
                continue
            if raw is not None:
                mail = spool.prepare(self.office, spool.Arrival("imap", raw))
                with self.office.database.writing() as session:
                    imap_cursor.complete(session, self._position, uid, mail)
                self._mark_mails(client, [uid])

    def _mark(self, client: IMAPClient) -> None:
        """Mark or move on the server what is safe here and was not marked yet."""
        position = self._position
        if position.marked_uid >= position.last_uid:
            return
        with self.office.database.reading() as session:
            unreadable = set(imap_cursor.unreadable_uids(session, position))
        uids = self._uids(client, position.marked_uid + 1, position.last_uid, "UNDELETED")
        try:
            self._mark_mails(client, [uid for uid in uids if uid not in unreadable])
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            # A folder we may only read, or a full one to move to: mail comes in nevertheless.
            self._log.warning("imap mails not marked", error=str(error))
            self._trouble = str(error)
            return
        self._trouble = ""
        with self.office.database.writing() as session:
            imap_cursor.advance(session, position, marked_uid=position.last_uid)
        self._move_to(marked_uid=position.last_uid)

    def _mark_mails(self, client: IMAPClient, uids: Sequence[int]) -> None:
        for start in range(0, len(uids), SIZES):
            part = uids[start : start + SIZES]
            if not self.source.move:
                client.add_flags(part, [SEEN], silent=True)
            elif client.has_capability("MOVE"):
                client.move(part, self.source.move)
            else:
                client.copy(part, self.source.move)
                client.add_flags(part, [DELETED], silent=True)
                # Without UIDPLUS an EXPUNGE would take what others have marked as deleted.
                if client.has_capability("UIDPLUS"):
                    client.uid_expunge(part)

    def _move_to(self, *, last_uid: int = 0, marked_uid: int = 0) -> None:
        at = self._position
        self._position = Position(
            at.source, at.uidvalidity, max(at.last_uid, last_uid), max(at.marked_uid, marked_uid)
        )

    def _wait(self, client: IMAPClient) -> None:
        """Until the server announces mail, or it is time to look."""
        if not client.has_capability("IDLE"):
            self._stop.wait(self.source.poll)
            return
        ends_at = time.monotonic() + self._idle
        self._idle = min(self._idle * 2, LONG_IDLE)
        client.idle()
        while not self._stop.is_set() and time.monotonic() < ends_at:
            asked_at = time.monotonic()
            said = client.idle_check(timeout=0.25)
            # An answer at once without words is the end of the connection, which idle_done reports.
            if any(b"EXISTS" in line for line in said) or (not said and time.monotonic() - asked_at < 0.2):
                break
        client.idle_done()

    def _write_pulse(self) -> None:
        if not self.pulse.is_due:
            return
        try:
            with self.office.database.writing() as session:
                self.pulse.write(session)
        except (SQLAlchemyError, OSError) as error:
            self._log.warning("pulse not written", error=str(error))


def _was_announced(client: IMAPClient) -> bool:
    """Whether the server announced mail since the last call.

    It may do so in the answer to a search that did not yet find it, and IDLE would not say it again.
    """
    # IMAPClient hides the answers that nobody asked for; imaplib has them.
    return bool(client._imap.response("EXISTS")[1] != [None])


def start(office: Office, stop: threading.Event) -> list[threading.Thread]:
    """A thread for each folder of the settings. Raises ValueError for a URL that says nothing."""
    sources = [parse_source(url) for url in office.settings.imap_url]
    threads = [
        threading.Thread(target=Follower(office, source, stop).run, name=source.door) for source in sources
    ]
    for thread in threads:
        thread.start()
    return threads


def serve(office: Office) -> None:
    """Follow all folders until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    for thread in start(office, stop):
        thread.join()
