"""orchestra bench intents | sets | tiers | skills: routers on labelled questions, beside the baselines."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestra.cli.contests import SHARE, Encoder, Out, Picture, Routers, Seeds, Set, Train, figure, written
from orchestra.cli.output import columns, one_clear_line
from orchestra.cli.ticker import ticker

Tiers = Annotated[
    list[str] | None, typer.Option("--router", help="auto and auto:likeliest (both by default); no others.")
]
Skills = Annotated[list[str] | None, typer.Option("--router", help="auto (the default) and described; no others.")]
OneSeed = Annotated[int, typer.Option("--seeds", min=1, help="Nothing is drawn here: more than one changes nothing.")]
Known = Annotated[
    str, typer.Option("--context", help="A column that the router may see too, such as what it decided before.")
]
SETS = (
    "top1", "hit_any", "exact", "ceiling", "precision", "recall", "mean_set_size", "oos_auroc", "ece",
    "us_per_decision",
)  # fmt: skip
TIERS = ("accuracy", "sufficient", "mean_tier", "sufficient_at", "ceiling", "embedder")
SKILLS = ("top1", "hit_any_3", "recall_5", "recall_10")


def _command(kind: str, first: Sequence[str], about: str) -> Callable[..., None]:
    """The two contests of labelled questions are asked alike."""

    def command(
        path: Set,
        train: Train = None,
        names: Routers = None,
        seeds: Seeds = 1,
        file: Out = None,
        picture: Picture = None,
        embedder: Encoder = "auto",
        context: Known = "",
    ) -> None:
        _labelled(kind, (path, train), names or first, seeds, context, embedder, (file, picture))

    command.__name__, command.__doc__ = kind, about
    return command


intents = _command(
    "intents",
    ("auto", "auto:set"),
    "Which one of many labels a question has, and whether it has any: intents, tools, agents.",
)
sets = _command(
    "sets",
    ("auto", "auto:3"),
    "Which labels of many a question has, all of them at once: sets of tools, agents, domains.",
)


def tiers(
    path: Set,
    train: Train = None,
    names: Tiers = None,
    seeds: OneSeed = 1,
    file: Out = None,
    picture: Picture = None,
    embedder: Encoder = "auto",
    mean_tier: Annotated[float, typer.Option("--mean-tier", help="The mean tier to keep to, from 0 to 3.")] = 1.22,
) -> None:
    """The cheapest tier of models that suffices for a step. Nothing is drawn: one seed is enough."""
    with one_clear_line():
        from orchestra.evaluation.contests.tiers import AUTO, LIKELIEST, STAGES, load_tiers
        from orchestra.evaluation.contests.tiers import tiers as contest

        _one_seed(seeds)
        judged = load_tiers(path)
        known, judged = _parted(judged, judged.groups) if train is None else (load_tiers(train), judged)
        with ticker(judged.name, STAGES) as told:
            result = contest(known, judged, mean_tier, embedder, told, names or (AUTO, LIKELIEST))
    _shown(result, file, picture, TIERS)


def skills(
    path: Set,
    train: Annotated[
        Path | None,
        typer.Option("--train", help="Descriptions, if not beside PATH; texts, without labels."),
    ] = None,
    names: Skills = None,
    seeds: OneSeed = 1,
    file: Out = None,
    picture: Picture = None,
    embedder: Encoder = "auto",
) -> None:
    """Who is right by its description alone, no example known: tools, services, skills. Nothing is learned or drawn."""
    with one_clear_line():
        from orchestra.evaluation.contests.skills import AUTO, STAGES, load_retrieval
        from orchestra.evaluation.contests.skills import skills as contest

        _one_seed(seeds)
        asked = load_retrieval(path, train)
        known, asked = _parted(asked, asked.texts) if train is None else (load_retrieval(train), asked)
        with ticker(asked.dataset, STAGES) as told:
            result = contest(asked, known.texts, embedder, told, names or (AUTO,))
    _shown(result, file, picture, SKILLS)


def _one_seed(seeds: int) -> None:
    if seeds > 1:
        typer.echo(f"Nothing is drawn here: one seed says what {seeds} would.", err=True)


def _labelled(
    kind: str,
    paths: tuple[Path, Path | None],
    names: Sequence[str],
    seeds: int,
    context: str,
    embedder: str,
    out: tuple[Path | None, Path | None],
) -> None:
    with one_clear_line():
        from orchestra.evaluation.contests import intents as of_intents
        from orchestra.evaluation.contests import sets as of_sets
        from orchestra.evaluation.contests.labelled import load_labelled

        path, train = paths
        if all(name.startswith("auto") for name in names):
            _one_seed(seeds)
        judged = load_labelled(path, context=context)
        if train is None:
            known, judged = _parted(judged, judged.groups)
        else:
            known = load_labelled(train, context=context)
        if kind == "intents":
            contest, stages = of_intents.intents, of_intents.stages(names, range(seeds))
        else:
            contest, stages = of_sets.sets, of_sets.stages(names, range(seeds), len(known))
        with ticker(judged.name, stages) as told:
            result = contest(known, judged, names, range(seeds), embedder, told)
    _shown(result, *out, SETS)


def _parted(rows: Any, groups: Sequence[str]) -> tuple[Any, Any]:
    """70 % and the rest, by a salted hash of what belongs together: public sets are cut by the plain one."""
    buckets = [int(hashlib.sha256(f"contest\n{group}".encode()).hexdigest()[:8], 16) % 100 for group in groups]
    first = [i for i, bucket in enumerate(buckets) if bucket < 100 * SHARE]
    return rows.rows(first), rows.rows([i for i, bucket in enumerate(buckets) if bucket >= 100 * SHARE])


def _shown(result: Mapping[str, Any], file: Path | None, picture: Path | None, keys: Sequence[str]) -> None:
    with one_clear_line():
        written(file, result)
        if picture is not None:
            from orchestra.evaluation.contests.plot import plot_bars

            plot_bars(result, keys[:3], picture)
    rows = [
        {"router": one["name"], **{key.replace("_", " "): figure(one.get(key)) for key in keys}}
        for one in (*result["routers"], *result["baselines"])
    ]
    typer.echo(f"{result['dataset']}: {result['n']:,} questions, {result['embedder']}\n{columns(rows)}")
