"""A push service of our own on the loopback, that can be told to misbehave."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

LET_IN = b'{"access_token": "let-in", "expires_in": 3600}'


class PushSink:
    """What was asked of it, and how it answers from now on; `/token` lets in whoever asks."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.let_in: list[bytes] = []
        self.status = 200
        self.answer = b"{}"
        self.headers: dict[str, str] = {}
        self.falls_silent = False
        """It takes the message, and never answers."""
        self.over = Event()
        self.base = ""


@contextmanager
def push_service() -> Iterator[PushSink]:
    """Run it for a while."""
    sink = PushSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            read = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/token":
                sink.let_in.append(read)
                self.reply(200, LET_IN)
                return
            sink.asked.append(
                (self.path, {name.lower(): value for name, value in self.headers.items()}, read)
            )
            if sink.falls_silent:
                sink.over.wait(10)
                return
            self.reply(sink.status, sink.answer)

        def reply(self, status: int, answer: bytes) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **sink.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    sink.base = f"http://127.0.0.1:{server.server_port}"
    try:
        yield sink
    finally:
        sink.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
