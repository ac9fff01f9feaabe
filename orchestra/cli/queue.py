"""What persons do: see what runs ask, approve, deny, answer, abandon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestra.cli.output import STATUS_TO_CODE, as_text, one_clear_line, show
from orchestra.cli.team import opened

if TYPE_CHECKING:
    from orchestra.app.result import Result

App = Annotated[
    str | None, typer.Option("--app", help="module:attribute of the team; default: [app] in orchestra.toml.")
]
State = Annotated[
    Path | None, typer.Option(help="A state file instead of a team: answers are recorded for when a run is resumed.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RunId = Annotated[str, typer.Argument(help="The run.")]
Key = Annotated[str | None, typer.Argument(help="The question's key; needed where the run asks for several.")]
Later = Annotated[bool, typer.Option("--later", help="Record it; whoever resumes the run next uses it.")]


def asks(app_name: App = None, state: State = None, as_json: Json = False) -> None:
    """List what paused runs ask, the oldest first."""
    with one_clear_line():
        from orchestra.app.history import history_of
        from orchestra.app.queue import pending
        from orchestra.cli.table import asks_text

        found = pending(history_of(state, app_name, Path.cwd()).store)
    show([one._asdict() for one in found], asks_text(found), as_json)


def approve(
    run_id: RunId,
    key: Key = None,
    app_name: App = None,
    state: State = None,
    later: Later = False,
    as_json: Json = False,
) -> None:
    """Say yes to a call that waits for approval, and go on with its run."""
    _answered(run_id, key, "approval", True, (app_name, state, later, as_json))


def deny(
    run_id: RunId,
    key: Key = None,
    reason: Annotated[str, typer.Option(help="What the run is told.")] = "",
    app_name: App = None,
    state: State = None,
    later: Later = False,
    as_json: Json = False,
) -> None:
    """Say no to a call that waits for approval, and go on with its run."""
    _answered(run_id, key, "approval", {"approved": False, "reason": reason}, (app_name, state, later, as_json))


def answer(
    run_id: RunId,
    key: Annotated[str, typer.Argument(help="The question's key.")],
    value: Annotated[str, typer.Argument(help="JSON, or else it is taken as text.")],
    app_name: App = None,
    state: State = None,
    later: Later = False,
    as_json: Json = False,
) -> None:
    """Answer a question, and go on with its run."""
    _answered(run_id, key, None, _read(value), (app_name, state, later, as_json))


def abandon(run_id: RunId, app_name: App = None, as_json: Json = False) -> None:
    """Give a run up: what it did is undone, the last effect first."""
    with one_clear_line(), opened(app_name) as team:
        result = team.abandon_sync(run_id)
    _ended(result, as_json)


def _answered(
    run_id: str, key: str | None, kind: str | None, value: Any, how: tuple[str | None, Path | None, bool, bool]
) -> None:
    """Resumes the run with the answer; records it where that is wanted, or its workflow is not known here."""
    app_name, state, later, as_json = how
    with one_clear_line():
        from orchestra.app.queue import pending, record, the_key
        from orchestra.core.errors import UnknownWorkflow

        if state is not None:
            import time

            from orchestra.app.history import history_of

            store = history_of(state, None, Path.cwd()).store
            key = the_key(pending(store), run_id, key, kind)
            record(store, run_id, {key: value}, time.time())
            _recorded(run_id, key, as_json)
            return
        with opened(app_name) as team:
            key = the_key(team.asks_sync(), run_id, key, kind)
            result = None
            if not later:
                try:
                    result = team.resume_sync(run_id, answers={key: value})
                except UnknownWorkflow:
                    result = None
            if result is None:
                team.answer_sync(run_id, {key: value})
                _recorded(run_id, key, as_json)
                return
    _ended(result, as_json)


def _recorded(run_id: str, key: str, as_json: bool) -> None:
    text = f"recorded for when the run {run_id} is resumed: {key}"
    show({"run_id": run_id, "key": key, "status": "recorded"}, text, as_json)


def _ended(result: Result, as_json: bool) -> None:
    done = result.status in ("done", "abandoned")
    facts = {
        "run_id": result.run_id,
        "status": result.status,
        "output": result.output if done else None,
        "cause": None if result.cause is None else str(result.cause),
        "asks": result.asks,
    }
    lines = [as_text(result.output)] if done and not isinstance(result.output, str) else []
    lines += [result.output] if done and isinstance(result.output, str) else []
    lines += [] if done else [f"{result.status}: {result.cause}", *(f"{k}: {what}" for k, what in result.asks.items())]
    show(facts, "\n".join([*lines, f"run {result.run_id} · {result.status}"]), as_json)
    raise typer.Exit(STATUS_TO_CODE[result.status])


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
