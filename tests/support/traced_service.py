"""A service of somebody else's: a tool and a model behind HTTP, traced by hand in a process of its own.

Prints its port, then answers until its input ends. ``GET /spans`` tells (path, trace id, parent's id, id, baggage) of
each request.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry import baggage, propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

REPLY = {
    "id": "r1",
    "object": "chat.completion",
    "created": 0,
    "model": "fake-1",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Blue."}}],
    "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
}
provider = TracerProvider()
seen: list[tuple[str, int, int, int, str]] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(seen)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        context = propagate.extract({key.lower(): value for key, value in self.headers.items()})
        with provider.get_tracer("service").start_as_current_span(self.path, context, SpanKind.SERVER) as span:
            ids, above = span.get_span_context(), trace.get_current_span(context).get_span_context()
            shop = str(baggage.get_baggage("shop", context))
            seen.append((self.path, ids.trace_id, above.span_id, ids.span_id, shop))
            self.answer(REPLY if self.path.endswith("/chat/completions") else {"colour": "blue"})

    def answer(self, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        print(server.server_port, flush=True)
        sys.stdin.read()
        server.shutdown()
