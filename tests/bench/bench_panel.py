"""The panel's pages with few and with many cases, on SQLite and PostgreSQL.

`python -m tests.bench.bench_panel [--cases 100000] [--few 10000] [--runs 20]`: three messages to a
case; a million cases take some minutes to write. Each page is asked for in both registers by
turns. Budgets: p95 at most 100 ms, the median at most 1.5 times that with few cases.
"""

from __future__ import annotations

import argparse
import gc
import re
import time
from pathlib import Path
from statistics import median

from sqlalchemy import text

from intake.office import Office
from models import migrations
from tests.bench import mails
from tests.bench.offices import scratch, settings_in
from tests.bench.results import Budget, at_most, p95, report, smaller
from tests.bench.years import fill
from tests.support.panel import Clerk
from tests.support.postgres import postgres_cluster

# Who opens what. `oficialia` sees every case, `worker` those of one dependencia of many; the text of
# every message has EVERYWHERE, and one of forty has RARE.
EVERYWHERE, RARE = mails.WORDS[3], mails.WORDS[-2]
PAGES = {
    "board": ("oficialia", "/admin/"),
    "list of all": ("oficialia", "/admin/?bandeja=all"),
    "list of overdue": ("oficialia", "/admin/?bandeja=overdue"),
    "list, filtered": ("oficialia", "/admin/?bandeja=all&estado=closed"),
    "search, word of all": ("oficialia", f"/admin/?q={EVERYWHERE}"),
    "search, rare word": ("oficialia", f"/admin/?q={RARE}"),
    "search, both": ("oficialia", f"/admin/?q={EVERYWHERE}+{RARE}"),
    "search, beginning": ("oficialia", f"/admin/?q={EVERYWHERE[:4]}"),
    "search, nothing found": ("oficialia", "/admin/?q=xilófono"),
    "worker's board": ("worker", "/admin/"),
    "worker's list": ("worker", "/admin/?bandeja=all"),
    "worker's search": ("worker", f"/admin/?q={EVERYWHERE}"),
    "head's board": ("head", "/admin/"),
    "head's list": ("head", "/admin/?bandeja=dependencia"),
}


class Panel:
    """The pages of one register, as its people open them."""

    def __init__(self, office: Office, cases: int) -> None:
        institution = fill(office, cases)
        if not office.database.is_sqlite:
            with office.database.engine.connect() as connection:
                # What autovacuum does by itself soon after.
                connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
        people = {who for who, _ in PAGES.values()}
        self._clerks = {who: Clerk(office, institution.accounts[who]) for who in people}
        page = self._clerks["oficialia"].get("/admin/?bandeja=all").text
        # What differs between registers: how many digits 111 of its cases begin with, where the second page
        # begins, and which case is the newest.
        self.pages = {
            **PAGES,
            "search, number": ("oficialia", f"/admin/?q={'98765'[: len(str(cases)) - 3]}"),
            "list, next page": ("oficialia", _link(r'href="(/admin/\?[^"]*antes=[^"]*)"', page)),
            "case": ("oficialia", _link(r'href="(/admin/casos/\d+)', page)),
        }

    def open(self, who: str, page: str) -> float:
        began = time.perf_counter()
        answer = self._clerks[who].get(page)
        if answer.status_code != 200:
            raise RuntimeError(f"{page}: {answer.status}")
        return (time.perf_counter() - began) * 1000


def _link(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    if found is None:
        raise RuntimeError(f"no {pattern} on the page")
    return found[1].replace("&amp;", "&")


def compare(database: str, few: Panel, many: Panel, cases: int, runs: int) -> None:
    figures: dict[str, list[float]] = {}
    budgets: list[Budget] = []
    for name, page in many.pages.items():
        # Twice for nothing: the first time compiles templates and statements.
        times = [(few.open(*few.pages[name]), many.open(*page)) for _ in range(runs + 2)][2:]
        small, large = [list(column) for column in zip(*times, strict=True)]
        figures[name] = large
        budgets.append(at_most(f"{name}, p95", p95(large), 100))
        budgets.append(at_most(f"{name} / with few cases", median(large) / median(small), 1.5))
    title = f"panel on {database}, {cases:,} cases"
    report(f"panel-{database}", title, figures, "ms", budgets, smaller("--cases", cases, 1_000_000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    options = parser.parse_args()
    # As a role does when it has loaded: what is there is not looked through for garbage all the while.
    gc.freeze()
    sizes = (options.few, options.cases)
    wanted = options.database or ["sqlite", "postgresql"]
    if "sqlite" in wanted:
        with scratch() as folder:
            urls = [f"sqlite:///{folder / str(size)}.db" for size in sizes]
            _measure("sqlite", folder, urls, sizes, options.runs)
    if "postgresql" in wanted:
        with postgres_cluster() as cluster, scratch() as folder:
            urls = [cluster.url(cluster.create_database()) for _ in sizes]
            _measure("postgresql", folder, urls, sizes, options.runs)


def _measure(database: str, folder: Path, urls: list[str], sizes: tuple[int, int], runs: int) -> None:
    panels: list[Panel] = []
    for url, size in zip(urls, sizes, strict=True):
        began = time.perf_counter()
        office = Office.open(settings_in(folder, url))
        migrations.upgrade(office.database)
        panels.append(Panel(office, size))
        print(f"{database}: {size:,} cases written in {time.perf_counter() - began:.0f} s", flush=True)
    few, many = panels
    compare(database, few, many, sizes[1], runs)


if __name__ == "__main__":
    main()
