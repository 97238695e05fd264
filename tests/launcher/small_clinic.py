"""A clinic small enough to start in a moment: its web process counts its answers in both servers.

Copied beside the launcher by the tests, it stands for the whole application wherever a case is about servers
and processes only.
"""

import http.server
import json
import os

import psycopg
import redis


class Desk(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        try:
            with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=2) as connection:
                connection.execute("INSERT INTO visits DEFAULT VALUES")
                row = connection.execute("SELECT count(*), current_user FROM visits").fetchone()
            with redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2) as client:
                client.eval("return 1", 0)  # Celery's transport runs scripts
                hits = client.incr("hits")
            status, body = 200, {"rows": row and row[0], "role": row and row[1], "hits": hits}
        except (psycopg.Error, redis.RedisError) as error:
            status, body = 503, {"error": str(error)}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS visits (at timestamptz DEFAULT now())")
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Desk).serve_forever()
