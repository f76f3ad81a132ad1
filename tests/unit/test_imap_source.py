"""What OFICIALIA_IMAP_URL says about one folder."""

import pytest

from intake.doors.imap_source import parse_source


def test_every_part_may_be_percent_encoded() -> None:
    source = parse_source(
        "imaps://soporte%40example.gob.mx:p%40ss%2Fw%3Ard@correo.example.gob.mx:1993/INBOX/Mesa%20de%20ayuda"
        "?mailbox=Soporte@Example.gob.mx&move=Ya%20le%C3%ADdos&poll=5&start=new"
    )
    assert (source.host, source.port, source.is_tls) == ("correo.example.gob.mx", 1993, True)
    assert (source.user, source.secret()) == ("soporte@example.gob.mx", "p@ss/w:rd")
    assert (source.folder, source.move) == ("INBOX/Mesa de ayuda", "Ya leídos")
    assert (source.mailbox, source.poll, source.only_new) == ("soporte@example.gob.mx", 5.0, True)


def test_the_least_is_user_and_host() -> None:
    source = parse_source("imap://soporte%40example.gob.mx:x@localhost?starttls=1")
    assert (source.port, source.folder, source.mailbox) == (143, "INBOX", "soporte@example.gob.mx")
    assert source.starttls
    assert source.name == "soporte@example.gob.mx@localhost:143/INBOX"


@pytest.mark.parametrize(
    "url",
    [
        "pop3://a:secreto@b/INBOX",
        "imaps://localhost/INBOX",
        "imaps://a:secreto@b/INBOX?mailbx=x@y",
        "imaps://a:secreto@b/INBOX?auth=magia",
    ],
)
def test_a_wrong_url_says_what_is_wrong_without_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="OFICIALIA_IMAP_URL") as caught:
        parse_source(url)
    assert "secreto" not in str(caught.value)
    assert "secreto" not in repr(parse_source("imaps://a:secreto@b/INBOX"))
