"""``python -m benchmarks.sets [NAME ...] [--json FOLDER]``: every recorded set under its contest, as Markdown tables.

The sets are found by ORCHESTRA_DATA. Each development part is cut by text, 70 % to learn from and the rest to be judged
on; nothing is chosen on the second.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from orchestra.cli.main import app

DATA = "ORCHESTRA_DATA"
COLUMNS = {
    "outcomes": ("accuracy", "ceiling", "ci95", "cost_per_1k", "aiq", "apgr", "regret"),
    "intents": ("top1", "ceiling", "hit_any", "mean_set_size", "oos_auroc", "ece", "us_per_decision"),
    "sets": ("exact", "ceiling", "hit_any", "precision", "recall", "mean_set_size"),
    "tiers": ("accuracy", "sufficient", "mean_tier", "sufficient_at", "ceiling"),
    "skills": ("top1", "hit_any_3", "recall_5", "recall_10"),
}


class Job(NamedTuple):
    """One set under one contest, with what the command is given besides."""

    kind: str
    name: str
    options: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return " ".join((self.name, *self.options))


JOBS = (
    Job("outcomes", "routerbench_3task"),
    Job("outcomes", "llmrouter_9llm"),
    Job("outcomes", "routerdc_7llm"),
    Job("outcomes", "routellm_mmlu"),
    Job("outcomes", "routellm_gsm8k"),
    Job("outcomes", "bfcl_2024_08", ("--budget", "1.07")),
    Job("outcomes", "swebench_verified_agents"),
    Job("outcomes", "swebench_lite_agents"),
    Job("outcomes", "routerarena_10pct"),
    Job("outcomes", "gsm8k_4systems"),
    Job("outcomes", "llmrouter_nq6"),
    Job("outcomes", "routellm_mtbench"),
    Job("outcomes", "greenserv_partial"),
    Job("intents", "clinc150"),
    Job("intents", "hwu64"),
    Job("intents", "banking77"),
    Job("intents", "taskbench_graphs"),
    Job("intents", "sgd_intents"),
    Job("intents", "sgd_intents", ("--context", "prev")),
    Job("intents", "metatool_single"),
    Job("intents", "apibench"),
    Job("sets", "metatool_multi"),
    Job("sets", "bfcl_multi_turn"),
    Job("sets", "nlupp"),
    Job("sets", "sgd_dialogues"),
    Job("tiers", "twinrouterbench_sub"),
    Job("tiers", "twinrouterbench_emb"),
    Job("tiers", "uncommonroute_tiers"),
    Job("skills", "metatool_single"),
    Job("skills", "sgd_intents"),
    Job("skills", "skill_docs"),
    Job("skills", "bfcl_select"),
    Job("skills", "skillrouter_tasks"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sets", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="kinds or sets; all without one")
    parser.add_argument("--json", type=Path, metavar="FOLDER", help="where every contest's figures are written")
    asked = parser.parse_args(arguments)
    data = Path(os.environ.get(DATA, "../shared/data"))
    if not data.is_dir():
        parser.error(f"{data} is no folder: set {DATA} to where the recorded sets are")
    jobs = [job for job in JOBS if not asked.names or {job.kind, job.name} & set(asked.names)]
    failed = 0
    for job in jobs:
        failed += not _done(job, data, asked.json)
    return 1 if failed else 0


def _done(job: Job, data: Path, folder: Path | None) -> bool:
    """Runs one contest as a user would, prints its table, and says whether it went well."""
    target = (folder or Path(tempfile.gettempdir())) / f"{job.title.replace(' ', '_')}.{job.kind}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    command = ["bench", job.kind, str(data / job.name), *job.options, "--json", str(target)]
    found = CliRunner().invoke(app, command)
    if found.exit_code:
        print(f"\n**{job.title}** ({job.kind}) failed: {found.output}", flush=True)
        return False
    result = json.loads(target.read_text(encoding="utf-8"))
    seconds = time.monotonic() - start
    print(f"\n**{job.title}** ({job.kind}), {result['n']:,} rows, {result['embedder']}, {seconds:.0f} s\n", flush=True)
    print(table(result, COLUMNS[job.kind]), flush=True)
    return True


def table(result: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Routers first, then baselines; what was reached under budgets below it."""
    lines = [f"| | {' | '.join(key.replace('_', ' ') for key in keys)} |", "|---|" + "--:|" * len(keys)]
    for one in (*result["routers"], *result["baselines"]):
        lines.append(f"| {one['name']} | {' | '.join(_cell(one.get(key)) for key in keys)} |")
    for one in result["routers"]:
        for row in one.get("within") or ():
            lines.append(
                f"| {one['name']} within ${row['budget_per_1k']:.3g} ({row['share']:.0%}) | {row['accuracy']:.4f} "
                f"| | | {row['cost_per_1k']:.3g} |" + " |" * (len(keys) - 4)
            )
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "..".join(f"{one:+.4f}" for one in value)
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
