"""Names inside ZIP, TAR, RAR and 7z files, and whether a password hides them, without unpacking anything.

Pure and bomb-safe: only the directory is read, up to a limit; a damaged or hostile
archive gives no names, never an exception.
"""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from dataclasses import dataclass

import rarfile

MAX_MEMBERS = 5_000
MAX_LISTED = 20_000

RAR, SEVEN_ZIP = b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c"
# A directory larger than this lists more than anybody sends.
_MAX_DIRECTORY = 8_000_000
# 7zFormat.txt, "Property IDs".
_END, _HEADER, _ARCHIVE, _MAIN_STREAMS, _FILES, _PACK, _UNPACK, _SUBSTREAMS = 0, 1, 2, 4, 5, 6, 7, 8
_SIZE, _CRC, _FOLDER, _UNPACK_SIZE, _UNPACK_COUNT, _NAMES, _ENCODED = 9, 10, 11, 12, 13, 17, 23
_COPY, _LZMA2, _LZMA, _AES = b"\x00", b"\x21", b"\x03\x01\x01", b"\x06\xf1\x07\x01"


@dataclass(frozen=True, slots=True)
class Listing:
    """What an archive says it holds."""

    names: tuple[str, ...] = ()
    is_encrypted: bool = False


def list_archive(content: bytes) -> Listing:
    """The names inside *content*; none when it is no archive or cannot be listed."""
    try:
        if content[:2] == b"PK":
            return _list_zip(content)
        if content[257:262] == b"ustar":
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
                return Listing(tuple(m.name for _, m in zip(range(MAX_MEMBERS), tar, strict=False)))
        if content[:6] == RAR:
            return _list_rar(content)
        if content[:6] == SEVEN_ZIP:
            return _list_seven_zip(content)
    except MemoryError:  # `intake.reading.isolation` tells a clerk
        raise
    except Exception:  # these formats' readers raise a dozen kinds on hostile input
        return Listing()
    return Listing()


def _list_zip(content: bytes) -> Listing:
    if _declared_members(content) > MAX_LISTED:
        return Listing()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()[:MAX_MEMBERS]
    # Bit 0 of the flags: encrypted (APPNOTE.TXT, 4.4.4).
    return Listing(tuple(each.filename for each in members), any(each.flag_bits & 1 for each in members))


def _declared_members(content: bytes) -> int:
    """How many members a ZIP file says it has, from the end of its directory."""
    end = content.rfind(b"PK\x05\x06", max(0, len(content) - 66_000))
    return int.from_bytes(content[end + 10 : end + 12], "little") if end >= 0 else 0


def _list_rar(content: bytes) -> Listing:
    with rarfile.RarFile(io.BytesIO(content)) as archive:
        return Listing(tuple(archive.namelist()[:MAX_MEMBERS]), bool(archive.needs_password()))


# ---------------------------------------------------------------------- 7z (7zFormat.txt of the LZMA SDK)


@dataclass(slots=True)
class _Coder:
    identity: bytes
    properties: bytes


@dataclass(slots=True)
class _Streams:
    """Where packed bytes lie, and by which chain of coders each folder is unpacked."""

    position: int = 0
    packed: tuple[int, ...] = ()
    folders: tuple[tuple[_Coder, ...], ...] = ()
    unpacked: tuple[int, ...] = ()
    checksums: tuple[bytes, ...] = ()

    @property
    def is_encrypted(self) -> bool:
        return any(coder.identity == _AES for folder in self.folders for coder in folder)


class _Bytes:
    """Reads what the format is made of. Raises ValueError at the end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        if len(taken) != count:
            raise ValueError("ends too early")
        self.at += count
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """One to nine bytes; the leading ones of the first say how many follow."""
        first = self.byte()
        mask, value = 0x80, 0
        for shift in range(8):
            if not first & mask:
                return value + ((first & (mask - 1)) << (8 * shift))
            value |= self.byte() << (8 * shift)
            mask >>= 1
        return value

    def count(self) -> int:
        """A number of things of which each takes a byte at least."""
        found = self.number()
        if found > MAX_LISTED:
            raise ValueError("too many")
        return found

    def flags(self, count: int) -> list[bool]:
        if self.byte():
            return [True] * count
        packed = self.take((count + 7) // 8)
        return [bool(packed[i // 8] & (0x80 >> i % 8)) for i in range(count)]

    def expect(self, wanted: int) -> None:
        if self.byte() != wanted:
            raise ValueError("not what the format says")


def _list_seven_zip(content: bytes) -> Listing:
    offset, size = int.from_bytes(content[12:20], "little"), int.from_bytes(content[20:28], "little")
    if size > _MAX_DIRECTORY:
        return Listing()
    directory = content[32 + offset : 32 + offset + size]
    if zlib.crc32(directory) != int.from_bytes(content[28:32], "little"):
        return Listing()
    for _ in range(4):
        reader = _Bytes(directory)
        if reader.byte() != _ENCODED:
            break
        streams = _read_streams(reader)
        if streams.is_encrypted:
            return Listing(is_encrypted=True)
        directory = _unpack(content, streams)
        if zlib.crc32(directory).to_bytes(4, "little") not in streams.checksums:
            return Listing()
    reader = _Bytes(directory)
    reader.expect(_HEADER)
    return _read_directory(reader)


def _read_directory(reader: _Bytes) -> Listing:
    kind, is_encrypted = reader.byte(), False
    if kind == _ARCHIVE:
        while reader.byte() != _END:
            reader.take(reader.number())
        kind = reader.byte()
    if kind == _MAIN_STREAMS:
        is_encrypted = _read_streams(reader).is_encrypted
        kind = reader.byte()
    if kind != _FILES:
        return Listing(is_encrypted=is_encrypted)
    reader.number()
    while (kind := reader.byte()) != _END:
        size = reader.number()
        if kind == _NAMES:
            # One byte says that they follow here; they end in a zero each.
            names = reader.take(size)[1:].decode("utf-16-le", "replace").split("\0")
            return Listing(tuple(names[:-1][:MAX_MEMBERS]), is_encrypted)
        reader.take(size)
    return Listing(is_encrypted=is_encrypted)


def _read_streams(reader: _Bytes) -> _Streams:
    streams = _Streams()
    while (kind := reader.byte()) != _END:
        if kind == _PACK:
            _read_pack(reader, streams)
        elif kind == _UNPACK:
            _read_folders(reader, streams)
        elif kind == _SUBSTREAMS:
            _skip_substreams(reader, len(streams.folders))
        else:
            raise ValueError("unknown part")
    return streams


def _read_pack(reader: _Bytes, streams: _Streams) -> None:
    streams.position, count = reader.number(), reader.count()
    while (kind := reader.byte()) != _END:
        if kind == _SIZE:
            streams.packed = tuple(reader.number() for _ in range(count))
        elif kind == _CRC:
            _read_checksums(reader, count)


def _read_folders(reader: _Bytes, streams: _Streams) -> None:
    reader.expect(_FOLDER)
    count = reader.count()
    reader.expect(0)
    outputs: list[int] = []
    folders = []
    for _ in range(count):
        coders, produced = _read_folder(reader)
        folders.append(coders)
        outputs.append(produced)
    reader.expect(_UNPACK_SIZE)
    sizes = [[reader.number() for _ in range(produced)] for produced in outputs]
    streams.folders, streams.unpacked = tuple(folders), tuple(each[-1] for each in sizes)
    while (kind := reader.byte()) != _END:
        if kind == _CRC:
            streams.checksums = _read_checksums(reader, count)


def _read_folder(reader: _Bytes) -> tuple[tuple[_Coder, ...], int]:
    coders, inputs, outputs = [], 0, 0
    for _ in range(reader.count()):
        flags = reader.byte()
        identity = reader.take(flags & 0x0F)
        takes, gives = (reader.count(), reader.count()) if flags & 0x10 else (1, 1)
        coders.append(_Coder(identity, reader.take(reader.number()) if flags & 0x20 else b""))
        inputs, outputs = inputs + takes, outputs + gives
    bonds = outputs - 1
    for _ in range(2 * bonds):
        reader.number()
    if inputs - bonds > 1:
        for _ in range(inputs - bonds):
            reader.number()
    return tuple(coders), outputs


def _skip_substreams(reader: _Bytes, folders: int) -> None:
    """What stands there is of no use here, and the names follow after it: walk to its end."""
    counts = [1] * folders
    while (kind := reader.byte()) != _END:
        if kind == _UNPACK_COUNT:
            counts = [reader.count() for _ in range(folders)]
        elif kind == _SIZE:
            for count in counts:
                for _ in range(count - 1):
                    reader.number()
        elif kind == _CRC:
            # Of folders with one file the checksum may stand above; then it is not repeated here.
            _read_checksums(reader, sum(count for count in counts if count != 1) or sum(counts))


def _read_checksums(reader: _Bytes, count: int) -> tuple[bytes, ...]:
    return tuple(reader.take(4) for is_known in reader.flags(count) if is_known)


def _unpack(content: bytes, streams: _Streams) -> bytes:
    """The directory, which is packed as a file would be. Raises what lzma raises."""
    (coder,), packed, size = streams.folders[0], streams.packed[0], streams.unpacked[0]
    if size > _MAX_DIRECTORY:
        raise ValueError("directory too large")
    start = 32 + streams.position
    data = content[start : start + packed]
    if coder.identity == _COPY:
        return data
    if coder.identity == _LZMA:
        settings, dictionary = coder.properties[0], int.from_bytes(coder.properties[1:5], "little")
        filters = {
            "id": lzma.FILTER_LZMA1,
            "lc": settings % 9,
            "lp": settings // 9 % 5,
            "pb": settings // 45,
            "dict_size": max(4096, min(dictionary, 2 * _MAX_DIRECTORY)),
        }
    elif coder.identity == _LZMA2:
        filters = {"id": lzma.FILTER_LZMA2, "dict_size": 2 * _MAX_DIRECTORY}
    else:
        raise ValueError("packed in a way nobody uses for directories")
    unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=[filters])
    return unpacker.decompress(data, max_length=size)
