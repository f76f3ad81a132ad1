"""What follows DATA: the mail between 354 and `<CRLF>.<CRLF>`, as exactly those bytes and no others.

Pure. A lone dot between bare line feeds or carriage returns never ends a mail (SMTP
smuggling, CVE-2023-51764): such bytes stay in it as they came.
"""

from __future__ import annotations

import io

# Readers stop here. Every end of data but that of an empty mail ends like this, and no honest line does.
STOP = b"\n.\r\n"
_END = b"\r\n.\r\n"
# More ends that are none than any broken mailer makes: somebody wants to keep us busy.
MAX_FALSE_ENDS = 1_000


class MailData:
    """Collects one mail, undoing the doubled dots (RFC 5321, 4.5.2).

    A part ends with the first STOP in it, or holds none and leaves out what may be the beginning of one.
    Where `at_line_start` says so it is one byte, or `.` or `.CR` and one byte more.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        # Gives what was written without copying it, and a large mail is in memory once.
        self._content = io.BytesIO()
        # The line break before the next byte: until that is known, a dot may have to go.
        # The first line follows the one of the DATA command.
        self._held = b"\r\n"
        self._is_first = True
        # The line end before the next byte was taken already, and cannot be found again as part of STOP.
        self.at_line_start = True
        self._false_ends = 0
        self.size = 0
        self.is_discarded = False

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self._content.tell()

    @property
    def is_attack(self) -> bool:
        return self._false_ends > MAX_FALSE_ENDS

    @property
    def is_too_large(self) -> bool:
        return self.size > self._max_bytes

    def add(self, part: bytes) -> bool:
        """Take the next part; True when it was the last."""
        part = self._held + part
        is_last = part.endswith(_END)
        if is_last:
            part, self._held = part[:-3], b""
        else:
            self.at_line_start = part.endswith(STOP)
            self._false_ends += self.at_line_start
            self._held = b"\r\n" if part.endswith(b"\r\n") else b"\r" if part.endswith(b"\r") else b""
            part = part[: len(part) - len(self._held)]
        part = part.replace(b"\r\n.", b"\r\n")
        if self._is_first:
            part, self._is_first = part[2:], False
        self.size += len(part)
        if self.is_too_large or self.is_discarded:
            # It will be refused: until its end is read, it takes no memory.
            self._content = io.BytesIO()
        else:
            self._content.write(part)
        return is_last

    def discard(self) -> None:
        """There is no room for it: read on, keep nothing."""
        self.is_discarded = True
        self._content = io.BytesIO()

    def take(self) -> bytes:
        """The mail; what was collected is let go."""
        content, self._content = self._content, io.BytesIO()
        return content.getvalue()
