"""The command line's manners: help and complaints in the person's language, one line, no traceback.

click writes its own words in English; here each one is looked up in
`templates/labels/*/cli.toml`, when it is needed and not when a module is loaded.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import click

from templates import say

USAGE, FAILURE = 2, 1


class Failed(Exception):
    """A command could not do what it promises. `key` names the sentence, `exit_code` is 1 or 2."""

    def __init__(self, key: str, exit_code: int = FAILURE, /, **values: str | int) -> None:
        super().__init__(key)
        self.key, self.exit_code, self.values = key, exit_code, values

    def __str__(self) -> str:
        return say(f"cli.error.{self.key}", **self.values)


class Option(click.Option):
    """An option whose help is the label `cli.option.<name>`."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        if self.hidden:
            return None
        self.help = say(f"cli.option.{self.name}")
        return super().get_help_record(ctx)


class Command(click.Command):
    """A command whose help is the label `cli.command.<name>`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Its parts come from the labels, so click need not compose it from an English docstring.
        self.help = None

    def get_short_help_str(self, limit: int = 45) -> str:
        return say(f"cli.command.{self.name}").partition("\n")[0]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(say(f"cli.command.{self.name}"))

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        words = {"[OPTIONS]": say("cli.help.options_here"), "COMMAND [ARGS]...": say("cli.help.command_here")}
        pieces = " ".join(words.get(piece, piece) for piece in self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=say("cli.help.usage") + " ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        records = [record for each in options if (record := _help_record(each, ctx))]
        with formatter.section(say("cli.help.options")):
            formatter.write_dl(records)


class Group(Command, click.Group):
    """The commands, listed in the order in which they are written."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        with formatter.section(say("cli.help.commands")):
            formatter.write_dl([(name, each.get_short_help_str()) for name, each in self.commands.items()])


def _help_record(option: click.Option, ctx: click.Context) -> tuple[str, str] | None:
    record = option.get_help_record(ctx)
    return (record[0], say("cli.option.help")) if record and "--help" in option.opts else record


@contextmanager
def no_traceback(is_debug: bool) -> Iterator[None]:
    """Say every error in one line and end the program: 2 for usage, 1 for failure."""
    try:
        yield
        sys.stdout.flush()
    except (click.exceptions.Exit, SystemExit):
        raise
    except BrokenPipeError:
        # The reader has seen enough, such as `head`; Python would complain again while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAILURE) from None
    except (KeyboardInterrupt, click.Abort):
        complain(say("cli.error.interrupted"))
        raise SystemExit(130) from None
    except Exception as error:
        if is_debug and not isinstance(error, click.ClickException):
            raise
        complain(explain(error))
        raise SystemExit(exit_code_of(error)) from None


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON line on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False))


def complain(sentence: str, stream: IO[str] | None = None) -> None:
    """Write *sentence* as the one line a person reads on stderr."""
    click.echo(f"oficialia: {' '.join(sentence.split())}", file=stream, err=stream is None)


def exit_code_of(error: Exception) -> int:
    """2 when the command was asked for wrongly, 1 when it failed."""
    if isinstance(error, click.ClickException | Failed):
        return error.exit_code
    return FAILURE


def explain(error: Exception) -> str:
    """The sentence for *error*; errors nobody foresaw keep their own words, with where to see more."""
    match error:
        case click.NoSuchOption():
            return say("cli.error.no_such_option", name=error.option_name)
        case click.MissingParameter():
            return say("cli.error.missing", name=_hint(error))
        case click.BadParameter():
            return say("cli.error.bad_value", name=_hint(error), wanted=_wanted(error))
        case click.exceptions.NoSuchCommand():
            return say("cli.error.no_such_command", name=error.command_name)
        case click.BadOptionUsage():
            return say("cli.error.option_value", name=error.option_name)
        case click.UsageError():
            return say("cli.error.usage")
        case Failed():
            return str(error)
    return _explain_failure(error)


def _explain_failure(error: Exception) -> str:
    # Imported here, because most commands end well and should start quickly.
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    from intake.errors import DeskError, StoreFailed

    if isinstance(error, ValidationError):
        name = str(error.errors()[0]["loc"][0])
        return say("cli.error.setting", name=f"OFICIALIA_{name}".upper(), what=say(f"setting.{name}"))
    if isinstance(error, DeskError):
        return str(error)
    if isinstance(error, StoreFailed):
        return say("cli.error.store", why=str(error))
    if isinstance(error, DBAPIError):
        return say("cli.error.database", why=str(error.orig))
    if isinstance(error, SQLAlchemyError):
        return say("cli.error.database", why=str(error))
    if isinstance(error, OSError):
        return say("cli.error.system", why=f"{error.filename or ''} {words_of(error)}".strip())
    return say("cli.error.unforeseen", why=f"{type(error).__name__}: {error}")


def words_of(error: OSError) -> str:
    """What the system said, in the person's language where we know the words."""
    key = f"cli.errno.{errno.errorcode.get(error.errno or 0, '')}"
    known = say(key)
    return known if known != key else error.strerror or str(error)


def _hint(error: click.BadParameter) -> str:
    hint = error.param_hint or (error.param.get_error_hint(error.ctx) if error.param else "")
    return hint if isinstance(hint, str) else " / ".join(hint)


def _wanted(error: click.BadParameter) -> str:
    kind = error.param.type if error.param else None
    if isinstance(kind, click.Choice):
        return say("cli.error.one_of", choices=", ".join(kind.choices))
    if isinstance(kind, click.types.IntParamType):
        return say("cli.error.a_number")
    if isinstance(kind, click.DateTime):
        return say("cli.error.a_date")
    if isinstance(kind, click.Path):
        return say("cli.error.a_path")
    return error.message
