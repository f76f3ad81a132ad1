"""Feeds a folder of mails to django-helpdesk on SQLite and prints {"count", "seconds"}
of those after the first FIRST.

Runs under the Python that has it: `python helpdesk_gateway.py MAILS FOLDER FIRST`.
An empty FOLDER is filled first.
"""

import json
import logging
import sys
import time
from pathlib import Path

import django
from django.conf import settings

mails, folder, first = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
settings.configure(
    SECRET_KEY="only for the bench",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "helpdesk.db"),
                           "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL"}}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                    "django.contrib.sites", "django.contrib.admin", "django.contrib.messages",
                    "django.contrib.humanize", "rest_framework", "helpdesk"],
    MEDIA_ROOT=str(folder / "media"), ROOT_URLCONF="helpdesk_urls", SITE_ID=1, USE_TZ=True,
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    EMAIL_BACKEND="django.core.mail.backends.filebased.EmailBackend",
    EMAIL_FILE_PATH=str(folder / "outgoing"),
    DEFAULT_AUTO_FIELD="django.db.models.AutoField", STATIC_URL="/static/",
    HELPDESK_TEAMS_MODE_ENABLED=False, HELPDESK_ENABLE_ATTACHMENTS=True,
)  # fmt: skip
django.setup()
from django.core.management import call_command  # noqa: E402
from helpdesk.email import extract_email_metadata  # noqa: E402
from helpdesk.models import Queue, Ticket  # noqa: E402

if not (folder / "helpdesk.db").exists():
    call_command("migrate", verbosity=0)
    # Without its templates it would send no notice, and so do less than the others.
    call_command("loaddata", "emailtemplate", verbosity=0)
    Queue.objects.create(title="Soporte", slug="soporte", email_address="soporte@example.gob.mx")
queue = Queue.objects.get(slug="soporte")
logger = logging.getLogger("bench")
logger.addHandler(logging.NullHandler())
logger.propagate = False
files = sorted(mails.glob("*.eml"))
began = time.perf_counter()
for number, file in enumerate(files):
    if number == first:
        began = time.perf_counter()
    extract_email_metadata(file.read_text(), queue, logger)
seconds = time.perf_counter() - began
print(json.dumps({"count": len(files) - first, "seconds": seconds, "cases": Ticket.objects.count()}))
