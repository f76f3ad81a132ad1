"""*Digitalizar documentación* (manual C): what is to be scanned, uploads, stacks, the end of a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote

from flask import Flask, Response, abort, flash, jsonify, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from admin import digitizing, frame
from admin.db import office, release, session, writing
from admin.errors import sentence_of
from admin.formats import size
from admin.tasks import add_screen
from intake.attachments import read_blob
from intake.digitizing import scans
from intake.errors import DeskError, InvalidInput
from models.access import visible_to
from models.case import Case
from models.oficio import Flow, Oficio
from models.scan import JobState, Scan, ScanFiling, ScanPage, ScanSource
from models.task import Task, TaskKind
from models.workflow import NotAllowed
from templates import say

MAX_FILES = 20
# What a browser shows; the rest is saved.
_SHOWN = frozenset({"application/pdf", "image/jpeg", "image/png"})


class DigitizingView(frame.PanelView):
    """One list, one page for a stack and one for a case. Every change is a verb of `digitizing.scans`."""

    roles = scans.HANDLING

    @expose("/")
    def index(self) -> str:
        tasks, following = digitizing.waiting(session(), frame.account(), request.args.get("despues", 0, int))
        return self.render("admin/digitizing/index.html", tasks=tasks, following=following,
                           limits=_limits(), **_progress())  # fmt: skip

    @expose("/avance")
    def progress(self) -> str:
        """Stacks and readings, asked for again and again while something runs."""
        number = request.args.get("asunto", type=int)
        case = _case(session(), number) if number else None
        return self.render("admin/digitizing/progress.html", **_progress(case))

    @expose("/subir", methods=("POST",))
    def upload(self) -> BaseResponse | tuple[Response, int]:
        """Take files; one that is refused keeps none of the others back. A script sends each by itself."""
        uploads = [one for one in request.files.getlist("files") if one.filename][:MAX_FILES]
        number = request.form.get("case", type=int)
        back = url_for(".case", case_id=number) if number else url_for(".index")
        said: list[tuple[str, str]] = []
        taken = 0
        # Disks and antivirus are slow; nobody else has to wait for them.
        release()
        for one in uploads:
            try:
                file = scans.examine(office(), one.filename or "", one.read(), one.mimetype)
                with writing() as write:
                    case = _case(write, number) if number else None
                    scan = scans.take(write, office(), file, source=ScanSource.UPLOAD, by=frame.account(),
                                      case=case)  # fmt: skip
                    taken = scan.id
                told = {"name": file.filename, "size": size(file.size), "number": taken}
                said.append((say("digitizing.sent_one", **told), "success"))
            except (DeskError, NotAllowed) as error:
                said.append((str(error) if isinstance(error, DeskError) else sentence_of(error), "error"))
        said = said or [(say("error.no_files"), "error")]
        is_well = all(kind == "success" for _, kind in said)
        if request.accept_mimetypes.best == "application/json":
            # A script sends each file by itself.
            shown = url_for(".stack", number=taken) if taken else ""
            answer = {"said": " ".join(words for words, _ in said), "shown": shown}
            return jsonify(answer), 200 if is_well else 422
        for words, kind in said:
            flash(words, kind)
        return redirect(back)

    @expose("/pila/<int:number>", methods=("GET", "POST"))
    def stack(self, number: int) -> str | BaseResponse | tuple[str, int]:
        if request.method == "GET":
            return self._stack(number)
        try:
            with writing() as write:
                scan = _stack(write, number)
                said = _act(write, scan)
                scans.finish_scan(write, scan)
        except DeskError as error:
            flash(str(error), "error")
            return self._stack(number), 422
        flash(said, "success")
        return redirect(url_for(".stack", number=number))

    def _stack(self, number: int) -> str:
        scan = _stack(session(), number)
        groups, filed = digitizing.groups(session(), frame.account(), scan)
        return self.render("admin/digitizing/stack.html", scan=scan, groups=groups, filed=filed,
                           form=request.form, describe=scans.describe)  # fmt: skip

    @expose("/pila/<int:number>/pagina/<int:page>.jpg")
    def picture(self, number: int, page: int) -> Response:
        scan = _stack(session(), number)
        wanted = select(ScanPage.thumbnail).where(ScanPage.scan_id == scan.id, ScanPage.id == page)
        return _bytes(session().scalar(wanted) or abort(404), "image/jpeg", f"{page}.jpg")

    @expose("/pila/<int:number>/original")
    def original(self, number: int) -> Response:
        """The very file that came."""
        scan = _stack(session(), number)
        content = read_blob(session(), office(), scan.sha256 or abort(404))
        return _bytes(content, scan.content_type, scan.filename)

    @expose("/pila/<int:number>/<any(reintentar, quitar):verb>", methods=("POST",))
    def decide_stack(self, number: int, verb: str) -> BaseResponse:
        def decide(write: Session) -> str:
            scan = _stack(write, number)
            if verb == "quitar":
                scans.dismiss(scan)
                return say("digitizing.done_dismiss")
            scans.retry(scan)
            return say("digitizing.done_retry")

        return self._decide(decide)

    @expose("/lectura/<int:number>/<any(reintentar, devolver, archivar):verb>", methods=("POST",))
    def decide_reading(self, number: int, verb: str) -> BaseResponse:
        def decide(write: Session) -> str:
            seen = visible_to(frame.account())
            wanted = select(ScanFiling).join(Case, Case.id == ScanFiling.case_id)
            filing = write.scalar(wanted.where(ScanFiling.id == number, seen)) or abort(404)
            if verb == "devolver":
                scans.take_back(write, filing)
                return say("digitizing.done_take_back")
            if verb == "archivar":
                scans.file_unread(filing)
                return say("digitizing.done_unread")
            scans.retry(filing)
            return say("digitizing.done_retry")

        return self._decide(decide)

    @expose("/asunto/<int:case_id>")
    def case(self, case_id: int) -> str:
        case = _case(session(), case_id)
        wanted = select(Task).where(Task.case_id == case.id, Task.kind == TaskKind.DIGITIZE)
        task = session().scalar(wanted.order_by(Task.id.desc()).limit(1))
        return self.render(
            "admin/digitizing/case.html",
            case=case,
            task=task,
            filings=digitizing.filed(session(), case),
            why_not=scans.unfinished(session(), case),
            limits=_limits(),
            **_progress(case),
        )

    @expose("/asunto/<int:case_id>/terminar", methods=("POST",))
    def end(self, case_id: int) -> BaseResponse:
        def decide(write: Session) -> str:
            case = _case(write, case_id)
            scans.end_task(write, case, frame.account())
            return say("digitizing.done_task", folio=case.folio)

        return self._decide(decide, url_for(".case", case_id=case_id))

    def _decide(self, decide: Callable[[Session], str], otherwise: str = "") -> BaseResponse:
        try:
            with writing() as write:
                flash(decide(write), "success")
        except (DeskError, NotAllowed) as error:
            flash(str(error) if isinstance(error, DeskError) else sentence_of(error), "error")
            return redirect(otherwise or url_for(".index"))
        return redirect(url_for(".index"))


def _progress(case: Oficio | None = None) -> dict[str, object]:
    """What is under way, of all or of *case*."""
    read, who = session(), frame.account()
    stacks, readings = digitizing.stacks(read, who, case), digitizing.readings(read, who, case)
    running = (JobState.QUEUED, JobState.RUNNING)
    states = {job.state for job in readings} | {scan.state for scan, _ in stacks}
    is_busy = not states.isdisjoint(running)
    return {"stacks": stacks, "readings": readings, "is_busy": is_busy, "describe": scans.describe,
            "only": case}  # fmt: skip


def _limits() -> dict[str, int]:
    return {"megabytes": office().settings.scan_max_bytes // 1_000_000}


def _stack(read: Session, number: int) -> Scan:
    return digitizing.find_stack(read, frame.account(), number) or abort(404)


def _case(read: Session, number: int) -> Oficio:
    wanted = select(Oficio).where(
        Oficio.id == number, Oficio.flow == Flow.RECEIVED, visible_to(frame.account())
    )
    return read.scalar(wanted) or abort(404)


def _act(write: Session, scan: Scan) -> str:
    """What a button of the stack does: `verb`, or `verb:number` of one page or case. Says what was done."""
    form, who = request.form, frame.account()
    verb, _, target = form.get("do", "").partition(":")
    if verb == "file":
        made = scans.file_pages(write, scan, who, case_id=int(target) if target.isdecimal() else None)
        return say("digitizing.done_file", number=sum(filing.page_count for filing in made))
    numbers = {int(target)} if target.isdecimal() else set(form.getlist("page", type=int))
    pages: Sequence[ScanPage] = [page for page in scan.pages if page.id in numbers]
    if verb == "give":
        case = scans.give(write, scan, pages, who, form.get("folio", ""))
        return say("digitizing.done_give", folio=case.folio)
    if verb in ("earlier", "later") and len(pages) == 1:
        scans.move(scan, pages[0], -1 if verb == "earlier" else 1)
        return say("digitizing.done_move")
    if verb in ("left", "right"):
        scans.turn(scan, pages, 90 if verb == "right" else -90)
        return say("digitizing.done_turn")
    if verb == "hold":
        scans.hold(scan, pages)
    elif verb in ("discard", "restore"):
        scans.discard(write, scan, pages, is_discarded=verb == "discard")
    else:
        raise InvalidInput("scan_no_pages")
    return say(f"digitizing.done_{verb}")


def _bytes(content: bytes, kind: str, name: str) -> Response:
    """Bytes from outside, with headers that keep them from acting."""
    is_shown = kind in _SHOWN
    response = Response(content, content_type=kind if is_shown else "application/octet-stream")
    how = "inline" if is_shown else "attachment"
    response.headers["Content-Disposition"] = f"{how}; filename*=UTF-8''{quote(name)}"
    # Without `sandbox` for PDF: Chromium's viewer does not run in one.
    sandbox = "" if kind == "application/pdf" else "; sandbox"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'{sandbox}"
    )
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def register(app: Flask, admin: Admin) -> None:
    """Add the pages, their entry in the rail, and the screen of the task."""
    view = DigitizingView(name="digitizing", endpoint="digitizing", url="/admin/digitalizar")
    admin.add_view(view)
    frame.add_entry(
        app,
        frame.Entry(
            "panel.rail.office", "digitizing.rail", "digitizing.index", "photo", DigitizingView.roles
        ),
    )
    add_screen(app, TaskKind.DIGITIZE, lambda task: url_for("digitizing.case", case_id=task.case_id))
