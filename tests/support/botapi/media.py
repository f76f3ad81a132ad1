"""Files in the parameters of a call, and the fields they become in a Message.

Documentation: "Sending files", InputFile, InputMedia, Audio, Document, Video, Voice, Sticker.
"""

from tests.support.botapi.calls import Call
from tests.support.botapi.errors import ApiError, Json, bad_request
from tests.support.botapi.files import MAX_PHOTO, MAX_UPLOAD, Files, StoredFile

DEFAULT_TYPES = {
    "photo": "image/jpeg",
    "voice": "audio/ogg",
    "video": "video/mp4",
    "audio": "audio/mpeg",
    "animation": "video/mp4",
    "sticker": "image/webp",
}


def of_parameter(files: Files, call: Call, kind: str, value: object) -> StoredFile:
    """The file that *value* names: attach://name, an upload of its own name, or a file_id."""
    if not isinstance(value, str) or not value:
        raise bad_request(f"there is no {kind} in the request")
    if value.startswith(("http://", "https://")):
        call.warn(f"{kind} by URL is not fetched by this server")
        raise bad_request("wrong type of the web page content")
    if not value.startswith("attach://"):
        known = files.get(value)
        if known.kind != kind:
            raise bad_request(f"can't use file of type {known.kind.capitalize()} as {kind.capitalize()}")
        return known
    upload = call.uploads.get(value.removeprefix("attach://"))
    if upload is None:
        raise bad_request(f"there is no {kind} in the request")
    size = len(upload.content)
    if not size:
        raise bad_request("file must be non-empty")
    if size > MAX_UPLOAD:
        raise ApiError(413, "Request Entity Too Large")
    if kind == "photo" and size > MAX_PHOTO:
        raise bad_request(
            f"file of size {size} bytes is too big for a photo; the maximum size is {MAX_PHOTO}"
        )
    mime_type = upload.mime_type if kind == "document" else DEFAULT_TYPES[kind]
    return files.keep(kind, upload.content, upload.name, mime_type)


def content_of(files: Files, kind: str, file: StoredFile, details: Json, *, strict: bool = True) -> Json:
    """The field of a Message for *file*; *details* as given by the sender."""
    if kind == "photo":
        return {"photo": files.photo_sizes(file, strict=strict)}
    content = file.as_json() | {"mime_type": file.mime_type}
    if kind in ("document", "video", "audio", "animation") and file.name:
        content["file_name"] = file.name
    if kind in ("voice", "video", "audio", "animation"):
        content["duration"] = int(details.get("duration") or 1)
    if kind in ("video", "animation"):
        content |= {"width": int(details.get("width") or 640), "height": int(details.get("height") or 360)}
    if kind == "audio":
        content |= {key: details[key] for key in ("performer", "title") if details.get(key)}
    if kind == "sticker":
        del content["mime_type"]
        content |= {"type": "regular", "width": 512, "height": 512, "emoji": "🙂"}
        content |= {"is_animated": False, "is_video": False}
    if kind == "animation":
        # Message.animation: "For backward compatibility, when this field is set, the document field will
        # also be set".
        return {"animation": content, "document": file.as_json() | {"mime_type": file.mime_type}}
    return {kind: content}
