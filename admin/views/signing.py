"""*Firmar*: signs with an e.firma that is uploaded for this one request.

The key is only in the memory of the request: never in the database, in a temporary file
or in a log (`InMemory`), and forgotten with the answer.
"""

from __future__ import annotations

import io
from typing import IO

from flask import Flask, Request, flash, redirect, request, url_for
from flask_admin import Admin, expose
from werkzeug.wrappers import Response

from admin import frame
from admin.db import office, release, session, writing
from admin.documents import buttons, get_issued
from admin.errors import sentence_of
from intake.errors import DeskError, InvalidInput
from intake.issued import approval
from intake.proofs import efirma
from intake.proofs.efirma import Efirma
from models.oficio import Oficio
from models.person import Account
from models.workflow import NotAllowed
from templates import say

URL = "/admin/firmar"
# Certificate and key have a few thousand bytes; waitress keeps a body below 512 KiB in memory.
MAX_BODY = 4 * efirma.MAX_FILE
MAX_DOCUMENTS = 50


class InMemory(Request):
    """A request whose files never touch the disk on the page that signs."""

    @property
    def max_content_length(self) -> int | None:
        return MAX_BODY if self._signs else super().max_content_length

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._max_content_length = value

    @property
    def _signs(self) -> bool:
        return self.path.startswith(URL)

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self._signs:
            return io.BytesIO()
        return super()._get_file_stream(total_content_length, content_type, filename, content_length)


class SigningView(frame.PanelView):
    """One page for one document or several, signed one after the other with the same e.firma."""

    roles = frame.READING

    @expose("/")
    def index(self) -> str | Response:
        documents = _documents(request.args.getlist("documento", int))
        if not documents:
            return redirect(url_for("board.index", carpeta="to_sign"))
        return self._page(documents)

    def _page(self, documents: list[Oficio]) -> str:
        can_sign = [one for one in documents if "sign" in buttons(one, frame.account())]
        return str(
            self.render(
                "admin/documents/sign.html", documents=can_sign, refused=len(documents) - len(can_sign)
            )
        )

    @expose("/", methods=["POST"])
    def sign(self) -> Response | tuple[str, int]:
        ids = request.form.getlist("documento", int)[:MAX_DOCUMENTS]
        try:
            opened = read_efirma()
            self._sign_each(ids, opened)
        except DeskError as error:
            flash(str(error), "error")
        except NotAllowed as error:
            flash(sentence_of(error), "error")
        else:
            if len(ids) == 1:
                return redirect(url_for("documents.show", document_id=ids[0]))
            return redirect(url_for("board.index", carpeta="sent"))
        return self._page(_documents(ids)), 422

    def _sign_each(self, ids: list[int], opened: Efirma) -> None:
        """The signatures are made outside the transaction: a time stamp server may be slow."""
        by = frame.account().id
        for one in ids:
            get_issued(session(), one)
            release()
            with office().database.reading() as read:
                oficio, account = read.get_one(Oficio, one), read.get_one(Account, by)
                signed = approval.prepare_signature(read, office(), oficio, account, opened)
            with writing() as write:
                oficio = get_issued(write, one)
                approval.sign(write, office(), oficio, frame.account(), signed)
                key = "documents.done.sign" if oficio.state == "sent" else "documents.done.sign_in_part"
                flash(say(key, folio=oficio.folio), "success")


def read_efirma() -> Efirma:
    """The e.firma of this request. Raises InvalidInput: which of its three parts is missing or wrong."""
    return efirma.open_efirma(_file("certificate"), _file("key"), request.form.get("password", ""))


def _file(name: str) -> bytes:
    upload = request.files.get(name)
    content = upload.read() if upload is not None else b""
    if not content:
        raise InvalidInput(f"efirma_missing_{name}")
    return content


def _documents(ids: list[int]) -> list[Oficio]:
    return [get_issued(session(), one) for one in dict.fromkeys(ids[:MAX_DOCUMENTS])]


def register(app: Flask, admin: Admin) -> None:
    app.request_class = InMemory
    admin.add_view(SigningView(name="signing", endpoint="signing", url=URL))
