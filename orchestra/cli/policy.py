"""orchestra policy export | train | import | diff | pin | unpin, and orchestra routers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from orchestra.cli.output import columns, one_clear_line, show
from orchestra.cli.team import opened

policy = typer.Typer(no_args_is_help=True, help="What a router has learned, as a file: take it out, in, compare, pin.")

App = Annotated[
    str | None, typer.Option("--app", help="module:attribute of the team; default: [app] in orchestra.toml.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
File = Annotated[Path, typer.Argument(help="A policy file.")]


@policy.command("export")
def export_policy(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    router: Annotated[str | None, typer.Option(help="A router by its name, with --state: no team is needed.")] = None,
    state: Annotated[Path | None, typer.Option(help="The state file, with --router.")] = None,
    by: Annotated[str, typer.Option(help="Who made it, for the reader.")] = "",
    app_name: App = None,
    as_json: Json = False,
) -> None:
    """Write what a team's router knows to a file."""
    with one_clear_line():
        from orchestra.app.policies import exported, stored_policy
        from orchestra.app.policy import write_policy
        from orchestra.core.errors import BadInput

        if (router is None) != (state is None):
            raise BadInput("--router and --state go together.", remedy="Give both, or a team.")
        if router is not None and state is not None:
            made = stored_policy(state, router, by)
        else:
            with opened(app_name) as team:
                made = exported(team, by)
        write_policy(made, file)
    facts = {"file": str(file), "policy": made.label, "options": made.options, "sha256": made.digest}
    show(facts, f"{made.label}: {made.options} options, to {file}", as_json)


@policy.command("train")
def train_policy(
    path: Annotated[Path, typer.Argument(help="A folder with models.json and outcomes.jsonl[.gz], or the file.")],
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    embedder: Annotated[
        str, typer.Option(help="By name, such as minilm+0.7*hashed:4096; auto: that if it is installed, else hashed.")
    ] = "auto",
    price: Annotated[float, typer.Option(help="How much score a dollar is worth.")] = 0.0,
    budget: Annotated[
        float | None, typer.Option(help="Or dollars for a thousand tasks, from which it follows.")
    ] = None,
    clip: Annotated[bool, typer.Option("--clip", help="Take scores outside [0, 1] as the nearer end.")] = False,
    as_json: Json = False,
) -> None:
    """Train a router on recorded outcomes, and write what serves it to a file."""
    with one_clear_line():
        from orchestra.app.policy import write_policy
        from orchestra.cli.bench import bar
        from orchestra.evaluation.load import load
        from orchestra.evaluation.training import trained_policy

        outcomes = load(path, clip=clip)
        with bar("rows", len(outcomes)) as advance:
            made = trained_policy(outcomes, embedder, price=price, budget_per_1k=budget, told=advance)
        write_policy(made, file)
    n, k = len(outcomes), outcomes.k
    facts = {"file": str(file), "policy": made.label, "rows": n, "options": k, "embedder": made.marks}
    text = f"{made.label}: {k} options from {n:,} rows on {made.marks}, to {file}\n"
    show(facts, text + f"Serve it: Orchestra(router='policy:{file}', embedder='policy:{file}')", as_json)


@policy.command("import")
def import_policy(
    file: File,
    add: Annotated[bool, typer.Option("--add", help="Add it to what the team has learned itself.")] = False,
    app_name: App = None,
    as_json: Json = False,
) -> None:
    """Take what a file knows into a team's state, to go on learning from there."""
    with one_clear_line():
        from orchestra.app.policies import imported
        from orchestra.app.policy import read_policy

        taken = read_policy(file)
        with opened(app_name) as team:
            count = imported(team, taken, add=add)
    show({"policy": taken.label, "options": count}, f"{taken.label}: {count} options taken in", as_json)


@policy.command()
def diff(
    one: File,
    two: File,
    log: Annotated[Path | None, typer.Option("--log", help="A state file: compare on its decisions.")] = None,
    as_json: Json = False,
) -> None:
    """Say what became of one policy in another."""
    with one_clear_line():
        from orchestra.app.policies import decisions_in, difference
        from orchestra.app.policy import read_policy

        found = difference(read_policy(one), read_policy(two), [] if log is None else decisions_in(log))
    show(found, _diff_text(found), as_json)


@policy.command()
def pin(
    file: Annotated[Path | None, typer.Argument(help="A policy file; default: what the team knows now.")] = None,
    app_name: App = None,
    as_json: Json = False,
) -> None:
    """Have a team serve one policy and learn nothing, until it is unpinned."""
    with one_clear_line():
        from orchestra.app.policies import pinned
        from orchestra.app.policy import read_policy

        with opened(app_name) as team:
            kept = pinned(team, None if file is None else read_policy(file))
    show({"pinned": kept.label, "sha256": kept.digest}, f"pinned to {kept.label}", as_json)


@policy.command()
def unpin(app_name: App = None, as_json: Json = False) -> None:
    """Have a team go on with its own router, where it stopped."""
    with one_clear_line(), opened(app_name) as team:
        from orchestra.app.policies import unpinned

        unpinned(team)
    show({"pinned": None}, "unpinned", as_json)


def routers(as_json: Json = False) -> None:
    """Every router by name: when it decides, what it looks at, how, what it has to be told; with --json its source."""
    with one_clear_line():
        from orchestra.app.routers import router_rows

        rows = router_rows()
    texts = [{key: _cell(value) for key, value in row.items() if key != "source"} for row in rows]
    show(rows, columns(texts), as_json)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _diff_text(found: dict[str, Any]) -> str:
    one, two = found["policies"]
    lines = [f"{one} -> {two}" + (": the same" if found["same"] else "")]
    lines += [f"router: {a} -> {b}" for a, b in [found["routers"]] if a != b]
    lines += [f"features: {a} -> {b}" for a, b in [found["features"]] if a != b]
    lines += [f"{what}: {', '.join(found[what])}" for what in ("added", "removed") if found[what]]
    rows = [
        {
            "name": row["name"],
            "pulls": " -> ".join(map(str, row["pulls"])),
            "estimate": " -> ".join("-" if value is None else f"{value:.3f}" for value in row["estimates"]),
        }
        for row in found["options"]
    ]
    lines += [columns(rows)] if rows else []
    if (log := found["log"]) is not None:
        apart = "" if log["scores_apart"] is None else f"; scores differ by {log['scores_apart']:.3f} on average"
        lines.append(f"on {log['decisions']} decisions: another choice in {log['differ']:.1%}{apart}")
    return "\n".join(lines)
