"""What `oficialia check` tests of the counts by day: a sample of days is counted again from its cases."""

from __future__ import annotations

from collections.abc import Iterator

from intake.config import Settings
from intake.figures.counting import differing_days
from intake.office import Office
from intake.running.findings import Finding, Level, bad, well
from models import migrations
from templates import say

_SAMPLE = 20
# More of them would be no more telling.
_NAMED = 3


def examine_counts(settings: Settings) -> Iterator[Finding]:
    """Whether the tablero de indicadores would show what the cases say."""
    office = Office.open(settings)
    try:
        if not migrations.is_current(office.database):
            return
        with office.database.reading() as session:
            asked, wrong = differing_days(session, office, _SAMPLE)
    finally:
        office.database.close()
    if wrong:
        days = ", ".join(str(day) for day in wrong[:_NAMED])
        found = say("cli.check.found.counts_differ", wrong=len(wrong), number=asked, days=days)
        yield bad(Level.WARN, "figures", found, "figures")
    else:
        yield well("figures", "counts_agree" if asked else "counts_none", number=asked)
