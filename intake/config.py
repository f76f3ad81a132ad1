"""Settings: `OFICIALIA_*` from the environment or `.env`, each with a default that runs on a laptop."""

from __future__ import annotations

import re
import secrets
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """All settings; the description of each says why one would change it."""

    model_config = SettingsConfigDict(env_prefix="OFICIALIA_", env_file=".env", extra="ignore", frozen=True,
                                      ignored_types=(cached_property,))  # fmt: skip

    database_url: str = Field(
        "sqlite:///var/oficialia.db", description="SQLite file, or postgresql://… beyond one machine"
    )
    store_url: str = Field(
        "file:var/files", description="where large files live: file:FOLDER or s3://bucket/prefix"
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="signs reply addresses and sessions; empty: made once in var/secret_key"
    )
    domain: str = Field("localhost", description="domain of our addresses and Message-IDs")
    base_url: str = Field(
        "http://127.0.0.1:8000",
        description="public address of panel and portal, for links in mail; unset: that of web_listen",
    )
    institution: str = Field("Municipio de Ejemplo", description="name of the institution in mail and panel")
    smtp_listen: str = Field("127.0.0.1:8025", description="host:port of the SMTP door; empty: closed")
    lmtp_listen: str = Field(
        "", description="host:port of the LMTP door, behind Postfix or Exim; empty: closed"
    )
    smtp_max_bytes: int = Field(50 * 1024 * 1024, description="largest mail; more is refused with 552 5.3.4")
    smtp_tls_cert: str = Field("", description="PEM certificate chain: offers STARTTLS")
    smtp_tls_key: str = Field("", description="PEM key of smtp_tls_cert")
    smtp_max_recipients: int = Field(100, description="recipients of one mail; more get 452 4.5.3")
    smtp_max_connections: int = Field(20, description="simultaneous connections of one client; more get 421")
    smtp_rate_per_minute: int = Field(600, description="mails of one client per minute; more get 450 4.7.1")
    smtp_trusted: str = Field(
        "127.0.0.0/8,::1/128", description="networks without connection and rate limits (the front server)"
    )
    web_listen: str = Field("127.0.0.1:8000", description="host:port of panel and portal")
    relay_url: str = Field(
        "", description="smtp://user:password@host:587?starttls=required; empty: .eml files in var/outgoing"
    )
    outgoing_dir: Path = Field(
        Path("var/outgoing"), description="folder of .eml files while there is no relay"
    )
    imap_url: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="imaps://user:password@host/INBOX?mailbox=address&move=Folder; several with spaces",
    )
    telegram_token: SecretStr = Field(SecretStr(""), description="token of the bot; empty: no bot")
    telegram_base_url: str = Field("https://api.telegram.org/bot", description="Bot API server")
    telegram_file_url: str = Field(
        "https://api.telegram.org/file/bot", description="file server of the Bot API"
    )
    telegram_webhook_url: str = Field(
        "", description="public https address of this server: Telegram calls us; empty: we ask Telegram"
    )
    telegram_updates_per_minute: int = Field(
        60, description="messages of one chat per minute; more are kept, but not attended"
    )
    timezone: str = Field("America/Mexico_City", description="zone of dates people read")
    language: str = Field("es", description="language of mail and panel until a person chooses: es or en")
    reopen_days: int = Field(
        30, description="a follow-up to a case closed longer ago opens a new, linked ticket"
    )
    max_file_bytes: int = Field(
        25 * 1024 * 1024, description="largest single file kept on a case; larger stays in the raw mail"
    )
    upload_max_bytes: int = Field(
        50_000_000, description="largest single file from chat and from the upload page"
    )
    max_case_bytes: int = Field(
        500 * 1024 * 1024, description="files kept on one case, together; more stay in the raw mail"
    )
    authenticate: Literal["own", "everywhere", "trusted", "off"] = Field(
        "own",
        description="SPF, DKIM, DMARC: own, of mail straight from outside (else by trusted_authserv)",
    )
    trusted_authserv: str = Field(
        "", description="name in the Authentication-Results of our front server, as mx.example.gob.mx"
    )
    dns_server: str = Field("", description="host:port of the resolver for these; empty: the system's")
    trust_spam_headers: bool = Field(
        False, description="hold what X-Spam-Flag, X-Rspamd-Action… of our front server call spam"
    )
    smime_roots: str = Field(
        "",
        description="files or folders of S/MIME issuers' certificates, trusted beside the system's",
    )
    clamd_url: str = Field(
        "", description="tcp://host:port or unix:/path of ClamAV; empty: files are not scanned"
    )
    acuse_per_hour: int = Field(10, description="acuses to one address per hour, against mail loops")
    acuse_per_hour_pair: int = Field(
        6, description="the same from one mailbox, where two robots may answer each other"
    )
    retention_days: int = Field(3650, description="how long raw mail is kept")
    number_pattern: str = Field(
        "{siglas}/{number:04}/{year}",
        description="how issued documents are numbered, unless a dependencia says",
    )
    document_place: str = Field("", description="where documents are written, as: Tlaquepaque, Jalisco")
    document_files: str = Field(
        "jpg jpeg png pdf doc docx xls xlsx ppt pptx", description="extensions that a document may carry"
    )
    seal: str = Field("", description="PKCS#12 with the institution's seal; empty: made once in var/seal.p12")
    seal_password: SecretStr = Field(SecretStr(""), description="password of that PKCS#12")
    efirma_folder: str = Field(
        "", description="folder with SAT's root and issuing certificates (.cer .crt .pem) and lists (.crl)"
    )
    tsa_url: str = Field(
        "", description="RFC 3161 server that dates e.firma signatures; empty: no timestamps"
    )
    institutional_domains: str = Field(
        "gob.mx", description="domains whose mail may be an oficio by its number, with spaces between"
    )
    metrics_token: SecretStr = Field(
        SecretStr(""), description="bearer token for /metrics; empty: only from this machine"
    )
    api_rate_per_minute: int = Field(300, description="requests of one API token per minute; more get 429")
    webhook_networks: str = Field(
        "", description="private networks, as 10.1.0.0/16, that webhooks may call, also without https"
    )
    webhook_give_up_days: int = Field(
        5, description="days of failures after which a webhook is disabled and its owner told"
    )
    learning: bool = Field(
        True, description="learn at night from closed cases, and propose service, dependencia and priority"
    )
    scan_dir: str = Field(
        "", description="folder that is watched for scans; they move to its done/ or failed/; empty: none"
    )
    scan_max_bytes: int = Field(
        90_000_000, description="largest scan; a form of the panel takes 100 MB, about 300 pages in grey"
    )
    scan_max_pages: int = Field(
        300, description="pages of one stack; more would keep the stacks behind it waiting for hours"
    )
    scan_page_seconds: int = Field(
        300,
        description="time to read one page; as it gives way to all else, three seconds may become a minute",
    )
    scan_nice: int = Field(
        19, description="how much reading gives way to mail and panel, 0 to 19; 0 on a machine of its own"
    )
    log_json: bool = Field(False, description="logs as JSON lines")

    @model_validator(mode="before")
    @classmethod
    def _follow_web_listen(cls, values: dict[str, object]) -> dict[str, object]:
        """Who only moves the panel to another port gets links that lead there."""
        listen = str(values.get("web_listen", ""))
        if listen and not values.get("base_url"):
            anywhere = re.sub(r"^(0\.0\.0\.0|\[::\]|\*)(?=:)", "127.0.0.1", listen)
            return {**values, "base_url": f"http://{anywhere}"}
        return values

    @field_validator("imap_url", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @cached_property
    def secret(self) -> bytes:
        """Key for signatures; made once beside the data when none is set."""
        if value := self.secret_key.get_secret_value():
            return value.encode()
        path = self.outgoing_dir.parent / "secret_key"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x") as file:
                path.chmod(0o600)
                file.write(secrets.token_urlsafe(48))
        except FileExistsError:
            pass
        return path.read_text().strip().encode()
