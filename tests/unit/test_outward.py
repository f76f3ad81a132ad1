"""Where webhooks may call, and how a call is signed."""

from __future__ import annotations

import base64
import socket
import threading
from contextlib import suppress
from ipaddress import ip_network

import pytest

from intake.errors import InvalidInput
from intake.programs import outward, webhooks


def test_the_signature_is_the_one_of_the_standard() -> None:
    # As the reference library signs it (standardwebhooks 1.1.0 for Python).
    key = base64.b64decode("MfKQ9r8GKYqTwUPD8ELPZFo2LaLaSw==")
    made = webhooks.sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,2F8SUaSOrEQrV9+I4YtyX+w5iJ/e7HTTqTSa9kJGmLQ="


@pytest.mark.parametrize("url", [
    "http://127.0.0.1/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://10.0.0.8/",
    "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/", "https://[fe80::1]/",
    "https://[fd00::1]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://0.0.0.0/",
    "https://2130706433/", "https://0x7f.1/", "https://[2002:7f00:1::]/", "https://224.0.0.1/",
    "https://100.64.0.1/", "http://93.184.216.34/", "ftp://example.com/", "https://u:p@93.184.216.34/",
    "https:///x", "https://a*)/", "https://93.184.216.34:0/", "https://93.184.216.34/a b",
    "https://93.184.216.34/\r\nX: y",
])  # fmt: skip
def test_no_address_leads_into_our_own_network(url: str) -> None:
    with pytest.raises(InvalidInput):
        outward.check_address(url, [])
    with pytest.raises(InvalidInput):
        outward.post(url, {}, b"", [])


def test_a_network_that_is_allowed_by_name_may_be_called_and_no_other() -> None:
    outward.check_address("https://93.184.216.34/", [])
    outward.check_address("http://10.1.2.3:8080/avisos", [ip_network("10.1.0.0/16")])
    with pytest.raises(InvalidInput):
        outward.check_address("http://10.2.2.3/", [ip_network("10.1.0.0/16")])


def test_who_answers_a_byte_now_and_then_does_not_keep_the_others_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outward, "PATIENCE", 0.3)
    said: list[int] = []
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            with suppress(OSError), server.accept()[0] as other:
                other.sendall(b"HTTP/1.1 200 OK\r\n")
                for number in range(90):
                    # This is how slowly the other side speaks.
                    is_over.wait(0.1)
                    other.sendall(b"X-A: b\r\n")
                    said.append(number)

        thread = threading.Thread(target=trickle)
        thread.start()
        with suppress(outward.NotReached):
            outward.post(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, b"", [ip_network("127.0.0.0/8")])
        is_over.set()
        thread.join()
    assert len(said) < 90
