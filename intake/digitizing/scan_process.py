"""The process that opens scans: looks for labels and draws small pictures, or reads pages into one PDF/A.

`python -m intake.digitizing.scan_process FOLDER` does what `FOLDER/job.json` says and tells how far
it is on lines of JSON. It knows no database and no secret, gives way to everybody else
(`scan_nice`), and dies with its parent: a file that hangs, swells or crashes it harms nothing but itself.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import zxingcpp
from PIL import Image, ImageOps, ImageSequence

# Points of the longer side of a sheet of letter paper: as large as a photograph without a size is made.
LETTER = 792.0
# A scanner says how large its paper is; a telephone writes 72 dots per inch, and a sheet of 1.4 m.
LARGEST = 17 * 72.0
# Pixels of the longer side: enough for a bar code of 6 cm on a letter sheet, and for a small picture.
LOOK, THUMBNAIL = 2600, 520
# Seconds of processor time to open a file or to draw a page, far above any honest one.
DRAWING = 30
# Bytes of address space and of one file, above any honest scan.
MEMORY, FILE = 4 << 30, 2 << 30
# linux/prctl.h: the signal to get when the parent dies.
_PR_SET_PDEATHSIG = 1
# pdfium's FPDF_ERR_PASSWORD and FPDF_ERR_SECURITY.
_LOCKED = (4, 5)
# The descriptor on which the parent hears us; far from those that libraries open.
_answers = 200


class Unreadable(Exception):
    """The file cannot be opened. `key`: a reason of the labels `digitizing.reason`."""

    def __init__(self, key: str, detail: str = "") -> None:
        super().__init__(key, detail)
        self.key = key
        self.detail = detail


def open_document(path: Path, content_type: str, most: int = 0) -> pdfium.PdfDocument:
    """A scan as PDF; a JPEG keeps its very bytes. *most*: pages, if there is a limit. Raises Unreadable."""
    if content_type == "image/jpeg":
        return _open_jpeg(path)
    if content_type.startswith("image/"):
        return _open_picture(path, most)
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        code = getattr(error, "err_code", None)
        raise Unreadable("encrypted" if code in _LOCKED else "broken", str(error)) from None
    if not len(document):
        raise Unreadable("broken")
    return document


def _open_jpeg(path: Path) -> pdfium.PdfDocument:
    try:
        with Image.open(path) as picture:
            orientation = picture.getexif().get(0x0112, 1)
            width, height = _paper(picture)
        document = pdfium.PdfDocument.new()
        placed = pdfium.PdfImage.new(document)
        placed.load_jpeg(path, inline=True)
    except (OSError, ValueError, Image.DecompressionBombError, pdfium.PdfiumError) as error:
        raise Unreadable("broken", str(error)) from None
    placed.set_matrix(pdfium.PdfMatrix().scale(width, height))
    page = document.new_page(width, height)
    page.insert_obj(placed)
    page.gen_content()
    # Exif 2.32, 4.6.4: how the telephone was held. Mirrored pictures come from no camera.
    page.set_rotation({3: 180, 6: 90, 8: 270}.get(orientation, 0))
    return document


def _open_picture(path: Path, most: int) -> pdfium.PdfDocument:
    """A TIFF or PNG as PDF: black and white stays as it is (CCITT), the rest becomes JPEG.

    One page at a time, each with its own size: a stack of colour pages does not fit into memory.
    """
    document = pdfium.PdfDocument.new()
    try:
        with Image.open(path) as picture:
            count = getattr(picture, "n_frames", 1)
            if most and count > most:
                raise Unreadable("too_many_pages", str(count))
            for frame in ImageSequence.Iterator(picture):
                _allow(DRAWING)
                document.import_pages(pdfium.PdfDocument(_page_of(_plain(frame))))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, pdfium.PdfiumError) as error:
        raise Unreadable("broken", str(error)) from None
    return document


def _page_of(picture: Image.Image) -> bytes:
    width, height = _paper(picture)
    made = io.BytesIO()
    # The one knows of no quality, and fails when asked for it.
    options = {} if picture.mode == "1" else {"quality": 90}
    # Faxes have fewer dots down than across.
    dpi = picture.width / width * 72, picture.height / height * 72
    picture.save(made, "PDF", dpi=dpi, **options)
    return made.getvalue()


def _plain(frame: Image.Image) -> Image.Image:
    upright = ImageOps.exif_transpose(frame)
    plain = upright if upright.mode in ("1", "L", "RGB") else upright.convert("RGB")
    plain.info["dpi"] = frame.info.get("dpi")
    return plain


def _paper(picture: Image.Image) -> tuple[float, float]:
    """Width and height in points."""
    across, down = picture.info.get("dpi") or (0, 0)
    if across and down:
        width, height = picture.width / float(across) * 72, picture.height / float(down) * 72
        if 72 < max(width, height) <= LARGEST:
            return width, height
    scale = LETTER / max(picture.size)
    return picture.width * scale, picture.height * scale


def look(folder: Path, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Say how many pages there are, and of each what its codes say; draw it as `<number>.jpg`."""
    _allow(DRAWING)
    document = open_document(folder / "0", job["content_type"], job["max_pages"])
    yield {"pages": len(document)}
    if len(document) > job["max_pages"]:
        raise Unreadable("too_many_pages", str(len(document)))
    for number in range(len(document)):
        _allow(DRAWING)
        picture = _render(document, number, LOOK)
        codes = [code.text for code in zxingcpp.read_barcodes(picture)]
        picture.thumbnail((THUMBNAIL, THUMBNAIL))
        picture.convert("L").save(folder / f"{number}.jpg", quality=70)
        yield {"page": number, "codes": codes}


def _render(document: pdfium.PdfDocument, number: int, longer: int) -> Image.Image:
    try:
        page = document[number]
        scale = longer / max(page.get_size())
        picture: Image.Image = page.render(scale=scale, grayscale=True).to_pil()
    except pdfium.PdfiumError as error:
        raise Unreadable("broken_page", str(number + 1)) from error
    return picture


def read(folder: Path, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Join the pages of the job as `joined.pdf`, and read them into `read.pdf`: searchable, PDF/A-2b."""
    from intake.digitizing.scan_reading import recognise, recognise_rest, slow_pages

    _allow(DRAWING * len(job["pages"]))
    has_text = _join(folder, job["pages"])
    # Tesseract has a limit for each page (`scan_page_seconds`), and would inherit ours.
    _allow(resource.RLIM_INFINITY)
    recognise(folder / "joined.pdf", folder / "read.pdf", job | {"has_text": has_text}, tell)
    made = folder / "read.pdf"
    # Of the file itself, and not of the reader: so what it says is what people find in it.
    texts = read_texts(made)
    # Not those again that took too long already: what becomes of them is for a person to say.
    is_missing = any(not text and number not in slow_pages for number, text in enumerate(texts, 1))
    if is_missing and recognise_rest(made, folder / "again.pdf", job):
        made = (folder / "again.pdf").replace(made)
        texts = read_texts(made)
    unread = [str(number) for number, text in enumerate(texts, 1) if not text and number in slow_pages]
    if unread and not job["takes_unread"]:
        raise Unreadable("slow_page", ", ".join(unread))
    yield {"text": texts}


def read_texts(path: Path) -> list[str]:
    """The text of each page of a PDF."""
    document = pdfium.PdfDocument(path)
    return [_text(document, number) for number in range(len(document))]


def _join(folder: Path, pages: list[dict[str, Any]]) -> bool:
    """Write `joined.pdf`; whether there is text on any page, of a printer or of another reader."""
    joined = pdfium.PdfDocument.new()
    opened: dict[str, pdfium.PdfDocument] = {}
    for wanted in pages:
        name = wanted["file"]
        if name not in opened:
            opened[name] = open_document(folder / name, wanted["content_type"])
            _allow(DRAWING * len(pages))
        try:
            joined.import_pages(opened[name], [wanted["number"]])
        except (pdfium.PdfiumError, ValueError) as error:
            raise Unreadable("broken_page", str(wanted["number"] + 1)) from error
        page = joined[len(joined) - 1]
        page.set_rotation((page.get_rotation() + wanted["rotation"]) % 360)
    joined.save(folder / "joined.pdf")
    return any(_text(joined, number) for number in range(len(joined)))


def _text(document: pdfium.PdfDocument, number: int) -> str:
    text: str = document[number].get_textpage().get_text_range()
    return text.replace("\r\n", "\n").replace("\0", "").strip()


def restrain(nice: int) -> None:
    """Give way to others, die with the parent, and take no more than an honest scan needs."""
    os.nice(nice)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))
    # Tesseract would take every core.
    os.environ["OMP_THREAD_LIMIT"] = "1"


def _allow(seconds: int) -> None:
    """The kernel ends us (SIGXCPU) when we use more than *seconds* of processor time from now on."""
    is_limited = seconds != resource.RLIM_INFINITY
    limit = int(time.process_time()) + 1 + seconds if is_limited else seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def tell(line: dict[str, Any]) -> None:
    """One line for the parent."""
    os.write(_answers, (json.dumps(line) + "\n").encode())


def main(folder: Path) -> None:
    """Do the job of *folder*; the last line is `done` or `failed`."""
    # What libraries print must not get between our lines.
    os.dup2(1, _answers)
    os.dup2(2, 1)
    job = json.loads((folder / "job.json").read_text())
    restrain(job["nice"])
    try:
        for line in (look if job["do"] == "look" else read)(folder, job):
            tell(line)
    except Unreadable as error:
        tell({"failed": error.key, "detail": error.detail})
    except MemoryError:
        tell({"failed": "too_large", "detail": ""})
    else:
        tell({"done": True})


if __name__ == "__main__":
    # Not this module, which is called `__main__`, but the one whose exceptions others raise.
    from intake.digitizing import scan_process

    scan_process.main(Path(sys.argv[1]))
