"""Files what was read: one searchable PDF/A on the case, found by every word on the paper."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.attachments import examined, store_large
from intake.cases import step
from intake.digitizing import scans
from intake.digitizing.scan_child import Ended
from intake.incoming import Channel, IncomingFile
from intake.messages import file_outgoing
from intake.office import Office
from models.case import Case
from models.message import Attachment, Direction, Message
from models.scan import JobState, Scan, ScanFiling
from models.search import fold, index_message
from models.workflow import NotAllowed
from templates import say


def made_file(office: Office, number: int, folio: str, content: bytes) -> IncomingFile:
    """The PDF that was made, durable when large. Outside a transaction. Raises StoreFailed."""
    name = say("digitizing.filename", folio=folio.replace("/", "-"), number=number)
    file = examined(name, "application/pdf", content)
    store_large(office, (file,))
    return file


def file_read(
    session: Session, office: Office, filing: ScanFiling, file: IncomingFile, texts: list[str]
) -> Message:
    """File *file*, with the text of each of its pages, in the caller's transaction. Raises Ended."""
    case = filing.case
    used = select(func.coalesce(func.sum(Attachment.size), 0)).join(Message).where(Message.case_id == case.id)
    if (session.scalar(used) or 0) + file.size > office.settings.max_case_bytes:
        raise Ended("case_full")
    originals = [
        {"scan": scan.id, "filename": scan.filename, "sha256": scan.sha256, "pages": numbers}
        for scan, numbers in _origins(filing)
    ]
    try:
        step(session, case, filing.account, "file_scan",
             data={"sha256": file.sha256, "pages": filing.page_count, "originals": originals})  # fmt: skip
    except NotAllowed:
        raise Ended("not_allowed", case.folio) from None
    message = file_outgoing(
        session, office, case, filing.account, text=_words(filing, texts), direction=Direction.NOTE,
        recipients=[], files=[file], channel=Channel.PAPER,
    )  # fmt: skip
    message.text = "\n\n".join([message.reply_text, *texts])
    session.flush()
    _index(session, case, message, texts)
    filing.message_id, filing.state, filing.leased_until, filing.reason = message.id, JobState.DONE, None, ""
    filing.pages_done = filing.page_count
    for page in filing.pages:
        # A million small pictures of what is filed would serve nobody.
        page.thumbnail = None
    for scan, _ in _origins(filing):
        scans.finish_scan(session, scan)
    return message


def _origins(filing: ScanFiling) -> list[tuple[Scan, list[int]]]:
    """The stacks of *filing*, and which of their pages (from 1) went into it."""
    found: dict[int, tuple[Scan, list[int]]] = {}
    for page in filing.pages:
        found.setdefault(page.scan_id, (page.scan, []))[1].append(page.number + 1)
    return list(found.values())


def _words(filing: ScanFiling, texts: list[str]) -> str:
    """What stands in the thread: how many pages, from which original, and which of them has no text."""
    names = ", ".join(f"{scan.filename} (SHA-256 {scan.sha256})" for scan, _ in _origins(filing))
    said = [say("digitizing.filed", number=filing.page_count, names=names)]
    if empty := [str(number) for number, text in enumerate(texts, 1) if not text]:
        said.append(say("digitizing.no_text", pages=", ".join(empty)))
    return "\n".join(said)


def _index(session: Session, case: Case, message: Message, texts: list[str]) -> None:
    # Each word once: the index has room for the words of hundreds of pages, not for their repetitions.
    words = dict.fromkeys(word for text in texts for word in fold_page(text).split())
    index_message(session, message.id, (case.folio, " ".join(words)))


def fold_page(text: str) -> str:
    """The words of a page as search knows them; a word broken at the end of a line is found whole, too."""
    return fold(text) + " " + fold(text.replace("-\n", "").replace("\u00ad\n", ""))
