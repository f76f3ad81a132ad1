"""How much one SMTP client may ask, and how its commands are read."""

import pytest

from intake.doors.limits import ClientLimits
from intake.doors.smtp_paths import NOBODY, announced_size, read_path


class Clock:
    """Time as a test tells it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def limits(clock: Clock | None = None) -> ClientLimits:
    networks = "127.0.0.0/8, ::1/128, 10.0.0.0/8"
    return ClientLimits(
        connections=2,
        per_minute=60,
        trusted=networks,
        total=3,
        clock=clock or Clock(),
    )


def test_a_client_has_its_connections_and_no_more() -> None:
    door = limits()
    client = door.client_of("203.0.113.5")
    assert [door.enter(client) for _ in range(3)] == [True, True, False]
    door.leave(client)
    assert door.enter(client)


def test_all_strangers_together_leave_room_for_the_front_server() -> None:
    door = limits()
    for last in range(3):
        assert door.enter(door.client_of(f"203.0.113.{last}"))
    assert not door.enter(door.client_of("203.0.113.9"))
    assert door.enter(door.client_of("10.1.2.3"))


def test_an_ipv6_network_is_one_client() -> None:
    door = limits()
    assert door.client_of("2001:db8::1") == door.client_of("2001:db8::ffff:1")
    assert door.client_of("2001:db8::1") != door.client_of("2001:db8:0:1::1")
    assert door.client_of("::ffff:127.0.0.1") == door.client_of("fe80::1%eth0".replace("fe80::1", "::1"))


def test_mails_come_at_the_promised_rate_after_the_first_minute_is_spent() -> None:
    clock = Clock()
    door = limits(clock)
    client = door.client_of("203.0.113.5")
    assert all(door.take_mail(client) for _ in range(60))
    assert not door.take_mail(client)
    clock.now = 1.0
    assert [door.take_mail(client) for _ in range(2)] == [True, False]
    assert all(door.take_mail(door.client_of("10.0.0.1")) for _ in range(500))


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("<ana@example.org>", ("ana@example.org", "")),
        ("<ana@example.org> SIZE=100 BODY=8BITMIME", ("ana@example.org", "SIZE=100 BODY=8BITMIME")),
        ("<>", (NOBODY, "")),
        ("<> SIZE=5", (NOBODY, "SIZE=5")),
        ("ana@example.org", ("ana@example.org", "")),
        ("<@relay.example.org,@otro.example:ana@example.org>", ("ana@example.org", "")),
        ('<"ana pérez"@example.org>', ('"ana pérez"@example.org', "")),
        ("<añó@correo.ejemplo.mx> SMTPUTF8", ("añó@correo.ejemplo.mx", "SMTPUTF8")),
        ("<postmaster>", ("postmaster", "")),
        ("<ana@example.org", None),
        ("<ana@example.org>SIZE=1", None),
        ("<ana@@example.org>", None),
        ('<"ana\rb"@example.org>', None),
        ("", None),
    ],
)
def test_a_path_is_read_as_rfc_5321_writes_it(argument: str, expected: tuple[str, str] | None) -> None:
    assert read_path(argument) == expected


def test_the_announced_size_is_found_among_the_parameters() -> None:
    assert announced_size("FROM:<a@b> BODY=8BITMIME size=12345 SMTPUTF8") == 12345
    assert announced_size("FROM:<size=9@b>") == 0
