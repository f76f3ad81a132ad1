"""The certificate for STARTTLS, read again when its file changes: renewals need no restart."""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog

log = structlog.get_logger()


class ServerCertificate:
    """*chain* and *key* in PEM; without a chain, no STARTTLS. Raises OSError when unreadable at first."""

    def __init__(self, chain: str, key: str) -> None:
        self._chain, self._key = chain, key
        self._changed_at = self._last_change()
        self._context = self._load() if chain else None

    def context(self) -> ssl.SSLContext | None:
        """The context for a new session; None: do not offer STARTTLS."""
        if self._chain and (changed_at := self._last_change()) != self._changed_at:
            self._changed_at = changed_at
            try:
                self._context = self._load()
            except OSError as error:
                # Half a renewal, or a wrong file: the certificate at hand still serves.
                log.error("certificate not read", file=self._chain, error=str(error))
        return self._context

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._chain, self._key or None)
        return context

    def _last_change(self) -> tuple[int, ...]:
        try:
            return tuple(Path(path).stat().st_mtime_ns for path in (self._chain, self._key) if path)
        except OSError:
            return ()
