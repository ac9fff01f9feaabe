"""A tool behind HTTP, in a process of its own, that answers as its faults have it: python -m ... NAME LEDGER SEED."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HANG_S = 3.0
FAULT_TO_WEIGHT = {
    "limited": 4,
    "refused": 4,
    "garbage": 2,
    "broken": 1,
    "broken after": 1,
    "hang": 1,
    "hang after": 1,
    "die": 1,
    "die after": 1,
}
"""What is wrong with an answer, and how often. Garbage and those with "after" have acted by then."""


class Tool(BaseHTTPRequestHandler):
    """POST /ORDER does the work once more: a line with the order in the ledger, then the answer."""

    ledger: int
    name: str
    rng: random.Random
    chance: float
    lock = threading.Lock()

    def do_POST(self) -> None:
        order = urlsplit(self.path).path.strip("/")
        with self.lock:
            drawn = self.rng.choices(list(FAULT_TO_WEIGHT), list(FAULT_TO_WEIGHT.values()))[0]
            fault = drawn if self.rng.random() < self.chance else ""
        acts = fault in ("", "garbage") or fault.endswith("after")
        if acts:
            os.write(self.ledger, f"{order} {self.name}\n".encode())
        if fault.startswith("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.startswith("hang"):
            time.sleep(HANG_S)
            self.close_connection = True
        elif fault == "limited":
            self._answer(429, b'{"error": "slow down"}', {"Retry-After": "1"})
        elif fault == "refused":
            self._answer(503, b'{"error": "not begun"}')
        elif fault.startswith("broken"):
            self._answer(500, b"<html>")
        elif fault == "garbage":
            self._answer(200, b"\xff\xfe{")
        else:
            self._answer(200, json.dumps({"order": order, "by": self.name}).encode())

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *_: object) -> None:
        """Silent."""


def serve(name: str, ledger: str, seed: str, chance: str) -> None:
    """Serves on a free port of 127.0.0.1, which it says on stdout, until it is killed or its stdin is closed."""
    Tool.name, Tool.rng, Tool.chance = name, random.Random(seed), float(chance)
    Tool.ledger = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Tool)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # The pipe ends with the process that began this one, however that ended.
    sys.stdin.read()


if __name__ == "__main__":
    serve(*sys.argv[1:])
