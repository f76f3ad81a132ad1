"""Time left as people read it: pills for lists and the head of a case, sentences for its data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Flask
from flask_babel import format_date

from admin.formats import moment
from intake.services.promises import CaseClocks, CasePromises, Paused
from models.commitment import PauseReason
from models.promise import Clock, PromiseKind, Standing
from templates import say

_MINUTE = timedelta(minutes=1)
_DONE = (Standing.KEPT, Standing.LATE)


@dataclass(frozen=True, slots=True)
class Pill:
    """A few words, their colour, and what they say in full."""

    text: str
    kind: str
    icon: str
    title: str


def length(time: timedelta, usual_day: timedelta) -> str:
    """Working time in the words of an office: days of its own length, below that hours and minutes."""
    time = abs(time)
    days, minutes = time // usual_day, time // _MINUTE
    if days:
        return say("panel.clock.day") if days == 1 else say("panel.clock.days", number=days)
    hours, rest = divmod(minutes, 60)
    if hours and rest:
        return say("panel.clock.hours_minutes", hours=hours, minutes=rest)
    if hours:
        return say("panel.clock.hours", hours=hours)
    return say("panel.clock.minutes", minutes=rest) if rest else say("panel.clock.no_time")


def pills(found: CaseClocks | None) -> list[Pill]:
    """What a case still owes, in few words; nothing for what is done."""
    return (
        [_pill(clock, found.usual_day) for clock in found.clocks if clock.standing not in _DONE]
        if found
        else []
    )


def first_pill(found: CaseClocks | None) -> list[Pill]:
    """The one that matters in a list: what is overdue or paused, else what comes first."""
    still = [clock for clock in found.clocks if clock.standing not in _DONE] if found else []
    if found is None or not still:
        return []
    worst = next((one for one in still if one.standing in (Standing.OVERDUE, Standing.PAUSED)), still[0])
    return [_pill(worst, found.usual_day, is_short=True)]


def _pill(clock: Clock, usual_day: timedelta, *, is_short: bool = False) -> Pill:
    left = length(clock.left, usual_day)
    is_one = left == say("panel.clock.day")
    answer = ("answer" if is_short else "first_answer") if clock.kind == PromiseKind.FIRST_ANSWER else ""
    if clock.standing == Standing.PAUSED:
        key = "paused_late" if clock.left < timedelta() else "paused_one" if is_one else "paused"
        reason = say("panel.clock.pause_requester")
        return Pill(say(f"panel.clock.{key}", left=left), "", "hourglass", reason)
    title = f"{say('panel.clock.' + clock.kind.value)}: {say('panel.clock.due', date=moment(clock.due_at))}"
    if clock.standing == Standing.OVERDUE:
        key = f"{answer}_overdue" if answer else "overdue"
        return Pill(say(f"panel.clock.{key}", left=left), "bad", "alarm", title)
    key = f"{answer}_left" if answer else "solution_one_left" if is_one else "solution_left"
    is_soon = clock.standing == Standing.SOON
    # Not by colour alone.
    icon = "alarm" if is_soon else "clock"
    return Pill(say(f"panel.clock.{key}", left=left), "warn" if is_soon else "", icon, title)


def sentence(clock: Clock, usual_day: timedelta) -> str:
    """How one promise stands, in full."""
    left = length(clock.left, usual_day)
    if clock.standing in _DONE:
        return say(f"panel.clock.{clock.standing.value}", left=left)
    if clock.standing == Standing.PAUSED:
        return _pill(clock, usual_day).text
    key = "overdue" if clock.standing == Standing.OVERDUE else "solution_left"
    if key == "solution_left" and left == say("panel.clock.day"):
        key = "solution_one_left"
    when = "was_due" if clock.standing == Standing.OVERDUE else "due"
    return f"{say(f'panel.clock.{key}', left=left)} · {say(f'panel.clock.{when}', date=moment(clock.due_at))}"


def pause_sentence(pause: Paused, usual_day: timedelta) -> tuple[str, str]:
    """Why the clock stood still, and when."""
    if pause.reason == PauseReason.REQUESTER:
        key = "pause_requester_by" if pause.by else "pause_requester"
        key = "pause_missing" if pause.missing else key
    else:
        key = "pause_done"
    start = moment(pause.started_at)
    if pause.ended_at is None:
        when = say("panel.clock.pause_since", start=start)
    else:
        left = length(pause.length, usual_day)
        when = say("panel.clock.pause_span", start=start, end=moment(pause.ended_at), left=left)
    return say(f"panel.clock.{key}", name=pause.by, labels=", ".join(pause.missing)), when


def day(value: date) -> str:
    """A date of an agreement."""
    return str(format_date(value, "d MMM y"))


def units(found: CasePromises) -> str:
    """`5 min × 14 (credencial)`; empty when nothing is promised by the piece."""
    if found.units is None:
        return ""
    minutes, unit, quantity = found.units
    key = "units" if quantity else "units_unknown"
    return say(f"panel.clock.{key}", minutes=minutes, unit=unit, quantity=quantity or 0)


def init_app(app: Flask) -> None:
    """Make these known to templates as filters."""
    app.jinja_env.filters |= {
        "clock_pills": pills, "first_pill": first_pill, "clock_sentence": sentence,
        "pause_sentence": pause_sentence, "newest_pauses": newest, "agreed_day": day, "clock_units": units,
    }  # fmt: skip


def newest(pauses: Sequence[Paused], number: int = 5) -> list[Paused]:
    """The last pauses, the newest first; that it has ended now is no pause yet."""
    shown = [one for one in pauses if one.reason == PauseReason.REQUESTER or one.ended_at]
    return list(reversed(shown))[:number]
