"""The one command line, and the only place that knows all doors.

Commands only read what was asked and print what came out; the work is done in
`intake/`, `admin/` and `bots/`, imported when a command needs them.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import templates
from intake.running.terminal import FAILURE, USAGE, Command, Failed, Group, Option, no_traceback, print_json
from templates import say

if TYPE_CHECKING:
    from intake.config import Settings
    from intake.office import Office

# Nothing that is loaded becomes garbage, and the panel loads 430,000 objects: to look through them all the
# while takes a quarter of each start.
_USUAL = gc.get_threshold()
gc.set_threshold(500_000)

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def option(*names: str, **how: Any) -> Callable[[Decorated], Decorated]:
    """An option whose help is in the labels."""
    return click.option(*names, cls=Option, **how)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@option("--debug", is_flag=True)
@option("--supervised", is_flag=True, hidden=True)
@click.pass_context
def cli(context: click.Context, debug: bool, supervised: bool) -> None:
    context.meta["debug"] = debug
    if supervised:
        from intake.running.supervisor import end_with_parent

        end_with_parent()


def open_settings(role: str = "") -> Settings:
    """The settings of this place, with the log set up as they say."""
    from intake.config import Settings
    from intake.running import logs

    settings = Settings()
    logs.configure(settings, role, is_debug=click.get_current_context().meta["debug"])
    return settings


def open_office(role: str = "") -> Office:
    """The office, with a database that has the schema this program needs."""
    from intake.office import Office
    from models.migrations import is_current

    office = Office.open(open_settings(role))
    if not is_current(office.database):
        raise Failed("not_migrated")
    gc.freeze()
    gc.set_threshold(*_USUAL)
    return office


# The roles.


@cli.command(cls=Command)
@option("--workers", type=click.IntRange(min=1))
@click.pass_context
def serve(context: click.Context, workers: int | None) -> None:
    from intake.running import serving

    office = open_office()
    program = [sys.executable, str(Path(__file__).resolve()), "--supervised"]
    if context.meta["debug"]:
        program.append("--debug")
    serving.serve(office, program, workers=workers)


def read_part(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, int]:
    """`2/3`, the second of three workers, as `pipeline` counts: from 0."""
    index, _, count = value.partition("/")
    if not (index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count)):
        raise click.BadParameter(say("cli.error.a_part"))
    return int(index) - 1, int(count)


@cli.command(cls=Command)
def smtp() -> None:
    from intake.smtp import serve

    serve(open_office("smtp"))


@cli.command(cls=Command)
def imap() -> None:
    from intake.imap import serve

    office = open_office("imap")
    if not office.settings.imap_url:
        raise Failed("no_imap")
    serve(office)


@cli.command(cls=Command)
@option("--part", metavar="I/N", default="1/1", callback=read_part)
def worker(part: tuple[int, int]) -> None:
    from intake.worker import run

    run(open_office("worker"), part=part)


@cli.command(cls=Command)
def bot() -> None:
    from bots.door import serve

    office = open_office("bot")
    if not office.settings.telegram_token.get_secret_value():
        raise Failed("no_telegram")
    serve(office)


@cli.command(cls=Command)
def web() -> None:
    from admin.app import serve

    serve(open_office("web"))


# Mail from files, and what became of it.


@cli.command(cls=Command)
@option("--json", "in_json", is_flag=True)
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
def parse(in_json: bool, files: tuple[str, ...]) -> None:
    from intake.doors.ingest import read_sources
    from intake.parsing import as_json, parse_email

    for source in read_sources(files):
        message = parse_email(source.raw)
        if in_json:
            print_json(as_json(message))
        else:
            click.echo(templates.render("cli/mail.txt", source=source.name, mail=message))


@cli.command(cls=Command)
@option("--to", default="", metavar="ADDRESS")
@option("--wait", is_flag=True)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
def ingest(to: str, wait: bool, paths: tuple[str, ...]) -> None:
    from intake.doors import ingest as files

    office = open_office()
    with files.progress(paths) as advance:
        for value in files.ingest(office, files.read_sources(paths), to=to, wait=wait):
            print_json(value)
            advance()


@cli.command(cls=Command)
@option("--json", "in_json", is_flag=True)
@click.argument("folio")
def show(in_json: bool, folio: str) -> None:
    from intake.running import reports

    office = open_office()
    with office.database.reading() as session:
        case = reports.find_case(session, folio)
        if case is None:
            raise Failed("no_case", folio=folio)
        value = reports.whole_case(session, case)
    if in_json:
        print_json(value)
    else:

        def local(instant: str) -> str:
            return f"{datetime.fromisoformat(instant).astimezone(office.settings.zone):%Y-%m-%d %H:%M}"

        click.echo(templates.render("cli/case.txt", case=value, local=local))


@cli.command("list", cls=Command)
@option("--json", "in_json", is_flag=True)
@option("--state")
@option("--kind", type=click.Choice(["ticket", "oficio"]))
@option("--dependencia", metavar="SIGLAS")
@option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]))
def list_(
    in_json: bool, state: str | None, kind: str | None, dependencia: str | None, since: datetime | None
) -> None:
    from intake.running import reports

    office = open_office()
    with office.database.reading() as session:
        wanted = reports.want(
            session, office.settings.zone, state=state, kind=kind, siglas=dependencia, since=since
        )
        for value in reports.list_cases(session, wanted):
            if in_json:
                print_json(value)
            else:
                click.echo(templates.render("cli/line.txt", case=value))


# The office itself.


@cli.command(cls=Command)
def migrate() -> None:
    from intake.office import Office
    from models.migrations import upgrade

    upgrade(Office.open(open_settings()).database)


@cli.command(cls=Command)
@option("--email")
@option("--name")
@option("--password")
@option("--institution")
def init(email: str | None, name: str | None, password: str | None, institution: str | None) -> None:
    from admin.auth import hash_password
    from intake.office import Office
    from intake.running import accounts
    from models.migrations import upgrade

    office = Office.open(open_settings())
    wanted = accounts.NewAdministrator(
        institution=institution
        or click.prompt(say("cli.prompt.institution"), default=office.settings.institution),
        name=name or click.prompt(say("cli.prompt.name")),
        email=email or click.prompt(say("cli.prompt.email")),
        password=password or prompt_password(),
    )
    upgrade(office.database)
    with office.database.writing() as session:
        accounts.create_administrator(session, wanted, hash_password=hash_password)
    if accounts.remember_institution(office.settings, wanted.institution):
        click.echo(say("cli.init.remembered", institution=wanted.institution))
    click.echo(say("cli.init.done", email=wanted.email, address=f"{office.settings.base_url}/admin/"))


def prompt_password() -> str:
    password: str = click.prompt(say("cli.prompt.password"), hide_input=True)
    if click.prompt(say("cli.prompt.again"), hide_input=True) != password:
        raise Failed("differ", USAGE)
    return password


@cli.command(cls=Command)
@option("--if-empty", is_flag=True)
def demo(if_empty: bool) -> None:
    from admin.auth import hash_password
    from intake.demo import demo as institution
    from intake.demo import demo_dispatch, demo_documents
    from intake.demo.demo_days import live_through

    office = open_office()
    if not institution.is_empty(office):
        if if_empty:
            return
        raise Failed("not_empty")
    click.echo(say("cli.demo.building"))
    plan = institution.read_plan(office)
    with office.database.writing() as session:
        made = institution.install(session, plan, hash_password=hash_password)
    live_through(office, made)
    demo_documents.write(office, made)
    demo_dispatch.deliver(office, made)
    people = [account.person for account in made.accounts.values()]
    institution.print_logins(people, list(made.requesters.values()), made.password)


@cli.command(cls=Command)
def learn() -> None:
    from intake.learning.learning import learn as learn_now
    from models.base import now

    office = open_office("learning")
    version = learn_now(office, now().astimezone(office.settings.zone).date())
    if version.sha256 is None:
        raise Failed("too_few_cases", cases=version.cases)
    click.echo(say("learning.learnt", version=version.id, cases=version.cases))
    for question, figures in version.figures.items():
        percent = round(100 * figures["right"])
        click.echo(say("learning.right", question=say(f"learning.{question}"), percent=percent))


@cli.command(cls=Command)
def count() -> None:
    from intake.figures.counting import recount_all

    click.echo(say("learning.counted", days=recount_all(open_office())))


@cli.command(cls=Command)
@option("--settings", "only_settings", is_flag=True)
@option("--json", "in_json", is_flag=True)
def check(only_settings: bool, in_json: bool) -> None:
    from intake.running import doctor, findings

    settings = open_settings()
    if only_settings:
        findings.print_settings(settings, in_json=in_json)
    elif not findings.print_findings(doctor.examine(settings), in_json=in_json):
        raise SystemExit(FAILURE)


@cli.command(cls=Command)
@option("--audit", is_flag=True)
@option("--json", "in_json", is_flag=True)
@click.argument("code", required=False, metavar="CODE|FILE.pdf")
def verify(audit: bool, in_json: bool, code: str | None) -> None:
    if audit == bool(code):
        raise Failed("verify_what", USAGE)
    office = open_office()
    if code:
        verify_document(office, code, in_json)
    else:
        verify_audit(office, in_json)


def verify_document(office: Office, code: str, in_json: bool) -> None:
    """Exit 0 for what the institution issued and stands by, 1 for all else."""
    from intake.proofs import verification

    with office.database.reading() as session:
        if code.lower().endswith(".pdf") or os.path.exists(code):
            examined = verification.examine_pdf(session, office, Path(code).read_bytes())
        else:
            found = verification.find_by_code(session, code)
            if found is None:
                raise Failed("no_code", code=code)
            examined = verification.of_code(found)
    if in_json:
        print_json(verification.as_json(examined))
    else:
        click.echo(templates.render("cli/verified.txt", examined=examined, zone=office.settings.zone,
                                    institution=office.settings.institution))  # fmt: skip
    if examined.verdict != verification.Verdict.AUTHENTIC:
        raise SystemExit(FAILURE)


def verify_audit(office: Office, in_json: bool) -> None:
    from intake.running.audit import read_chains

    events = chains = faults = 0
    with office.database.reading() as session:
        for chain in read_chains(session):
            chains, events, faults = chains + 1, events + chain.events, faults + bool(chain.fault)
            if chain.fault and not in_json:
                click.echo(say("cli.verify.broken", folio=chain.folio or "-", fault=chain.fault))
    if in_json:
        print_json({"chains": chains, "events": events, "broken": faults})
    elif not faults:
        click.echo(say("cli.verify.whole", chains=chains, events=events))
    if faults:
        raise SystemExit(FAILURE)


@cli.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    from intake.running.backup import back_up

    count = back_up(open_office(), file)
    click.echo(say("cli.backup.done", path=str(file), rows=count.rows, files=count.files))
    if count.missing:
        raise Failed("backup_incomplete", number=len(count.missing), first=count.missing[0])


@cli.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
def restore(file: Path) -> None:
    from intake.office import Office
    from intake.running import backup as archives

    count = archives.restore(Office.open(open_settings()), file)
    click.echo(say("cli.backup.restored", rows=count.rows, files=count.files))


def spoken_language() -> str:
    from intake.config import Settings

    try:
        return Settings().language
    except ValueError:
        # Whatever is wrong with the settings is said when a command reads them.
        return os.environ.get("OFICIALIA_LANGUAGE", "es")


def main() -> None:
    """Run the command of `sys.argv`; errors are one line in the language of OFICIALIA_LANGUAGE."""
    templates.language.set(spoken_language())
    with no_traceback("--debug" in sys.argv):
        cli.main(prog_name="oficialia", standalone_mode=False)


if __name__ == "__main__":
    main()
