"""The mails of the benches: the same bytes for every program, made from a seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

SENDERS = [f"persona{number}@correo.example" for number in range(200)]
RECIPIENT = "soporte@example.gob.mx"
WORDS = (
    "solicito apoyo para revisar el equipo de cómputo de la oficina porque desde ayer no enciende y tenemos "
    "público en ventanilla además la impresora marca atasco de papel agradezco de antemano su atención quedo "
    "pendiente de sus comentarios el número de inventario es el siguiente favor de confirmar recepción"
).split()
START = datetime(2026, 11, 2, 9, tzinfo=UTC)


def make(number: int, rng: random.Random, *, file_bytes: int = 0, reply_to: str = "") -> EmailMessage:
    """Mail *number*: 60 to 200 words in Spanish, perhaps a file, perhaps a reply to an earlier one."""
    sender = SENDERS[int(reply_to) % len(SENDERS)] if reply_to else rng.choice(SENDERS)
    if not reply_to:
        sender = SENDERS[number % len(SENDERS)]
    mail = EmailMessage()
    mail["From"] = f"Persona Número {SENDERS.index(sender)} <{sender}>"
    mail["To"] = RECIPIENT
    mail["Subject"] = f"{'Re: ' if reply_to else ''}Equipo {number}: {' '.join(rng.choices(WORDS, k=4))}"
    mail["Date"] = format_datetime(START + timedelta(seconds=number))
    mail["Message-ID"] = f"<{number}@correo.example>"
    if reply_to:
        mail["In-Reply-To"] = mail["References"] = f"<{reply_to}@correo.example>"
    mail.set_content("\n".join(" ".join(rng.choices(WORDS, k=12)) for _ in range(rng.randint(5, 17))))
    if file_bytes:
        mail.add_attachment(
            b"%PDF-1.4\n" + rng.randbytes(file_bytes), maintype="application", subtype="pdf",
            filename=f"escaneo-{number}.pdf",
        )  # fmt: skip
    return mail


def write(folder: Path, count: int, *, mix: bool, seed: int = 2026) -> int:
    """Write *count* mails as `000001.eml`; *mix* as quality.md says. Returns the bytes in all."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    total, opened = 0, list[int]()
    for number in range(1, count + 1):
        size, reply = 0, ""
        if mix:
            draw = rng.random()
            size = 5_000_000 if draw < 0.05 else 200_000 if draw < 0.25 else 0
            if number > 20 and rng.random() < 0.05:
                # To what its writer opened: a stranger's reply would be held for a clerk.
                reply = str(rng.choice(opened))
        if not reply:
            opened.append(number)
        raw = make(number, rng, file_bytes=size, reply_to=reply).as_bytes()
        total += len(raw)
        (folder / f"{number:06d}.eml").write_bytes(raw)
    return total
