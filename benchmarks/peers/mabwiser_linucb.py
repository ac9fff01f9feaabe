"""MABWiser, and BLAS's own rank-1 update, of given sizes. ``python -m benchmarks.peers.mabwiser_linucb``."""

import json
import sys
from importlib.metadata import version
from statistics import median
from time import process_time

import numpy as np
from mabwiser.mab import MAB, LearningPolicy
from scipy.linalg.blas import sger


def us(call, times, rounds=3):
    call()
    spent = []
    for _ in range(rounds):
        start = process_time()
        for _ in range(times):
            call()
        spent.append((process_time() - start) / times * 1e6)
    return median(spent)


def sized(d, k):
    rng = np.random.default_rng(0)
    arms = [f"a{n}" for n in range(k)]
    contexts = rng.normal(size=(2 * k, d)) / np.sqrt(d)
    names, rewards = [arms[n % k] for n in range(2 * k)], rng.random(2 * k)
    times = max(1, int(3e6 / (k * (d * d / 10 + 4000))))
    found = {}
    for name, policy in (("linucb", LearningPolicy.LinUCB(alpha=0.3)), ("lints", LearningPolicy.LinTS(alpha=0.25))):
        if name == "lints" and k * d * d > 2e7:
            continue
        mab = MAB(arms, policy)
        mab.fit(names, rewards, contexts)
        one = contexts[:1].tolist()
        found[name] = us(lambda mab=mab, one=one: mab.predict(one), times if name == "linucb" else 1)
        if name == "linucb":
            found["update"] = us(lambda mab=mab, one=one: mab.partial_fit(["a0"], [0.5], one), max(1, times // 4))
    matrix, x = np.asfortranarray(np.eye(d, dtype=np.float32)), contexts[0].astype(np.float32)
    found["ger"] = us(lambda: sger(-1e-9, x, x, a=matrix, overwrite_a=1), 2000)
    return found


if __name__ == "__main__":
    sizes = json.load(sys.stdin)
    print(json.dumps({"sizes": [sized(d, k) for d, k in sizes], "versions": {"mabwiser": version("mabwiser")}}))
