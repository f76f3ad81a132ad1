"""What is left of formatted mail: its looks, and nothing that acts, fetches or covers the page."""

from __future__ import annotations

import pytest

from admin.html_mail import policy, sanitise


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        '<iframe src="https://malo.example"></iframe>',
        '<form action="https://malo.example"><input name="clave"></form>',
        '<meta http-equiv="refresh" content="0;url=https://malo.example">',
        '<link rel="stylesheet" href="https://malo.example/x.css">',
        "<style>body{background:url(https://malo.example)}</style>",
        '<p style="position:fixed;top:0;left:0">x</p>',
        '<p style="background-color:url(https://malo.example)">x</p>',
        "<svg><script>alert(1)</script></svg>",
        '<img src="https://malo.example/pixel.png">',
        '<base href="https://malo.example">',
    ],
)
def test_nothing_that_acts_or_fetches_is_left(hostile: str) -> None:
    clean = sanitise(f"<p>Hola</p>{hostile}")
    assert "Hola" in clean
    for trace in (
        "script",
        "malo.example",
        "onerror",
        "javascript:",
        "data:",
        "position",
        "<form",
        "<iframe",
    ):
        assert trace not in clean


def test_its_looks_and_links_stay() -> None:
    html = '<table border="1"><tr><td style="color:red">Total</td></tr></table><a href="https://x.example">ver</a>'
    clean = sanitise(html)
    assert "color:red" in clean.replace(" ", "")
    assert 'href="https://x.example"' in clean
    assert "noopener" in clean


def test_pictures_of_the_mail_are_put_in_place_and_remote_ones_only_when_asked_for() -> None:
    html = '<img src="cid:logo@correo"><img src="cid:otra@correo"><img src="https://x.example/a.png">'
    clean = sanitise(html, pictures={"logo@correo": "data:image/png;base64,AAAA"})
    assert clean.count("src=") == 1
    assert "data:image/png;base64,AAAA" in clean
    assert "https://x.example/a.png" in sanitise(html, remote=True)


def test_the_policy_of_the_frame_allows_no_scripts_and_fetches_only_what_was_asked_for() -> None:
    assert "script-src" not in policy(remote=True)
    assert "https:" not in policy(remote=False)
    assert "allow-scripts" not in policy(remote=True)
    assert "allow-same-origin" not in policy(remote=True)
