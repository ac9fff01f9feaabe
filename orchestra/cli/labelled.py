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
    names: Routers = None,
    seeds: Seeds = 1,
    file: Out = None,
    picture: Picture = None,
    embedder: Encoder = "auto",
    mean_tier: Annotated[float, typer.Option("--mean-tier", help="The mean tier to keep to, from 0 to 3.")] = 1.22,
) -> None:
    """The cheapest tier of models that suffices for a step. Nothing is drawn: one seed is enough."""
    with one_clear_line():
        from orchestra.evaluation.contests.tiers import load_tiers
        from orchestra.evaluation.contests.tiers import tiers as contest

        _only_auto(names)
        judged = load_tiers(path)
        known, judged = _parted(judged, judged.groups) if train is None else (load_tiers(train), judged)
        with ticker(path.name) as told:
            result = contest(known, judged, mean_tier, embedder, told)
    _shown(result, file, picture, TIERS)


def skills(
    path: Set,
    train: Annotated[
        Path | None,
        typer.Option("--train", help="Descriptions, if not beside PATH; texts, without labels."),
    ] = None,
    names: Routers = None,
    seeds: Seeds = 1,
    file: Out = None,
    picture: Picture = None,
    embedder: Encoder = "auto",
) -> None:
    """Who is right by its description alone, no example known: tools, services, skills. Nothing is learned or drawn."""
    with one_clear_line():
        from orchestra.evaluation.contests.skills import load_retrieval
        from orchestra.evaluation.contests.skills import skills as contest

        _only_auto(names)
        with ticker(path.name) as told:
            asked = load_retrieval(path, train)
            known, asked = _parted(asked, asked.texts) if train is None else (load_retrieval(train), asked)
            result = contest(asked, known.texts, embedder, told)
    _shown(result, file, picture, SKILLS)


def _only_auto(names: Sequence[str] | None) -> None:
    from orchestra.core.errors import UnknownRouter

    other = next((name for name in names or () if name != "auto"), None)
    if other is not None:
        raise UnknownRouter(f"{other!r} takes no part here.", remedy="This contest knows --router auto alone.")


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
        from orchestra.evaluation.contests.intents import intents as of_intents
        from orchestra.evaluation.contests.labelled import load_labelled
        from orchestra.evaluation.contests.sets import sets as of_sets

        contest = of_intents if kind == "intents" else of_sets
        path, train = paths
        judged = load_labelled(path, context=context)
        if train is None:
            known, judged = _parted(judged, judged.groups)
        else:
            known = load_labelled(train, context=context)
        with ticker(path.name) as told:
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
