"""Files of a mail: their true type, whether they may be opened, and a name that can be stored."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from intake.parsing import parse_email
from intake.reading.archives import Listing, list_archive
from intake.reading.containers import (
    is_cms_enveloped,
    open_signed,
    read_invitation,
    split_uuencoded,
)
from intake.reading.filetypes import MAX_NAME_BYTES, danger_of, generated_name, safe_name, true_type
from intake.reading.headers import decode_base64
from intake.reading.outlook import open_msg, open_tnef

CORPUS = Path(__file__).parent.parent / "corpus"
PDF = b"%PDF-1.7\n%%EOF\n"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("oficio.pdf", "oficio.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\oficio.pdf", "oficio.pdf"),
        ("ofi\u202ecio\u200b.pdf", "oficio.pdf"),
        ("a\x00b\r\nc.pdf", "a_b__c.pdf"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        (" .oculto. ", "oculto"),
        ("¿qué?.pdf", "¿qué_.pdf"),
        ("..", ""),
        ("\ud800.pdf", "_.pdf"),
    ],
)
def test_a_name_is_made_safe(name: str, stored: str) -> None:
    assert safe_name(name) == stored


def test_a_long_name_keeps_its_extension() -> None:
    name = safe_name("ñ" * 500 + ".pdf")
    assert name.endswith("ñ.pdf")
    assert len(name.encode()) <= MAX_NAME_BYTES


def test_a_nameless_file_gets_one() -> None:
    assert generated_name(2, "application/pdf") == "adjunto-2.pdf"
    assert generated_name(1, "application/x-unknown") == "adjunto-1.bin"


@pytest.mark.parametrize(
    ("content", "declared", "name", "kind"),
    [
        (PDF, "application/octet-stream", "x", "application/pdf"),
        (PDF, "image/png", "x.png", "application/pdf"),
        (
            b"MZ\x90\x00" + bytes(60),
            "application/pdf",
            "x.pdf",
            "application/vnd.microsoft.portable-executable",
        ),
        (b"BMW es una marca de autos", "text/plain", "x.txt", "text/plain"),
        (b"  <!DOCTYPE html><html></html>", "text/plain", "x.txt", "text/html"),
        (b"\x00\x00\x00\x18ftypheic", "", "x", "image/heic"),
        (b"RIFF\x00\x00\x00\x00WEBP", "", "x", "image/webp"),
        (b"", "application/octet-stream", "acta.pdf", "application/pdf"),
        (b"hola", "application/octet-stream", "nota.txt", "text/plain"),
        (zipped("a.txt"), "", "x", "application/zip"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "", "x", SHEET),
    ],
)
def test_the_type_comes_from_the_content(content: bytes, declared: str, name: str, kind: str) -> None:
    assert true_type(content, declared, name) == kind


@pytest.mark.parametrize(
    ("content", "name", "danger"),
    [
        (PDF, "oficio.pdf", ""),
        (PDF, "oficio.v2.final.pdf", ""),
        (b"x", "virus.exe", "executable"),
        (b"x", "oficio.pdf.scr", "double-extension"),
        (b"x", "macro.js", "script"),
        (b"#!/bin/sh\n", "x", "script"),
        (b"x", "hoja.xlsm", "macro"),
        (b"<html>", "x.html", "html"),
        (b"<svg xmlns=''/>", "x.svg", ""),
        (b"<svg onload='x()'/>", "x.svg", "svg-script"),
        (zipped("a.txt", "b/c.exe"), "x.zip", "archive-with-executable"),
        (zipped("a.txt"), "x.zip", ""),
        (zipped("[Content_Types].xml", "word/vbaProject.bin"), "x.docx", "macro"),
        (b"PK\x03\x04roto", "x.zip", "archive-unreadable"),
    ],
)
def test_danger_says_why_a_file_may_not_be_opened(content: bytes, name: str, danger: str) -> None:
    assert danger_of(content, true_type(content, "", name), name) == danger


def test_a_zip_that_claims_too_many_members_is_not_listed() -> None:
    content = zipped("a.txt")
    end = content.rfind(b"PK\x05\x06")
    assert list_archive(content[: end + 10] + b"\xff\xff" + content[end + 12 :]).names == ()


@pytest.mark.parametrize(
    ("mail", "names", "is_encrypted"),
    [
        ("archivo-rar-con-ejecutable", ("fotos/calle.txt", "fotos/factura.exe"), False),
        ("archivo-rar-antiguo-sano", ("fotos/calle.txt",), False),
        ("archivo-rar-con-clave", (), True),
        ("archivo-7z-con-ejecutable", ("informe año 1.txt", "informe año 2.txt", "prog.exe"), False),
        ("archivo-7z-con-nombres-cifrados", (), True),
        ("archivo-zip-con-clave", ("informe año 1.txt", "informe año 2.txt", "informe año 3.txt"), True),
    ],
)
def test_an_archive_is_listed_without_being_unpacked(
    mail: str, names: tuple[str, ...], is_encrypted: bool
) -> None:
    (file,) = parse_email((CORPUS / f"{mail}.eml").read_bytes()).attachments
    assert list_archive(file.content) == Listing(names, is_encrypted)


@pytest.mark.parametrize("mail", ["archivo-rar-con-ejecutable", "archivo-7z-con-ejecutable"])
def test_a_damaged_archive_is_listed_as_it_was_or_not_at_all(mail: str) -> None:
    (file,) = parse_email((CORPUS / f"{mail}.eml").read_bytes()).attachments
    for place in range(len(file.content)):
        for value in (0x00, 0x7F, 0xFF):
            content = file.content[:place] + bytes([value]) + file.content[place + 1 :]
            assert set(list_archive(content).names) <= set(list_archive(file.content).names)


@pytest.mark.parametrize(
    "content", [b"", b"\x78\x9f\x3e\x22", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), b"\x30\x80" * 99]
)
def test_a_hostile_container_gives_nothing(content: bytes) -> None:
    assert open_msg(content) is None
    assert open_signed(content) == b""
    assert not is_cms_enveloped(content)
    found = open_tnef(content)
    assert found is None or not found.files


def test_a_sentence_that_begins_like_uuencode_stays() -> None:
    text = b"begin 644 oficio\nEsto es una frase con \xc3\xb1.\nend\n"
    assert split_uuencoded(text) == (text, [])


def test_an_invitation_says_what_when_and_where() -> None:
    text = "BEGIN:VEVENT\r\nSUMMARY:Junta\r\nDTSTART:20260115T160000Z\r\nLOCATION:Sala\r\n 2\r\nEND:VEVENT"
    assert read_invitation(text) == "Junta\n2026-01-15 16:00 UTC\nSala2"


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        (b"aG9sYQ==", b"hola"),
        (b"aG9sYQ", b"hola"),
        (b"aG9s\r\nYQ==\r\n", b"hola"),
        (b"aG9sYQ==\naG9sYQ==\n", b"holahola"),
        (b"aG9sYQ==\n-- \nPie de la lista de correo\n", b"hola"),
        (b"a!G@9#s Y Q = =", b"hola"),
        (b"", b""),
        (b"a", b""),
    ],
)
def test_base64_is_read_as_it_arrives(encoded: bytes, decoded: bytes) -> None:
    assert decode_base64(encoded) == decoded


def test_a_large_file_arrives_whole() -> None:
    content = bytes(range(256)) * 20_000
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHola\r\n"
    raw += b"--b\r\nContent-Type: application/x; name=g.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    message = parse_email(raw + base64.encodebytes(content).replace(b"\n", b"\r\n") + b"--b--\r\n")
    (file,) = message.attachments
    assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert message.text == "Hola"
