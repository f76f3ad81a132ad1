"""Tells the owner of a webhook that it is called no more."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.correspondence import Thread, staff_address, unbound_letterhead, write_mail
from intake.notices import GENERATED
from intake.office import Office
from intake.wording import instant, speaking
from models.user import User
from models.webhook import Webhook


def write_disabled(session: Session, office: Office, hook: Webhook) -> None:
    """To whom the webhook belongs, if the directory has an address."""
    to = staff_address(hook.account)
    if not to:
        return
    code = session.scalar(select(User.language).where(User.person_id == hook.account.person_id))
    head, zone = unbound_letterhead(session, office), office.settings.zone
    with speaking(code or office.settings.language):
        values = {
            "institution": office.settings.institution,
            "url": hook.url,
            "words": hook.last_error,
            "since": instant(hook.failing_since, zone) if hook.failing_since else "",
            "link": f"{office.settings.base_url.rstrip('/')}/admin/api/",
        }
        write_mail(session, office, "webhook_disabled", [to], values, head, Thread(), None, GENERATED)
