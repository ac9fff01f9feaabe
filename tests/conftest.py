"""What holds in every test: no keys from outside, no network beyond this machine, no network at all for logic."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
# Relative to the folder of this file; what lies there may not even connect to this machine.
OFFLINE_FOLDERS = ("unit", "laws")
# Where a change is judged the draws are the same each time: what new draws find is not that change's. Everywhere else
# they are new. Shared machines stall; a deadline would measure the neighbours.
BASE = settings.get_profile("ci" if os.environ.get("CI") else "default")
settings.register_profile("orchestra", BASE, deadline=None, print_blob=True)
settings.load_profile("orchestra")


class NetworkUsed(RuntimeError):
    """A test reached for the network."""


class NetworkGuard:
    """Refuses connections and look-ups, and remembers them: code that swallows the error still fails its test."""

    def __init__(self) -> None:
        self.offline = False
        self.refused: list[str] = []

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Python's audit hook: sees every socket, whichever library opened it."""
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self._check(event, args[1])
        elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
            self._check(event, args)

    def _check(self, event: str, address: Any) -> None:
        # None: a datagram on a socket that was connected, and so checked, before.
        if address is None or (not self.offline and _is_local(address)):
            return
        self.refused.append(f"{event} {address!r}")
        where = "at all (tests of logic)" if self.offline else "beyond this machine"
        raise NetworkUsed(f"{event} {address!r}: this test may not use the network {where}; use a scripted model")


def _is_local(address: Any) -> bool:
    """Whether an address, as the socket module reports it, stays on this machine."""
    if isinstance(address, str | bytes):
        return True  # a Unix socket's path
    host = address[0] if isinstance(address, tuple) and address else None
    text = host.decode() if isinstance(host, bytes) else host
    return text is None or text in ("", "localhost", "::1", "0.0.0.0", "::") or str(text).startswith("127.")


_guard = NetworkGuard()
sys.addaudithook(_guard.audit)


def _comes_from_outside(name: str) -> bool:
    """Whether a variable could hand a test a key, a paid endpoint or a trace exporter."""
    if name == "ORCHESTRA_DATA":
        return False
    return name.endswith("_API_KEY") or name.startswith(("OPENAI_", "ANTHROPIC_", "OTEL_", "ORCHESTRA_"))


@pytest.fixture(scope="session", autouse=True)
def scrubbed_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if _comes_from_outside(name)]:
            patch.delenv(name)
        patch.setenv("ORCHESTRA_SEED", "0")  # a test that means to draw for itself unsets it
        yield


@pytest.fixture(autouse=True)
def network_guard(request: pytest.FixtureRequest) -> Iterator[NetworkGuard]:
    """Watches each test; one that provokes it on purpose empties `refused` itself."""
    folder = request.path.relative_to(Path(__file__).parent).parts[0]
    _guard.refused.clear()
    _guard.offline = folder in OFFLINE_FOLDERS
    yield _guard
    _guard.offline = False
    if _guard.refused:
        pytest.fail("the network was used: " + "; ".join(_guard.refused))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def orchestra_data() -> Path:
    """The folder of public data sets that some measurements need; it is not part of the repository."""
    named = os.environ.get("ORCHESTRA_DATA")
    folder = ROOT.parent / "shared" / "data" if named is None else Path(named)
    if not folder.is_dir():
        pytest.skip(f"ORCHESTRA_DATA is {'not set' if named is None else 'no folder'}: point it at the data sets")
    return folder
