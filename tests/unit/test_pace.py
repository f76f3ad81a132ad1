"""How fast the bot speaks: whatever is asked of it, never faster than Telegram allows, and no slower."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bots.pace import BURST, OVERALL, PER_GROUP_MINUTE, Pace

# Who is spoken to, and how long after the one before somebody wants to.
wishes = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, -10]), st.floats(min_value=0, max_value=2)), max_size=150
)


def speak(wanted: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """When each message really goes, if everybody waits as told."""
    pace, now, sent = Pace(), 1_000.0, []
    for chat, pause in wanted:
        now += pause
        while wait := pace.wait(chat, now):
            now += wait
        pace.take(chat, now)
        sent.append((chat, now))
    return sent


def most_within(times: list[float], seconds: float) -> int:
    return max((sum(start <= other < start + seconds for other in times) for start in times), default=0)


@given(wishes)
def test_no_limit_is_ever_broken(wanted: list[tuple[int, float]]) -> None:
    sent = speak(wanted)
    assert most_within([now for _, now in sent], 1) <= OVERALL
    for chat in {chat for chat, _ in sent}:
        times = [now for other, now in sent if other == chat]
        # A bucket of BURST that gets one a second.
        assert all(most_within(times, seconds) <= BURST + seconds for seconds in (1, 5, 20))
        if chat < 0:
            assert most_within(times, 60) <= PER_GROUP_MINUTE


@given(wishes)
def test_nobody_waits_for_ever(wanted: list[tuple[int, float]]) -> None:
    pace, now = Pace(), 0.0
    for chat, pause in wanted:
        now += pause
        assert pace.wait(chat, now) <= 61
        now += pace.wait(chat, now)
        pace.take(chat, now)


def test_after_a_silence_three_messages_go_at_once_and_then_one_a_second() -> None:
    times = [now for _, now in speak([(1, 0.0)] * 5)]
    assert times[0] == times[2] < times[3] < times[4]
    assert 1 <= times[3] - times[2] < 1.1 and 1 <= times[4] - times[3] < 1.1


def test_a_chat_that_waits_holds_up_no_other() -> None:
    pace = Pace()
    pace.take(1, 0.0, messages=BURST + 5)
    assert pace.wait(1, 0.0) > 0
    assert pace.wait(2, 0.0) == 0


def test_an_album_counts_every_picture() -> None:
    pace = Pace()
    pace.take(-10, 0.0, messages=PER_GROUP_MINUTE)
    assert pace.wait(-10, 30.0) > 0
    assert pace.wait(-10, 61.0) == 0


def test_what_telegram_says_counts_for_its_chat_alone() -> None:
    pace = Pace()
    pace.hold(1, 0.0, 7)
    assert pace.wait(1, 0.0) == 7
    assert pace.wait(2, 0.0) == 0


def test_said_for_two_chats_it_counts_for_all() -> None:
    pace = Pace()
    pace.hold(1, 0.0, 7)
    pace.hold(2, 0.0, 5)
    assert pace.wait(3, 0.0) == 5


def test_however_many_chats_there_are_a_group_keeps_its_last_minute() -> None:
    pace = Pace()
    pace.take(-10, 0.0, messages=PER_GROUP_MINUTE)
    for chat in range(1, 6_000):
        pace.take(chat, 10.0)
    assert pace.wait(-10, 20.0) > 0
