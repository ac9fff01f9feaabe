"""``python -m tests.fuzz.child TARGET CORPUS OPTIONS``: one target under libFuzzer, which ends the process itself."""

from __future__ import annotations

import random
import sys
from contextlib import suppress

import atheris

# All that is imported from here on, late imports too, tells which of its branches were taken.
with atheris.instrument_imports(include=["orchestra", "jinja2"]):
    from tests.fuzz.mutation import FRAGMENTS, mutated
    from tests.fuzz.oracle import CPU_S, judge
    from tests.fuzz.seeds import seeds
    from tests.fuzz.targets import TARGETS

    # Code that counts its branches takes its time.
    SLOWER = 2.0
    TARGET = TARGETS[sys.argv[1]]
    # What is imported late takes its time once, and no input is to blame for that.
    for seed in seeds()[sys.argv[1]]:
        with suppress(Exception):
            TARGET(seed)

    def change(data: bytes, largest: int, seed: int) -> bytes:
        """Half of the changes know the input's shape, half are libFuzzer's own."""
        rng = random.Random(seed)
        if rng.random() < 0.5:
            return mutated(data, rng, largest)
        return bytes(atheris.Mutate(data or rng.choice(FRAGMENTS), largest))

    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: judge(TARGET, data, SLOWER * CPU_S), custom_mutator=change)
    atheris.Fuzz()
