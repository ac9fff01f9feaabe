"""The guards of conftest.py, each broken on purpose."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import NetworkGuard, NetworkUsed

# A documentation address (RFC 5737): nothing answers there, and the guard stops the call before it leaves.
FAR_AWAY = ("192.0.2.1", 80)

SUITE = {
    "unit/test_offline.py": """
import asyncio, socket, trio
def test_runs_a_loop():
    asyncio.run(asyncio.sleep(0))
    trio.run(trio.sleep, 0)
def test_reaches_this_machine():
    try:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    except Exception:
        pass  # code that swallows the guard's error fails all the same
""",
    "integration/test_online.py": """
import os, socket
def test_may_reach_this_machine():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
def test_sees_no_key():
    assert not [name for name in os.environ if name.endswith("_API_KEY") or name.startswith("OTEL_")]
def test_looks_a_name_up():
    socket.getaddrinfo("example.com", 443)
def test_needs_data(orchestra_data):
    raise AssertionError("not reached")
""",
}


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_no_connection_leaves_this_machine(kind: int, network_guard: NetworkGuard) -> None:
    with socket.socket(socket.AF_INET, kind) as outgoing:
        with pytest.raises(NetworkUsed, match=r"beyond this machine"):
            outgoing.connect(FAR_AWAY)
        with pytest.raises(NetworkUsed, match=r"beyond this machine"):
            outgoing.connect_ex(FAR_AWAY)
    assert len(network_guard.refused) == 2
    network_guard.refused.clear()


def test_no_datagram_leaves_this_machine(network_guard: NetworkGuard) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outgoing,
        pytest.raises(NetworkUsed, match=r"beyond this machine"),
    ):
        outgoing.sendto(b"x", FAR_AWAY)
    network_guard.refused.clear()


def test_this_machine_may_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_the_guards_fail_a_suite_that_breaks_them(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent.parent / "conftest.py", tmp_path)
    for name, text in SUITE.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "OPENAI_API_KEY": "k", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector"}
    environment.pop("ORCHESTRA_DATA", None)
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = {line.split(" - ")[0] for line in process.stdout.splitlines()}
    assert {
        "PASSED unit/test_offline.py::test_runs_a_loop",
        "ERROR unit/test_offline.py::test_reaches_this_machine",
        "PASSED integration/test_online.py::test_may_reach_this_machine",
        "PASSED integration/test_online.py::test_sees_no_key",
        "FAILED integration/test_online.py::test_looks_a_name_up",
    } <= verdicts, process.stdout + process.stderr
    assert "ORCHESTRA_DATA is not set" in process.stdout
