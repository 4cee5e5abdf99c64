"""A service that takes its time: what a release asks of others (advisories, licences, issues), on this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

ANSWER_S = 0.4
ANSWERS = {
    "/advisories": [],
    "/licences/MIT": {"free": True},
    "/issues?release=1.4.0": ["Tides of Brest", "Berths are planned by arrival"],
}


class _Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(ANSWER_S)
        known = self.path in ANSWERS
        body = json.dumps(ANSWERS.get(self.path)).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def service() -> Iterator[str]:
    """Its address, while it runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Service) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
