"""A PostgreSQL server of the tests' own, where its programs are installed; a schema of its own for each test."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

FOLDERS = "/usr/lib/postgresql/*/bin"
FAST = "-c fsync=off -c max_connections=40 -c shared_buffers=16MB"


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, the newest where there are several; None where there is none."""
    found = [path.parent for path in Path("/").glob(FOLDERS.lstrip("/") + "/initdb")]
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    return max(found, key=lambda path: [int(part) for part in path.parts if part.isdigit()], default=None)


def refusal() -> str | None:
    """Why no server can be started here, None where one can."""
    if programs() is None:
        return "PostgreSQL is not installed: apt-get install postgresql"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "PostgreSQL does not run as root, and there is no user postgres"
    return None


@contextmanager
def server() -> Iterator[str]:
    """The address of a server that lives as long as the block: 'postgresql://postgres@127.0.0.1:PORT/postgres'."""
    folder, bin_ = Path(tempfile.mkdtemp(prefix="orchestra-pg-")), programs()
    assert bin_ is not None
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data, port = str(folder / "data"), _free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} {FAST}"
    try:
        _as_its_user([str(bin_ / "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--no-sync"], folder)
        _as_its_user([str(bin_ / "pg_ctl"), "-D", data, "-l", f"{folder}/log", "-o", options, "-w", "start"], folder)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _as_its_user([str(bin_ / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def schema(address: str, name: str) -> str:
    """The address with a fresh schema first on the search path."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{name}"')
    return f"{address}?options={quote(f'-csearch_path={name}')}"


def _as_its_user(command: Sequence[str], folder: Path) -> None:
    user = "postgres" if os.geteuid() == 0 else None
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    # pg_ctl leaves the server behind with the pipes it was given, so its words go to a file.
    with (folder / "said").open("a+") as said:
        done = subprocess.run(
            command,
            cwd=folder,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            env=environment,
            stdout=said,
            stderr=said,
        )
        if done.returncode:
            said.seek(0)
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {said.read()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
