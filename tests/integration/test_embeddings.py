"""Embedders for real: MiniLM on this machine, the embedded model's server as an endpoint for vectors."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from orchestra import Orchestra, agent
from orchestra.embeddings.registry import embedder
from orchestra.models import local

pytestmark = [pytest.mark.local_model, pytest.mark.timeout(60)]
SERVE = """
import sys
import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.model_alias = {"small"}
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 512
params.n_parallel = 1
params.embedding = True
params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
params.cache_ram_mib = 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.verbosity = 0
params.offline = True
params.ui = False
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""
# The first eight numbers of two sentences, from the model run with another program.
KNOWN = {
    "Where is my parcel?": (0.0330, -0.0164, 0.0449, -0.0248, 0.0620, 0.0118, 0.0249, 0.0040),
    "I want my money back, please.": (-0.0182, 0.0413, 0.0034, -0.0032, -0.0471, -0.0277, -0.0131, -0.0210),
}


@agent(description="Says where a parcel is and when it will arrive.")
def parcels(text: str) -> str:
    return "It is on its way."


@agent(description="Gives customers their money back.")
def refunds(text: str) -> str:
    return "It was refunded."


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    command = [sys.executable, "-P", "-c", SERVE, str(local.weights(os.environ))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.stdout.readline().strip() + "/v1"
        process.stdin.close()


def test_minilm_gives_the_vectors_it_is_known_for(tmp_path: Path) -> None:
    minilm = embedder("minilm", cache=tmp_path)
    assert minilm.d == 384 and minilm.name == "minilm-0fc83eb1"
    for text, start in KNOWN.items():
        vector = np.array(minilm.embed(text))
        assert vector[:8] == pytest.approx(start, abs=1e-3) and float(vector @ vector) == pytest.approx(1.0)


def test_minilm_knows_what_words_mean() -> None:
    team = Orchestra(agents=[parcels, refunds], embedder="minilm", router="cheapest")
    for text, name in (("Has my package been shipped yet?", "parcels"), ("Reimburse me!", "refunds")):
        near = {option.name: option.similarity for option in team.route(text).options}
        assert max(near, key=lambda one: near[one]) == name
    team.close()


def test_a_server_of_vectors_is_called_and_charged(url: str) -> None:
    team = Orchestra(
        agents=[parcels, refunds],
        embedder="lab:small",
        base_urls={"lab": url},
        prices={"lab:small": (1, 0)},
        router="linucb",
    )
    result = team.run_sync("Has my package been shipped yet?")
    assert result.status == "done", result.explain()
    (decision,) = result.decisions
    assert decision.marks == "lab:small" and len(decision.x) == 1 + 576
    assert np.linalg.norm(decision.x[1:]) == pytest.approx(1.0, abs=1e-3)
    assert result.usage.requests == 2 and result.usage.nano_usd == 1000 * result.usage.input_tokens > 0
    assert team.run_sync("Has my package been shipped yet?").usage.requests == 0
    team.close()
