"""Papers as a scanner sees them: text in Spanish, a label, laid crooked or upside down, with noise."""

from __future__ import annotations

import io
import random
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy
import pypdfium2 as pdfium
import segno
import zxingcpp
from PIL import Image, ImageChops, ImageDraw, ImageFont

# Sheets of letter paper, and half of one, at 200 dots per inch.
DPI = 200
LETTER, HALF = (1700, 2200), (1100, 1700)
# From the edge, from the top (below the label), and from line to line.
_MARGIN, _TOP, _LINE = 150, 420, 56
_WHO = (
    "el director general de obras públicas", "la tesorería municipal", "el comité de vecinos de la colonia",
    "la secretaría del ayuntamiento", "el titular del órgano interno de control", "la escuela primaria",
    "el síndico del municipio", "la dirección de catastro", "el encargado de protección civil",
)  # fmt: skip
_WHAT = (
    "solicita la reparación del alumbrado", "remite copia certificada del expediente",
    "informa el avance físico y financiero", "requiere el mantenimiento del equipo de cómputo",
    "hace de su conocimiento el dictamen técnico", "pide autorización para el cierre de la calle",
    "envía la relación de bienes muebles", "presenta la propuesta de presupuesto",
    "da respuesta al requerimiento formulado", "convoca a la sesión ordinaria",
)  # fmt: skip
_WHY = (
    "con fundamento en los artículos aplicables del reglamento interior",
    "para los efectos legales y administrativos a que haya lugar",
    "en cumplimiento del acuerdo aprobado por unanimidad",
    "a fin de que gire sus apreciables instrucciones", "dentro del término de diez días hábiles",
    "conforme al calendario publicado en la gaceta", "quedando a sus órdenes para cualquier aclaración",
)  # fmt: skip


@dataclass(frozen=True)
class Paper:
    """One page: what is written on it, and its picture as JPEG."""

    words: tuple[str, ...]
    picture: bytes


def write_words(chance: random.Random, count: int) -> list[str]:
    """About *count* words of official prose, with dates and numbers."""
    words: list[str] = []
    while len(words) < count:
        sentence = f"{chance.choice(_WHO)} {chance.choice(_WHAT)} {chance.choice(_WHY)}"
        if chance.random() < 0.3:
            sentence += f", oficio número {chance.randint(100, 9999)} del año {chance.randint(2015, 2026)}"
        words += (sentence[0].upper() + sentence[1:] + ".").split()
    return words


def draw_paper(
    chance: random.Random, *, label: str = "", words: Sequence[str] = (), count: int = 220,
    crooked: float = 0.0, turned: int = 0, noise: float = 18.0, size: tuple[int, int] = LETTER,
    code: zxingcpp.BarcodeFormat = zxingcpp.BarcodeFormat.QRCode,
) -> Paper:  # fmt: skip
    """A sheet with *words*, or *count* of prose; *crooked* and *turned* in degrees. *code*: of the label."""
    sheet = Image.new("L", size, 255)
    written = _write(sheet, list(words) or write_words(chance, count))
    if label:
        sticker = _draw_code(label, code)
        sheet.paste(sticker, (size[0] - max(sticker.width + 60, 450), 60))
    sheet = sheet.rotate(crooked, resample=Image.Resampling.BICUBIC, fillcolor=255).rotate(
        turned, expand=True
    )
    if noise:
        # Grey grain of the paper and of the sensor, and dust.
        grain = Image.effect_noise(sheet.size, noise)
        sheet = ImageChops.add(sheet.point(lambda shade: int(shade * 0.9)), grain, 1, -112)
        pen = ImageDraw.Draw(sheet)
        for _ in range(300):
            spot = chance.randrange(sheet.width), chance.randrange(sheet.height)
            pen.ellipse((*spot, spot[0] + 2, spot[1] + 2), fill=chance.choice((0, 255)))
    picture = io.BytesIO()
    sheet.save(picture, "JPEG", quality=60, dpi=(DPI, DPI))
    return Paper(tuple(written), picture.getvalue())


def _draw_code(label: str, code: zxingcpp.BarcodeFormat) -> Image.Image:
    """The label as QR, as ours have it, or as another printer draws it: bars of 3 points, squares of 7."""
    if code == zxingcpp.BarcodeFormat.QRCode:
        made = io.BytesIO()
        segno.make(label, error="m").save(made, kind="png", scale=7, border=4)
        return Image.open(made).convert("L")
    scale = 3 if code == zxingcpp.BarcodeFormat.Code128 else 7
    return Image.fromarray(
        numpy.array(zxingcpp.write_barcode_to_image(zxingcpp.create_barcode(label, code), scale=scale))
    )


def stack_tiff(pictures: Sequence[bytes]) -> bytes:
    """The pages as a TIFF of many pages: as a fax in black and white, grey, and in colour, by turns."""
    modes = (("1", "group4"), ("L", "tiff_lzw"), ("RGB", "jpeg"))
    pages = []
    for number, picture in enumerate(pictures):
        mode, compression = modes[number % len(modes)]
        page = Image.open(io.BytesIO(picture)).convert(mode, dither=Image.Dither.NONE)
        page.encoderinfo = {"compression": compression, "dpi": (DPI, DPI)}
        pages.append(page)
    made = io.BytesIO()
    pages[0].save(made, "TIFF", save_all=True, append_images=pages[1:], dpi=(DPI, DPI),
                  compression=modes[0][1])  # fmt: skip
    return made.getvalue()


def photograph_by_telephone(picture: bytes) -> bytes:
    """The sheet as a phone held upright takes it: it lies on its side, and Exif says how to turn it."""
    with Image.open(io.BytesIO(picture)) as sheet:
        lying = sheet.rotate(90, expand=True)
    told = lying.getexif()
    # Exif 2.32, 4.6.4: 6 is "turn it to the right"; cameras write 72 dots per inch whatever they see.
    told[0x0112] = 6
    made = io.BytesIO()
    lying.save(made, "JPEG", quality=85, exif=told, dpi=(72, 72))
    return made.getvalue()


def _write(sheet: Image.Image, words: list[str]) -> list[str]:
    pen, font = ImageDraw.Draw(sheet), _font()
    written: list[str] = []
    line: list[str] = []
    top = _TOP
    for word in [*words, ""]:
        if word and pen.textlength(" ".join([*line, word]), font=font) <= sheet.width - 2 * _MARGIN:
            line.append(word)
            continue
        pen.text((_MARGIN, top), " ".join(line), font=font, fill=25)
        written += line
        line, top = [word], top + _LINE
        if top > sheet.height - 200:
            break
    return written


@cache
def _font() -> ImageFont.FreeTypeFont:
    found = subprocess.run(
        ["fc-match", "--format=%{file}", "Noto Serif"], capture_output=True, text=True, check=True
    )
    return ImageFont.truetype(found.stdout, 34)


def stack_pdf(pictures: Sequence[bytes]) -> bytes:
    """The pages as a scanner sends them: one PDF of JPEGs."""
    document = pdfium.PdfDocument.new()
    for picture in pictures:
        with Image.open(io.BytesIO(picture)) as shown:
            width, height = (side / DPI * 72 for side in shown.size)
        placed = pdfium.PdfImage.new(document)
        placed.load_jpeg(io.BytesIO(picture), inline=True)
        placed.set_matrix(pdfium.PdfMatrix().scale(width, height))
        page = document.new_page(width, height)
        page.insert_obj(placed)
        page.gen_content()
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def accuracy(written: Sequence[str], read: str) -> float:
    """The share of the words written that were read, exactly as they are."""
    return sum((Counter(written) & Counter(read.split())).values()) / len(written)
