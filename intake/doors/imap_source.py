"""One IMAP folder to read, as OFICIALIA_IMAP_URL describes it; each part percent-encoded.

`imaps://user:password@host:993/INBOX?option=value&…` with `mailbox` address it counts as (else the user),
`move` folder for what is safe (else marked as seen), `auth` password | xoauth2 | oauthbearer,
`token_file` access token, read at each login (else the password is it), `starttls=1` for imap://,
`ca` PEM file to trust, `poll` seconds without IDLE, `start=new` to leave older mail alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

_OPTIONS = {"mailbox", "move", "auth", "token_file", "starttls", "ca", "poll", "start"}
_LOGINS = ("password", "xoauth2", "oauthbearer")
_PORTS = {"imaps": 993, "imap": 143}


@dataclass(frozen=True, slots=True)
class ImapSource:
    """Where to log in, what to read and what to do with what is safe."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str
    is_tls: bool
    starttls: bool = False
    ca: str = ""
    auth: str = "password"
    token_file: str = field(default="", repr=False)
    mailbox: str = ""
    move: str = ""
    poll: float = 20.0
    only_new: bool = False

    @property
    def name(self) -> str:
        """What the cursor and the stored rows are known by."""
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"[:255]

    @property
    def door(self) -> str:
        """The name of its pulse."""
        return f"imap {self.user}@{self.host}/{self.folder}"[:255]

    def secret(self) -> str:
        """Password or access token of this moment. Raises OSError."""
        return Path(self.token_file).read_text().strip() if self.token_file else self.password


def parse_source(url: str) -> ImapSource:
    """Read one URL. Raises ValueError that says what is wrong, without the password."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    user = unquote(parts.username or "")
    wrong = ""
    if parts.scheme not in _PORTS:
        wrong = "imaps:// or imap://"
    elif not parts.hostname or not user:
        wrong = "user@host"
    elif unknown := options.keys() - _OPTIONS:
        wrong = f"unknown: {', '.join(sorted(unknown))}"
    elif options.get("auth", "password") not in _LOGINS:
        wrong = f"auth: {', '.join(_LOGINS)}"
    if wrong:
        raise ValueError(f"OFICIALIA_IMAP_URL …@{parts.hostname}: {wrong}")
    return ImapSource(
        host=parts.hostname or "",
        port=parts.port or _PORTS[parts.scheme],
        user=user,
        password=unquote(parts.password or ""),
        folder=unquote(parts.path.lstrip("/")) or "INBOX",
        is_tls=parts.scheme == "imaps",
        starttls=options.get("starttls", "0") not in ("", "0"),
        ca=options.get("ca", ""),
        auth=options.get("auth", "password"),
        token_file=options.get("token_file", ""),
        mailbox=options.get("mailbox", user if "@" in user else "").lower(),
        move=options.get("move", ""),
        poll=float(options.get("poll", "20")),
        only_new=options.get("start") == "new",
    )
