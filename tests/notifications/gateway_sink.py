"""A paging gateway of our own on the loopback, that can be told to misbehave."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

ACCEPTED = b'{"accepted": true}'


class GatewaySink:
    """What was asked of the gateway, and how it answers from now on.

    `sent` are the texts that went on, once for each key: it honours `Idempotency-Key`, as ours must.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.sent: dict[str, dict[str, Any]] = {}
        self.status = 202
        self.answer = ACCEPTED
        self.headers: dict[str, str] = {}
        self.falls_silent = False
        """It takes the message, and never answers."""
        self.over = Event()
        self.url = ""

    def take(self, headers: dict[str, str], body: dict[str, Any]) -> None:
        self.asked.append((headers, body))
        if 200 <= self.status < 300:
            self.sent.setdefault(headers["idempotency-key"], body)


@contextmanager
def gateway() -> Iterator[GatewaySink]:
    """Run it for a while."""
    sink = GatewaySink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            read = self.rfile.read(int(self.headers["Content-Length"]))
            sink.take({name.lower(): value for name, value in self.headers.items()}, json.loads(read))
            if sink.falls_silent:
                sink.over.wait(10)
                return
            self.send_response(sink.status)
            for name, value in {"Content-Length": str(len(sink.answer)), **sink.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sink.answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    sink.url = f"http://127.0.0.1:{server.server_port}/messages"
    try:
        yield sink
    finally:
        sink.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
