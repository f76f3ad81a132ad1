"""What a file really is, whether it may be opened, and a name that is safe to store.

Pure and bomb-safe: archives are listed from their directory, never unpacked. The
type comes from the content; the sender's word counts only where content is silent.
"""

from __future__ import annotations

import re
import unicodedata

import puremagic

from intake.reading.archives import RAR, SEVEN_ZIP, list_archive

MAX_NAME_BYTES = 200

_UNSAFE = re.compile('[\x00-\x1f\x7f-\x9f/\\\\:*?"<>|\ud800-\udfff\ufffe\uffff]')
_HIDDEN = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_EXTENSION = re.compile(r"\.([A-Za-z0-9_+~-]{1,16})$")

# First bytes that settle the type. Offsets other than 0 are tested in `_by_magic`.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"{\\rtf", "application/rtf"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (RAR, "application/vnd.rar"),
    (SEVEN_ZIP, "application/x-7z-compressed"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"MSCF", "application/vnd.ms-cab-compressed"),
    (b"\x78\x9f\x3e\x22", "application/ms-tnef"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"\x00\x00\x01\x00", "image/vnd.microsoft.icon"),
    (b"#!", "text/x-shellscript"),
    (b"-----BEGIN PGP", "application/pgp"),
    (b"%!PS", "application/postscript"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"BEGIN:VCALENDAR", "text/calendar"),
    (b"BEGIN:VCARD", "text/vcard"),
)
_BY_EXTENSION = {
    "pdf": "application/pdf", "txt": "text/plain", "log": "text/plain", "csv": "text/csv",
    "htm": "text/html", "html": "text/html", "xml": "application/xml", "json": "application/json",
    "ics": "text/calendar", "vcf": "text/vcard", "eml": "message/rfc822", "doc": "application/msword",
    "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
    "msg": "application/vnd.ms-outlook", "rtf": "application/rtf", "p7s": "application/pkcs7-signature",
    "p7m": "application/pkcs7-mime", "asc": "application/pgp-signature",
    "sig": "application/pgp-signature", "cer": "application/pkix-cert", "heic": "image/heic",
    "webp": "image/webp", "md": "text/markdown", "tif": "image/tiff", "tiff": "image/tiff",
    "mp3": "audio/mpeg", "mp4": "video/mp4", "wav": "audio/wav", "dwg": "image/vnd.dwg",
    "kml": "application/vnd.google-earth.kml+xml",
}  # fmt: skip
_EXTENSION_OF = {
    "application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif",
    "image/tiff": "tif", "image/bmp": "bmp", "image/webp": "webp", "image/heic": "heic",
    "image/svg+xml": "svg", "text/plain": "txt", "text/html": "html", "text/csv": "csv",
    "text/calendar": "ics", "text/vcard": "vcf", "message/rfc822": "eml", "application/zip": "zip",
    "application/msword": "doc", "application/vnd.ms-excel": "xls", "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.ms-outlook": "msg", "application/rtf": "rtf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods", "application/pkcs7-signature": "p7s",
    "application/pkcs7-mime": "p7m", "application/pgp-signature": "asc",
    "application/pgp-encrypted": "asc", "application/xml": "xml", "application/json": "json",
    "audio/mpeg": "mp3", "audio/ogg": "ogg", "video/mp4": "mp4", "application/vnd.rar": "rar",
    "application/x-7z-compressed": "7z", "application/gzip": "gz", "application/ms-tnef": "dat",
    "message/delivery-status": "txt", "text/rfc822-headers": "txt",
    "message/disposition-notification": "txt", "application/postscript": "ps",
}  # fmt: skip

_EXECUTABLE_TYPES = {
    "application/vnd.microsoft.portable-executable", "application/x-elf", "application/java-vm",
    "application/x-mach-binary", "application/x-ms-shortcut",
}  # fmt: skip
_EXECUTABLE = set(
    "exe com scr pif dll sys drv cpl ocx msi msp mst msix appx jar apk ipa dmg pkg deb rpm app run elf "
    "gadget "
    "lnk url scf inf reg hta chm xll application appref-ms settingcontent-ms library-ms search-ms "
    "diagcab iso img vhd "
    "vhdx".split()
)
_SCRIPT = set(
    "js jse mjs vbs vbe ws wsf wsc wsh bat cmd ps1 ps1xml psm1 psd1 ps2 sh bash csh ksh zsh py pyc pyw "
    "pl rb php phtml "
    "sct mht mhtml asp aspx jsp lua command".split()
)
_MACRO = set("docm dotm xlsm xltm xlam xlsb pptm potm ppam ppsm sldm one xla dot xlt".split())
_HTML = set("html htm xhtml shtml xht svg svgz htt".split())
_ARCHIVE = set("zip rar 7z gz tgz bz2 xz tar cab arj lzh ace".split())
_OFFICE_MACRO = ("vbaproject.bin", "macros/vba", "xl/macrosheets", "word/vbadata.xml")
_ACTIVE_SVG = re.compile(rb"<script|\son[a-z]{3,20}\s*=|javascript:|<foreignobject", re.IGNORECASE)
_HTML_START = re.compile(
    rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body|script|iframe)\b", re.I | re.S
)
_SVG_START = re.compile(
    rb"\s*(?:<\?xml.{0,300}?\?>)?\s*(?:<!--.{0,500}?-->\s*)?(?:<!doctype svg.{0,300}?>\s*)?<svg\b",
    re.I | re.S,
)


def true_type(content: bytes, declared: str, filename: str = "") -> str:
    """The media type by content; by name, then by the sender's word, where content does not say."""
    found = _by_magic(content) or _by_text(content)
    if found:
        return found
    named = _BY_EXTENSION.get(extension_of(filename), "")
    declared = declared.lower()
    if declared and declared != "application/octet-stream" and "/" in declared:
        return declared
    if named:
        return named
    return _by_puremagic(content) or declared or "application/octet-stream"


def _by_magic(content: bytes) -> str:
    head = content[:16]
    if head[:2] == b"PK" and head[2:4] in (b"\x03\x04", b"\x05\x06"):
        return _zip_type(content)
    if head[:4] == b"RIFF" and content[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}[content[8:12]]
    if content[4:8] == b"ftyp":
        return _isobmff_type(content[8:12])
    if content[257:262] == b"ustar":
        return "application/x-tar"
    for magic, kind in _MAGIC:
        if head.startswith(magic) or (len(magic) > 16 and content.startswith(magic)):
            # `BM` and `MZ` open many a text too.
            if len(magic) == 2 and content[:200].isascii() and content[:200].decode("ascii").isprintable():
                return "text/x-shellscript" if magic == b"#!" else ""
            return _ole_type(content) if kind == "application/x-ole-storage" else kind
    return ""


def _by_text(content: bytes) -> str:
    head = content[:2000].removeprefix(b"\xef\xbb\xbf")
    if b"<" not in head:
        return ""
    if _SVG_START.match(head):
        return "image/svg+xml"
    return "text/html" if _HTML_START.match(head) else ""


def _by_puremagic(content: bytes) -> str:
    if not content:
        return ""
    try:
        return str(puremagic.from_string(content[:4096], mime=True))
    except (puremagic.PureError, ValueError):
        return ""


def _isobmff_type(brand: bytes) -> str:
    if brand in (b"heic", b"heix", b"mif1", b"hevc", b"msf1"):
        return "image/heic"
    if brand[:3] == b"M4A":
        return "audio/mp4"
    return {b"avif": "image/avif", b"qt  ": "video/quicktime"}.get(brand, "video/mp4")


def _ole_type(content: bytes) -> str:
    """Word, Excel, PowerPoint and Outlook share one container; the stream names tell them apart."""
    for name, kind in (
        ("WordDocument", "application/msword"),
        ("Workbook", "application/vnd.ms-excel"),
        ("Book", "application/vnd.ms-excel"),
        ("PowerPoint Document", "application/vnd.ms-powerpoint"),
        ("__properties_version1.0", "application/vnd.ms-outlook"),
        ("__nameid_version1.0", "application/vnd.ms-outlook"),
    ):
        if name.encode("utf-16-le") in content:
            return kind
    return "application/x-ole-storage"


def _zip_type(content: bytes) -> str:
    # OpenDocument and EPUB write their type first, uncompressed.
    if content[30:38] == b"mimetype":
        size = int.from_bytes(content[18:22], "little")
        declared = content[38 : 38 + min(size, 100)].decode("ascii", "replace")
        if declared.startswith("application/") and declared.isprintable():
            return declared
    names = list_archive(content).names
    macro = ".macroEnabled.12" if any(n.lower().endswith("vbaproject.bin") for n in names) else ""
    office = "application/vnd.openxmlformats-officedocument."
    for folder, kind, enabled in (
        ("word/", office + "wordprocessingml.document", "application/vnd.ms-word.document"),
        ("xl/", office + "spreadsheetml.sheet", "application/vnd.ms-excel.sheet"),
        ("ppt/", office + "presentationml.presentation", "application/vnd.ms-powerpoint.presentation"),
    ):
        if any(name.startswith(folder) for name in names) and "[Content_Types].xml" in names:
            return enabled + macro if macro else kind
    if "META-INF/MANIFEST.MF" in names:
        return (
            "application/vnd.android.package-archive"
            if "classes.dex" in names
            else "application/java-archive"
        )
    return "application/zip"


def danger_of(content: bytes, content_type: str, filename: str) -> str:
    """Why the file may not be opened or served inline; empty when it may."""
    kinds = [part.lower() for part in filename.split(".")[1:]]
    extension = kinds[-1].strip() if kinds else ""
    if content_type in _EXECUTABLE_TYPES or extension in _EXECUTABLE:
        hides = len(kinds) > 1 and kinds[-2].strip() in _BY_EXTENSION
        return "double-extension" if hides else "executable"
    if extension in _SCRIPT or content_type == "text/x-shellscript":
        return "script"
    if extension in _MACRO or "macroenabled" in content_type.lower() or _has_ole_macro(content):
        return "macro"
    if content_type == "image/svg+xml" or extension in ("svg", "svgz"):
        return "svg-script" if _ACTIVE_SVG.search(content[:2_000_000]) else ""
    if content_type in ("text/html", "application/xhtml+xml") or extension in _HTML:
        return "html"
    return _danger_in_archive(content, content_type)


def is_locked(content: bytes) -> bool:
    """Whether it is an archive with a password: nobody looked into it, no scanner either."""
    return content.startswith((b"PK", RAR, SEVEN_ZIP)) and list_archive(content).is_encrypted


def _has_ole_macro(content: bytes) -> bool:
    if content[:8] != b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return False
    return "_VBA_PROJECT".encode("utf-16-le") in content


def _danger_in_archive(content: bytes, content_type: str) -> str:
    if not content.startswith((b"PK", RAR, SEVEN_ZIP)) and content_type != "application/x-tar":
        return ""
    listed = list_archive(content)
    if not listed.names and not listed.is_encrypted and content[:4] != b"PK\x05\x06":
        return "archive-unreadable"
    lowered = [name.lower() for name in listed.names]
    if any(mark in name for name in lowered for mark in _OFFICE_MACRO):
        return "macro"
    if content_type in ("application/java-archive", "application/vnd.android.package-archive"):
        return "executable"
    for name in lowered:
        extension = extension_of(name)
        if extension in _EXECUTABLE or extension in _SCRIPT or extension in _MACRO:
            return "archive-with-executable"
    return ""


def extension_of(filename: str) -> str:
    """The extension in lower case, without its dot."""
    match = _EXTENSION.search(filename)
    return match[1].lower() if match else ""


def safe_name(name: str) -> str:
    """*name* without path, control or hidden characters, at most 200 bytes; empty when nothing is left.

    A trailing extension survives the shortening, so a long title still opens.
    """
    name = re.split(r"[/\\]", name.strip())[-1] if ("/" in name or "\\" in name) else name
    if not name.isascii():
        name = unicodedata.normalize("NFC", _HIDDEN.sub("", name))
    name = " ".join(_UNSAFE.sub("_", name).split()).strip(" .") if name else ""
    if _RESERVED.fullmatch(name):
        name = "_" + name
    return _shorten(name)


def _shorten(name: str) -> str:
    if len(name.encode("utf-8", "replace")) <= MAX_NAME_BYTES:
        return name
    match = _EXTENSION.search(name)
    ending = match[0] if match else ""
    room = MAX_NAME_BYTES - len(ending.encode("utf-8"))
    stem = name[: len(name) - len(ending)].encode("utf-8", "replace")[:room].decode("utf-8", "ignore")
    return stem.rstrip(" .") + ending


def generated_name(number: int, content_type: str) -> str:
    """A name for a file that came without one: `adjunto-1.pdf`."""
    return f"adjunto-{number}.{_EXTENSION_OF.get(content_type, 'bin')}"
