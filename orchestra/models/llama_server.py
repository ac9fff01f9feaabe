"""The embedded model's server: a process of its own, because loading holds the interpreter's lock and may crash it.

Run as a file with the arguments PATH ALIAS CONTEXT; prints its address, and ends when its standard input ends, so that
it never outlives the process that started it.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def serve(path: str, alias: str, context: int) -> Any:
    """A running llama.cpp server on a free port of 127.0.0.1; it stops when the object goes."""
    import xllamacpp

    params = xllamacpp.CommonParams()  # pyright: ignore[reportAttributeAccessIssue]
    params.model.path = path
    params.model_alias = {alias}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = context
    # More slots, and a prompt cache, would change the batches and with them the output at temperature 0.
    params.n_parallel = 1
    params.cache_prompt = False
    params.cache_ram_mib = 0
    # A second thread spins at barriers on a busy machine and makes it many times slower.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.verbosity = 0
    params.offline = True
    params.ui = False
    return xllamacpp.Server(params)  # pyright: ignore[reportAttributeAccessIssue]


if __name__ == "__main__":
    _, path, alias, context = sys.argv
    server = serve(path, alias, int(context))
    print(server.listening_address, flush=True)
    # Nobody reads on: a full pipe would stop the server.
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    sys.stdin.buffer.read()
