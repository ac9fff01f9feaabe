"""``make fuzz``: every target in turn under libFuzzer, for its part of the time; then what was found.

``python -m tests.fuzz --minutes 60 [TARGET ...]`` divides the time; ``python -m tests.fuzz --replay TARGET FILE`` runs
one input. Corpora and inputs that failed are kept in ``.fuzz/``, so that the next hour goes on where this one ended.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from tests.fuzz.oracle import KEY, REPOSITORY, judge
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

HOME = REPOSITORY / ".fuzz"
MOST_FINDINGS = 20
LARGEST = 64 * 1024
HANG_S = 60
MEMORY_MIB = 2048
LEFT_OVER_S = 15.0
SHOWN_EVERY_S = 30
PROGRESS = re.compile(r"#(\d+)\s.*?cov: (\d+) ft: (\d+) corp: (\d+)/(\S+).*?exec/s: (\d+)")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--replay", nargs=2, metavar=("TARGET", "FILE"))
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; by default all")
    given = parser.parse_args()
    if given.replay:
        os.environ |= {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
        judge(TARGETS[given.replay[0]], Path(given.replay[1]).read_bytes())
        print("nothing is wrong with it")
        return 0
    if unknown := set(given.targets) - set(TARGETS):
        parser.error(f"there is no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    names = given.targets or list(TARGETS)
    print(f"{given.minutes:g} minutes for {', '.join(names)}; corpora and findings in {HOME}", flush=True)
    found = sum(_fuzzed(name, given.minutes * 60 / len(names)) for name in names)
    print(f"{found} finding{'' if found == 1 else 's'} in all", flush=True)
    return 1 if found else 0


def _fuzzed(name: str, seconds: float) -> int:
    """Fuzzes one target for so long, again after each finding. The number of findings."""
    corpus, crashes = HOME / "corpus" / name, HOME / "crashes" / name
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds()[name]:
        (corpus / blake2b(seed, digest_size=20).hexdigest()).write_bytes(seed)
    before = set(crashes.iterdir())
    end, runs, edges, total, broken = time.monotonic() + seconds, 0, 0, "0", 0
    while (left := end - time.monotonic()) > 1 and len(set(crashes.iterdir()) - before) < MOST_FINDINGS:
        known = set(crashes.iterdir())
        for line in _child(name, corpus, crashes, left):
            if shown := PROGRESS.search(line):
                edges, total = max(edges, int(shown[2])), f"{shown[4]} inputs, {shown[5]}"
            elif done := re.search(r"stat::number_of_executed_units:\s*(\d+)", line):
                runs += int(done[1])
        if set(crashes.iterdir()) == known and end - time.monotonic() > LEFT_OVER_S:
            # libFuzzer ended early without an input that failed: the target itself is broken.
            print(f"BROKEN {name}: it ended early; the lines above say why", flush=True)
            broken = 1
            break
    found = sorted(set(crashes.iterdir()) - before)
    print(f"DONE {name}: {seconds:.0f} s, {runs:,} runs, {edges:,} edges, corpus {total}, {len(found)} findings")
    for path in found:
        print(f"FINDING {name}: {path.name}")
        print(f"  replay: {sys.executable} -m tests.fuzz --replay {name} {path}")
    sys.stdout.flush()
    return len(found) + broken


def _child(name: str, corpus: Path, crashes: Path, seconds: float) -> Iterator[str]:
    """The lines of libFuzzer; progress is shown now and then, the end of a failing one as it stands."""
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.child",
        name,
        str(corpus),
        f"-max_total_time={int(seconds)}",
        f"-artifact_prefix={crashes}{os.sep}",
        f"-timeout={HANG_S}",
        f"-rss_limit_mb={MEMORY_MIB}",
        f"-max_len={LARGEST}",
        "-print_final_stats=1",
        "-report_slow_units=600",
        "-len_control=0",
    ]
    environment = os.environ | {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY, "PYTHONDONTWRITEBYTECODE": "1"}
    shown_at, tail = 0.0, list[str]()
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            tail = [*tail[-60:], line]
            if line.startswith("#") and time.monotonic() - shown_at > SHOWN_EVERY_S:
                shown_at = time.monotonic()
                print(f"{name}: {line.strip()[:160]}", flush=True)
            yield line
    if child.returncode:
        print("".join(tail), flush=True)


if __name__ == "__main__":
    sys.exit(main())
