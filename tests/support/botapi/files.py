"""Files as the Bot API knows them: file_id, file_unique_id, size, and a path to download them.

Documentation: File, PhotoSize, "Sending files", getFile.
"""

import base64
import hashlib
import io
import mimetypes
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from tests.support.botapi.errors import Json, bad_request

# As getFile says, "for the moment, bots can download files of up to 20MB in size."
MAX_DOWNLOAD = 20 * 1024 * 1024
# "Sending files": "10 MB max size for photos, 50 MB for other files."
MAX_PHOTO = 10 * 1024 * 1024
MAX_UPLOAD = 50 * 1024 * 1024
THUMBNAIL = 320


@dataclass(frozen=True)
class StoredFile:
    file_id: str
    file_unique_id: str
    kind: str
    content: bytes
    size: int
    path: str
    name: str
    mime_type: str

    def as_json(self) -> Json:
        return {"file_id": self.file_id, "file_unique_id": self.file_unique_id, "file_size": self.size}


class Files:
    def __init__(self) -> None:
        self._by_id: dict[str, StoredFile] = {}
        self._by_path: dict[str, StoredFile] = {}

    def keep(
        self, kind: str, content: bytes, name: str = "", mime_type: str = "", declared_size: int = 0
    ) -> StoredFile:
        digest = hashlib.sha256(content + str(declared_size or "").encode()).digest()
        number = len(self._by_id) + 1
        guessed = mimetypes.guess_type(name)[0] if name else None
        suffix = "." + name.rsplit(".", 1)[1] if "." in name else mimetypes.guess_extension(mime_type) or ""
        stored = StoredFile(
            file_id=_token(kind.encode() + number.to_bytes(6) + digest[:24]),
            file_unique_id=_token(digest[:11]),
            kind=kind,
            content=content,
            size=declared_size or len(content),
            path=f"{kind}s/file_{number}{suffix}",
            name=name,
            mime_type=mime_type or guessed or "application/octet-stream",
        )
        self._by_id[stored.file_id] = stored
        self._by_path[stored.path] = stored
        return stored

    def get(self, file_id: str) -> StoredFile:
        if file_id not in self._by_id:
            raise bad_request("wrong file identifier/HTTP URL specified")
        return self._by_id[file_id]

    def at_path(self, path: str) -> StoredFile | None:
        return self._by_path.get(path)

    def downloadable(self, file_id: str) -> Json:
        if file_id not in self._by_id:
            raise bad_request("invalid file_id")
        stored = self._by_id[file_id]
        if stored.size > MAX_DOWNLOAD:
            raise bad_request("file is too big")
        return stored.as_json() | {"file_path": stored.path}

    def photo_sizes(self, photo: StoredFile, *, strict: bool) -> list[Json]:
        """PhotoSize objects, smallest first. *strict*: what is no picture is refused."""
        try:
            with Image.open(io.BytesIO(photo.content)) as picture:
                width, height = picture.size
                small = self._thumbnail(picture) if max(width, height) > THUMBNAIL else None
        except (UnidentifiedImageError, OSError):
            if strict:
                raise bad_request("IMAGE_PROCESS_FAILED") from None
            width, height, small = 1280, 960, None
        # sendPhoto: "The photo's width and height must not exceed 10000 in total. Width and height ratio
        # must be at most 20."
        if strict and (width + height > 10_000 or max(width, height) > 20 * min(width, height)):
            raise bad_request("PHOTO_INVALID_DIMENSIONS")
        full = photo.as_json() | {"width": width, "height": height}
        return [small, full] if small else [full]

    def _thumbnail(self, picture: Image.Image) -> Json:
        small = picture.convert("RGB")
        small.thumbnail((THUMBNAIL, THUMBNAIL))
        out = io.BytesIO()
        small.save(out, "JPEG")
        stored = self.keep("photo", out.getvalue(), "photo.jpg", "image/jpeg")
        return stored.as_json() | {"width": small.width, "height": small.height}


def a_picture(number: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    """A JPEG; another number, another picture."""
    out = io.BytesIO()
    colour = (number * 37 % 256, number * 91 % 256, number * 53 % 256)
    Image.new("RGB", size, colour).save(out, "JPEG")
    # Colours of many numbers meet after compression; a comment after the end keeps them apart.
    return out.getvalue() + str(number).encode()


def _token(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
