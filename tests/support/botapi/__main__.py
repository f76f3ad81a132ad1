"""The server on its own: python -m tests.support.botapi --listen 127.0.0.1:8081 --token 123456:ABC."""

import argparse
import signal
import sys
import threading

from tests.support.botapi.control import described
from tests.support.botapi.server import DOCUMENTED_LIMITS, BotApi

GUIDE = """\
How to drive it: POST {control}/VERB with the arguments as a JSON object (bytes in base64); the answer is
{{"ok": true, "result": …}}, plain text (transcript) or bytes (file_bytes). For example:

  curl {control}/add_user -d '{{"first_name": "Ana"}}'   → the id of user and private chat
  curl {control}/open_link -d '{{"user": 1000001}}'   → she taps Start
  curl {control}/next_message -d '{{"chat": 1000001, "timeout": 10}}'   → waits for its answer
  curl {control}/tap -d '{{"user": 1000001, "button": "Continuar"}}'
  curl {control}/transcript -d '{{"chat": 1000001}}'
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.botapi",
        description="A strict Telegram Bot API server for tests.",
        epilog=GUIDE.format(control="http://HOST:PORT/control") + "\nVerbs:\n\n" + described(BotApi),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--listen", default="127.0.0.1:8081", metavar="HOST:PORT")
    parser.add_argument("--token", default="123456:TEST")
    parser.add_argument("--no-limits", action="store_true", help="never answer 429 by itself")
    parser.add_argument(
        "--https-only", action="store_true", help="refuse webhooks without https, as Telegram"
    )
    parser.add_argument("--no-privacy", action="store_true", help="the bot sees every message of its groups")
    given = parser.parse_args()
    host, _, port = given.listen.rpartition(":")
    server = BotApi(
        host,
        int(port),
        given.token,
        limits=None if given.no_limits else DOCUMENTED_LIMITS,
        privacy=not given.no_privacy,
        allow_http_webhook=not given.https_only,
    )
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with server:
        words = f"base_url  {server.base_url}\nfile_url  {server.file_url}\ntoken     {server.token}\n"
        words += f"control   {server.control_url}   (GET lists the verbs)\n\n"
        sys.stdout.write(words + GUIDE.format(control=server.control_url))
        sys.stdout.flush()
        over.wait()


if __name__ == "__main__":
    main()
