"""Each run draws for itself, unless it is told how."""

from contextlib import closing

import pytest

from orchestra import Orchestra, agent, errors


@agent(provides="answer")
def one(text: str) -> str:
    return "one"


@agent(provides="answer")
def two(text: str) -> str:
    return "two"


def outputs(runs: int, **options: int) -> set[str]:
    with closing(Orchestra(agents=[one, two], router="random")) as team:
        return {team.run_sync("hello", to="answer", seed=options.get("seed")).output for _ in range(runs)}


def test_runs_without_a_seed_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORCHESTRA_SEED")
    assert outputs(40) == {"one", "two"}, "this fails once in 2 ** 39 times"
    assert len(outputs(5, seed=3)) == 1


def test_the_variable_fixes_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_SEED", "7")
    assert outputs(10) == outputs(1, seed=7) and len(outputs(10)) == 1
    monkeypatch.setenv("ORCHESTRA_SEED", "seven")
    with pytest.raises(errors.BadNumber, match="no whole number"):
        outputs(1)
