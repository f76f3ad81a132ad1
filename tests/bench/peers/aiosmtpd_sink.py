"""aiosmtpd with a handler that stores nothing: `python aiosmtpd_sink.py PORT`, until it is killed."""

import sys
import threading

from aiosmtpd.controller import Controller


class Sink:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"


Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[1]), data_size_limit=50 * 2**20).start()
threading.Event().wait()
