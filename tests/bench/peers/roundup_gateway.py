"""Feeds a folder of mails to Roundup's mail gateway and prints {"count", "seconds"}
of those after the first FIRST.

Runs under the Python that has Roundup: `python roundup_gateway.py MAILS TRACKER FIRST SENDERS`.
In an empty TRACKER, senders are registered first, which is Roundup's fast case.
"""

import argparse
import email
import json
import subprocess
import sys
import time
from pathlib import Path

from roundup import instance, mailgw

mails, tracker, first = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
senders = sys.argv[4].split(",")
admin = [sys.executable, "-m", "roundup.scripts.roundup_admin", "-i", str(tracker)]
is_new = not (tracker / "config.ini").exists()
if is_new:
    subprocess.run([*admin, "install", "classic", "sqlite"], check=True, capture_output=True)
WANTED = {
    ("tracker", "web"): "http://localhost/",
    ("mail", "domain"): "example.gob.mx",
    ("mail", "host"): "localhost",
    # Outgoing mail goes to a file, as ours goes to a folder.
    ("mail", "debug"): str(tracker / "outgoing.mbox"),
}
section, lines = "", []
for line in (tracker / "config.ini").read_text().splitlines():
    if line.startswith("["):
        section = line.strip("[]")
    key = line.lstrip("#").partition("=")[0].strip()
    wanted = WANTED.get((section, key)) if "=" in line else None
    lines.append(f"{key} = {wanted}" if wanted else line)
(tracker / "config.ini").write_text("\n".join(lines))
if is_new:
    subprocess.run([*admin, "initialise", "secret"], check=True, capture_output=True)
opened = instance.open(str(tracker))
if is_new:
    database = opened.open("admin")
    for sender in senders:
        database.user.create(username=sender.partition("@")[0], address=sender, roles="User")
    database.commit()
    database.close()
NO_OPTIONS = argparse.Namespace(default_class="issue", set_value=[], catch_class=None)
files = sorted(mails.glob("*.eml"))
began = time.perf_counter()
for number, file in enumerate(files):
    if number == first:
        began = time.perf_counter()
    gateway = mailgw.MailGW(opened, NO_OPTIONS)
    gateway.trapExceptions = False
    gateway.handle_Message(email.message_from_bytes(file.read_bytes(), _class=mailgw.RoundupMessage))
seconds = time.perf_counter() - began
database = opened.open("admin")
print(json.dumps({"count": len(files) - first, "seconds": seconds, "cases": len(database.issue.list())}))
