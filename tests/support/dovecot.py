"""A Dovecot of our own: IMAP with IDLE, TLS, passwords and XOAUTH2, mail in Maildir.

It runs as an ordinary user. The helpers speak to it with Python's imaplib, not with the library that our
own door uses.
"""

import base64
import grp
import hashlib
import hmac
import imaplib
import json
import os
import pwd
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

from tests.support.certificates import Certificate, make_certificate
from tests.support.folders import give_to, server_folder
from tests.support.ports import free_port, is_listening
from tests.support.program import Program

PASSWORD = "secreto"
TOKEN_KEY = b"shared between the tests and their Dovecot"
SERVER_USER = "nobody" if os.geteuid() == 0 else getuser()

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
first_valid_uid = 1
# None of this is needed by somebody who is not root, or possible.
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
# Passwords without TLS are for the helpers; the door is free to be stricter.
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%n
}}
mail_location = maildir:~/Maildir
mail_max_userip_connections = 100
namespace inbox {{
  inbox = yes
  separator = /
}}
# Neither a failed login nor those after it from the same address have to wait.
auth_failure_delay = 0
"""

OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = email
"""


@dataclass(frozen=True)
class Account:
    """A mailbox. It need not be made: Dovecot does that when somebody logs in."""

    address: str
    password: str = PASSWORD

    @property
    def name(self) -> str:
        return self.address.partition("@")[0]

    def token(self, lifetime: int = 3600) -> str:
        """An access token for XOAUTH2; a negative *lifetime* (seconds) makes one that has expired."""
        now = int(time.time())
        # The key is looked up by issuer's client (azp), algorithm and key id.
        head = {"typ": "JWT", "alg": "HS256", "kid": "tests"}
        # Issued long ago, for a token that is already expired must still have been valid once.
        body = {
            "sub": self.name,
            "email": self.address,
            "iat": now - 7200,
            "exp": now + lifetime,
            "azp": "oficialia",
        }
        signed = f"{_base64url(head)}.{_base64url(body)}"
        signature = hmac.new(TOKEN_KEY, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


class Dovecot:
    """A running server, on which every address has a mailbox."""

    def __init__(self, folder: Path, certificate: Certificate) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.tls_port = free_port()
        self.certificate = certificate
        self._folder = folder
        self._write_configuration()
        command = ["dovecot", "-F", "-c", str(folder / "dovecot.conf")]
        self.program = Program(command, folder / "log", user=SERVER_USER)

    def start(self) -> None:
        self.program.start(lambda: is_listening(self.port))

    def stop(self) -> None:
        """Sessions that are open end too."""
        self.program.stop()
        # Dovecot itself would let them live on until they say something.
        self.program.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    @contextmanager
    def session(self, account: Account) -> Iterator[imaplib.IMAP4]:
        """A session over IMAP, logged in with the password."""
        with imaplib.IMAP4(self.host, self.port, timeout=30) as client:
            client.login(account.address, account.password)
            yield client

    def append(self, account: Account, raw: bytes, folder: str = "INBOX", flags: str = "") -> None:
        """Put a mail into a folder, as a delivery would; sessions in IDLE are told at once."""
        with self.session(account) as client:
            _check(client.append(_quoted(folder), flags, "", raw))

    def create_folder(self, account: Account, folder: str) -> None:
        with self.session(account) as client:
            _check(client.create(_quoted(folder)))

    def folders(self, account: Account) -> list[str]:
        """Names of all folders, sorted."""
        with self.session(account) as client:
            lines = _check(client.list())
        # (\\HasNoChildren) "/" "Two words", or without the quotes
        names = [re.sub(rb'^\(.*?\) "/" ', b"", line) for line in lines if isinstance(line, bytes)]
        return sorted(name.strip(b'"').decode() for name in names)

    def mails(self, account: Account, folder: str = "INBOX") -> dict[int, bytes]:
        """UID and raw mail of everything in *folder*. Looking does not mark as seen."""
        found: dict[int, bytes] = {}
        with self.session(account) as client:
            _check(client.select(_quoted(folder), readonly=True))
            for part in _check(client.uid("FETCH", "1:*", "(BODY.PEEK[])")):
                if isinstance(part, tuple):
                    found[_number_after(rb"UID", part[0])] = part[1]
        return found

    def flags(self, account: Account, folder: str = "INBOX") -> dict[int, set[str]]:
        """UID and flags of everything in *folder*, without \\Recent, which says nothing that lasts."""
        found: dict[int, set[str]] = {}
        with self.session(account) as client:
            _check(client.select(_quoted(folder), readonly=True))
            for part in _check(client.uid("FETCH", "1:*", "(FLAGS)")):
                # A line without UID tells of a flag that another session is setting at this moment.
                if isinstance(part, bytes) and b"UID" in part:
                    uid = _number_after(rb"UID", part)
                    found[uid] = {flag.decode() for flag in imaplib.ParseFlags(part)} - {"\\Recent"}
        return found

    def uidvalidity(self, account: Account, folder: str = "INBOX") -> int:
        with self.session(account) as client:
            line = _check(client.status(_quoted(folder), "(UIDVALIDITY)"))[0]
        return _number_after(rb"UIDVALIDITY", line)

    def renumber(self, account: Account, folder: str = "INBOX") -> None:
        """Give the same mails new UIDs under a new UIDVALIDITY, as after a restore from a backup."""
        before = self.uidvalidity(account, folder)
        self.stop()
        maildir = self._folder / "mail" / account.name / "Maildir"
        maildir = maildir if folder == "INBOX" else maildir / f".{folder.replace('/', '.')}"
        (maildir / "dovecot-uidlist").unlink()
        for index in maildir.glob("dovecot.index*"):
            index.unlink()
        self.start()
        if self.uidvalidity(account, folder) == before:
            raise AssertionError("Dovecot kept its UIDVALIDITY")

    def thread_references(self, account: Account, folder: str = "INBOX") -> list[set[int]]:
        """Which mails (UIDs) a mail client shows as one conversation: THREAD REFERENCES, RFC 5256."""
        with self.session(account) as client:
            _check(client.select(_quoted(folder), readonly=True))
            answer = _check(client.uid("THREAD", "REFERENCES", "UTF-8", "ALL"))[0]
        if not isinstance(answer, bytes):  # an empty folder
            return []
        return [set(map(int, re.findall(rb"\d+", thread))) for thread in _top_level(answer)]

    def _write_configuration(self) -> None:
        group = grp.getgrgid(pwd.getpwnam(SERVER_USER).pw_gid).gr_name
        text = CONFIGURATION.format(
            folder=self._folder,
            user=SERVER_USER,
            group=group,
            port=self.port,
            tls_port=self.tls_port,
            password=PASSWORD,
            certificate=self.certificate.chain,
            key=self.certificate.key,
        )
        (self._folder / "dovecot.conf").write_text(text)
        (self._folder / "oauth2.conf").write_text(OAUTH2.format(folder=self._folder))
        key = self._folder / "keys" / "oficialia" / "HS256" / "tests"
        key.parent.mkdir(parents=True)
        key.write_bytes(base64.b64encode(TOKEN_KEY))


@contextmanager
def dovecot() -> Iterator[Dovecot]:
    """Start a server without mail; stop it and remove its mail afterwards."""
    if not shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin"):
        raise AssertionError("Dovecot is missing: apt-get install dovecot-imapd")
    with server_folder("dovecot", SERVER_USER) as folder:
        certificate = make_certificate(folder)
        server = Dovecot(folder, certificate)
        for path in folder.rglob("*"):
            give_to(path, SERVER_USER)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _check(answer: tuple[str, Sequence[object]]) -> list[object]:
    status, data = answer
    if status != "OK":
        raise AssertionError(f"Dovecot says {status}: {data!r}")
    return list(data)


def _quoted(folder: str) -> str:
    return f'"{folder}"'


def _number_after(word: bytes, line: object) -> int:
    found = re.search(rb"\b" + word + rb" (\d+)", line) if isinstance(line, bytes) else None
    if not found:
        raise AssertionError(f"No {word!r} in {line!r}")
    return int(found[1])


def _top_level(answer: bytes) -> list[bytes]:
    """Cut `(1 2)(3 (4)(5))` into `(1 2)` and `(3 (4)(5))`."""
    threads, depth, start = [], 0, 0
    for at, sign in enumerate(answer):
        if sign == ord("("):
            start = at if depth == 0 else start
            depth += 1
        elif sign == ord(")"):
            depth -= 1
            if depth == 0:
                threads.append(answer[start : at + 1])
    return threads


def _base64url(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
