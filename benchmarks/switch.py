"""``python -m benchmarks.switch [--trials N]``: from a 429 that wants a long wait to the request at the other model."""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

CASES = (
    ("openai", "openai", False),
    ("openai", "anthropic", False),
    ("anthropic", "openai", False),
    ("openai", "openai", True),
)
"""(vendor of the first model, vendor of the second, with a journal)."""
TARGET_MS = 50.0


class Limited(BaseHTTPRequestHandler):
    """Refuses the model 'limited' and notes when it had done so, and when it was asked for another one."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, float]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if body["model"] == "limited":
            self._send(429, {"error": {"message": "slow down"}})
            self.seen.append(("refused", time.monotonic()))
            return
        self.seen.append(("asked", time.monotonic()))
        message = {"content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"}
        choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
        self._send(200, {"model": "m", "choices": [choice], **message})

    def do_GET(self) -> None:
        told, self.seen[:] = list(self.seen), []
        self._send(200, told)

    def _send(self, status: int, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.send_header("content-type", "application/json")
        if status == 429:
            self.send_header("retry-after", "30")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Silent."""


def serve(pipe: Connection) -> None:
    """In a process of its own, so that it does not wait for the interpreter of what is measured."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Limited)
    server.daemon_threads = True
    pipe.send(server.server_port)
    server.serve_forever(poll_interval=0.05)


def seen(port: int) -> list[tuple[str, float]]:
    from urllib.request import urlopen

    with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        told: list[tuple[str, float]] = [(kind, at) for kind, at in json.load(answer)]
    return told


async def switches(port: int, first: str, second: str, journal: bool, trials: int) -> list[float]:
    """Milliseconds of each switch; the first is that of fresh clients."""
    from orchestra import Agent, Orchestra
    from orchestra.models.anthropic import AnthropicModel
    from orchestra.models.openai import OpenAIModel

    kinds: dict[str, Any] = {"openai": OpenAIModel, "anthropic": AnthropicModel}
    url = f"http://127.0.0.1:{port}/v1"
    clients = {
        f"{first}:limited": kinds[first]("limited", base_url=url),
        f"{second}:good": kinds[second]("good", base_url=url),
    }
    talker = Agent("talker", model=list(clients))
    found: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for trial in range(trials + 1):
            # What one run is told, all runs of a team know: each trial needs a team that was told nothing.
            state = Path(folder, f"{trial}.db") if journal else None
            async with Orchestra(
                agents=[talker],
                models=clients,
                prices=dict.fromkeys(clients, (1, 1)),
                router="fixed",
                state=state,
                journal=journal,
            ) as team:
                result = await team.run("hello", to="talker")
            (refused, at), (asked, then) = await asyncio.to_thread(seen, port)
            if (result.output, refused, asked) != ("hi", "refused", "asked"):
                raise RuntimeError(f"trial {trial} went another way: {result.explain()}")
            found.append((then - at) * 1000)
    for client in clients.values():
        await client.aclose()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.switch", description=__doc__)
    parser.add_argument("--trials", type=int, default=200, help="how often each case is measured (200)")
    trials = max(2, parser.parse_args(arguments).trials)
    here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    port = here.recv()
    print(f"{trials} trials a case, ms from the 429 to the next model's request\n")
    print("| | first in the process | median | p99 | most | under 50 ms |\n|---|--:|--:|--:|--:|--:|")
    for first, second, journal in CASES:
        cold, *warm = asyncio.run(switches(port, first, second, journal, trials))
        p99 = statistics.quantiles(warm, n=100, method="inclusive")[98]
        quick = sum(value < TARGET_MS for value in warm)
        name = f"{first} to {second}{', with a journal' if journal else ''}"
        median = statistics.median(warm)
        print(f"| {name} | {cold:.1f} | {median:.1f} | {p99:.1f} | {max(warm):.1f} | {quick} of {trials} |", flush=True)
    server.terminate()
    server.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
