"""Recorded outcomes to a policy file that a team serves, choice by choice as the contest predicted it."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestra import Orchestra, agent
from orchestra.app.carried import Carried, carried, in_policy
from orchestra.app.policies import difference, exported, imported, pinned
from orchestra.app.policy import Policy, read_policy, write_policy
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion, UnknownName
from orchestra.embeddings.hashed import HashedEmbedder
from orchestra.embeddings.registry import embedder
from orchestra.evaluation.baselines import Predicted, thrifty
from orchestra.evaluation.contests.entrants import Expected, Part, favours, trained
from orchestra.evaluation.contests.features import features, with_surface
from orchestra.evaluation.load import load
from orchestra.evaluation.outcomes import OutcomeSet
from orchestra.evaluation.training import trained_policy
from orchestra.routing.learners.pretrained import Pretrained
from orchestra.routing.state.sums import SHARED

NUMBERS, THINGS = ("three", "seven", "nine", "twelve", "twenty"), ("rain", "sea", "moon", "autumn", "bird")
SUMS = [f"How much is {a} times {b}?" for a in NUMBERS for b in NUMBERS]
POEMS = [f"Write a verse on the {a} and the {b}." for a in THINGS for b in THINGS]
HASHED = "hashed:256"


@agent(provides="answer", cost_usd=0.001)
def calculator(text: str) -> str:
    return "21"


@agent(provides="answer", cost_usd=0.001)
def poet(text: str) -> str:
    return "O rain"


@agent(provides="answer", cost_usd=0.001)
def newcomer(text: str) -> str:
    """Neither."""
    return "?"


def outcomes(texts: tuple[str, ...] = (*SUMS, *POEMS), **changes: Any) -> OutcomeSet:
    right = np.array([text in SUMS for text in texts])
    return OutcomeSet(
        **{
            "options": ("calculator", "poet"),
            "ids": tuple(map(str, range(len(texts)))),
            "texts": texts,
            "tasks": tuple("sums" if one else "poems" for one in right),
            "scores": np.stack([right, ~right], axis=1).astype(np.float64),
            **changes,
        }
    )


KEPT = outcomes((*SUMS[:-4], *POEMS[:-4]))
ASKED = outcomes((*SUMS[-4:], *POEMS[-4:]))


def team(file: Path, **options: Any) -> Orchestra:
    given = {"router": f"policy:{file}", "embedder": f"policy:{file}", **options}
    return Orchestra(agents=[calculator, poet], **given)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "trained.json"
    write_policy(trained_policy(KEPT, HASHED), path)
    return path


def predicted(known: OutcomeSet, asked: OutcomeSet, name: str = HASHED) -> Expected:
    """What the contest expects of these questions."""
    seen = with_surface(features(known.texts, asked.texts, name), known.texts, asked.texts)
    return trained(Part(known, seen.train, seen.train), Part(asked, seen.test, seen.test))


def test_a_team_serves_what_was_trained(file: Path) -> None:
    expected = predicted(KEPT, ASKED)
    with closing(team(file)) as served:
        for row, text in enumerate(ASKED.texts):
            made = served.route(text, to="answer", seed=1)
            assert made.chosen == (ASKED.options[int(ASKED.scores[row].argmax())],)
            assert made.policy == read_policy(file).label and made.marks == in_policy(file).name
            name_to_score = {option.name: option.score for option in made.options}
            scores = [name_to_score[name] or 0.0 for name in ASKED.options]
            assert expected.far[row] or scores == pytest.approx(expected.predicted.scores[row], abs=1e-5)
            assert np.argmax(scores) == expected.shares(0.0)[row].argmax()
        before = exported(served).digest
        served.feedback_sync(served.run_sync(ASKED.texts[0], to="answer", seed=1).run_id, 0.0)
        assert exported(served).digest == before == read_policy(file).digest, "it learns nothing while it serves"


def test_what_is_served_of_outcomes_with_costs_is_favoured_as_in_the_contest() -> None:
    priced = outcomes(costs_usd=np.tile([0.05, 0.001], (50, 1)))
    router = trained_policy(priced, HASHED, price=1.0).router()
    assert isinstance(router, Pretrained) and router.served is not None
    assert list(router.served.bonus) == favours(priced).tolist() == pytest.approx([0.0, 0.034])


def test_an_agent_that_was_not_trained_on_has_its_prior(file: Path) -> None:
    with closing(team(file)) as served:
        served.register(newcomer)
        made = served.route(SUMS[-1], to="answer", seed=1)
        (new,) = (option for option in made.options if option.name == "newcomer")
        assert new.score == new.prior and made.chosen == ("calculator",)


def test_other_features_are_refused(file: Path) -> None:
    for name in ("hashed", HASHED):
        with (
            closing(team(file, embedder=name)) as other,
            pytest.raises(BadDefinition, match="was learned on 272 features"),
        ):
            other.route(SUMS[0], to="answer")


def test_pin_import_and_diff(file: Path, tmp_path: Path) -> None:
    policy = read_policy(file)
    options: dict[str, Any] = {"embedder": f"policy:{file}", "state": tmp_path / "team.db"}
    with closing(team(file, router="linucb", **options)) as other:
        pinned(other, policy)
        assert other.route(POEMS[-1], to="answer", seed=1).policy == policy.label
        assert exported(other).digest == policy.digest
    with closing(team(file, router="trained", learn=False, **options)) as mine:
        assert imported(mine, policy) == 2
        assert mine.route(POEMS[-1], to="answer", seed=1).chosen == ("poet",)
        assert exported(mine).state == policy.state
        with pytest.raises(BadDefinition, match="cannot be added"):
            imported(mine, trained_policy(replace(KEPT, scores=1.0 - KEPT.scores), HASHED), add=True)
    found = difference(policy, trained_policy(outcomes(), HASHED))
    assert [row["name"] for row in found["options"]] == ["calculator", "poet"] and found["options"][0]["pulls"] == [
        42,
        50,
    ]
    assert found["features"][0] != found["features"][1] and not found["added"]


def test_the_price_of_a_dollar_is_part_of_the_policy(tmp_path: Path) -> None:
    priced = outcomes(costs_usd=np.tile([0.05, 0.001], (50, 1)))
    chosen = {}
    for price in (0.0, 1000.0):
        policy = trained_policy(priced, HASHED, price=price)
        write_policy(policy, tmp_path / "p.json")
        with closing(team(tmp_path / "p.json")) as served:
            chosen[price] = served.route(SUMS[0], to="answer", seed=1).chosen[0]
    assert chosen == {0.0: "calculator", 1000.0: "poet"}
    assert read_policy(tmp_path / "p.json").spec["parameters"]["price"] == 1000.0
    unknown = outcomes(costs_usd=np.tile([np.nan, 0.001], (50, 1)))
    for bad in (outcomes(), unknown):
        with pytest.raises(BadDefinition, match="cost"):
            trained_policy(bad, HASHED, price=1.0)


def test_a_budget_is_a_price_that_keeps_it() -> None:
    """The contest's: the least at which rows that it did not learn from keep the budget."""
    costs = np.tile([0.05, 0.001], (50, 1))
    priced = outcomes(costs_usd=costs)
    seen = with_surface(features(priced.texts, priced.texts, HASHED), priced.texts, priced.texts)
    scores, paid, fold = np.zeros((50, 2)), np.zeros((50, 2)), priced.folds(3)
    for i in range(3):
        known, asked = (Part(priced.rows(rows), seen.train[rows], seen.train[rows]) for rows in (fold != i, fold == i))
        scores[fold == i], paid[fold == i] = trained(known, asked).predicted
    left_out = Predicted(scores, paid)
    budget_to_price = {}
    for budget in (60.0, 10.0, 1.0):  # all sums to the dear one are 25.5 dollars a thousand
        router = trained_policy(priced, HASHED, budget_per_1k=budget).router()
        assert isinstance(router, Pretrained)
        price = budget_to_price[budget] = router.price
        spent = float((thrifty(left_out, price) * costs).sum(axis=1).mean()) * 1000
        assert spent <= budget * (1 + 1e-9)
        assert price == 0.0 or (thrifty(left_out, 0.99 * price) * costs).sum(axis=1).mean() * 1000 > budget
    assert 0.0 == budget_to_price[60.0] < budget_to_price[10.0] < budget_to_price[1.0]
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(BadNumber, match="budget_per_1k"):
            trained_policy(priced, HASHED, budget_per_1k=bad)
    with pytest.raises(BadDefinition, match="one of them"):
        trained_policy(priced, HASHED, budget_per_1k=1.0, price=1.0)
    with pytest.raises(BadDefinition, match="cost is missing"):
        trained_policy(outcomes(), HASHED, budget_per_1k=1.0)


def test_an_embedder_of_your_own_is_given_to_the_team_as_well(tmp_path: Path) -> None:
    mine = HashedEmbedder.fit(KEPT.texts, 128)
    write_policy(trained_policy(KEPT, mine), tmp_path / "p.json")
    with closing(team(tmp_path / "p.json", embedder=mine)) as served:
        assert served.route(SUMS[-1], to="answer", seed=1).chosen == ("calculator",)
        assert served.route(POEMS[-1], to="answer", seed=1).chosen == ("poet",)
    with pytest.raises(BadDefinition, match="holds no features"):
        team(tmp_path / "p.json")


def test_progress_is_told() -> None:
    told: list[tuple[int, str]] = []
    trained_policy(KEPT, HASHED, told=lambda count, text: told.append((count, text)))
    assert sum(count for count, _ in told) == len(KEPT) and told[-1] == (0, "solving")


def test_outcomes_that_are_nothing_to_train_on() -> None:
    with pytest.raises(BadDefinition, match="no texts"):
        trained_policy(replace(outcomes(), texts=()), HASHED)
    with pytest.raises(BadDefinition):
        trained_policy(KEPT.rows([]), HASHED)
    with pytest.raises(UnknownName):
        trained_policy(KEPT, "nobody")
    with pytest.raises(BadDefinition, match="nothing is downloaded"):
        trained_policy(KEPT, "hub:some/model")
    with pytest.raises(BadNumber, match="price"):
        trained_policy(KEPT, HASHED, price=-1.0)


def test_carried_features_are_those_of_training() -> None:
    for name in (HASHED, "complexity+0.5*hashed:64", "structure"):
        one = Carried.fit(name, KEPT.texts)
        two = carried(json.loads(json.dumps(one.to_plain())))
        assert (two.name, two.d) == (one.name, one.d) and "How" not in json.dumps(one.to_plain())
        assert np.array_equal(one.matrix(ASKED.texts), two.matrix(ASKED.texts))
        plain = embedder(name, KEPT.texts)
        assert np.allclose(
            two.matrix(ASKED.texts)[:, : plain.d], [plain.embed(text) for text in ASKED.texts], atol=1e-6
        )
    assert Carried.fit(HASHED, ASKED.texts).name != Carried.fit(HASHED, KEPT.texts).name


def test_carried_features_that_cannot_be_used(file: Path, tmp_path: Path) -> None:
    good = Carried.fit(HASHED, KEPT.texts).to_plain()
    with pytest.raises(JournalVersion):
        carried({**good, "version": 2})
    for change in ({"idf": "%"}, {"grams": 3}, {"mean": good["idf"]}, {"checksums": None}, {"grams": "x"}):
        with pytest.raises(BadNumber, match="features are damaged"):
            carried({**good, **change})
    whole = read_policy(file)
    state = {**whole.state, SHARED: {**whole.state[SHARED], "features": {**good, "embedder": "hub:a/b"}}}
    write_policy(Policy(name="trained", spec=whole.spec, state=state), tmp_path / "p.json")
    with pytest.raises(BadDefinition, match="nothing is downloaded"):
        in_policy(tmp_path / "p.json")


def test_on_a_public_set_the_served_choice_is_the_benchs(orchestra_data: Path, tmp_path: Path) -> None:
    whole = replace(load(orchestra_data / "routellm_gsm8k"), options=("calculator", "poet"))
    known, asked = whole.rows(range(600)).split(0.8, "served")
    said = predicted(known, asked, "hashed:512")
    expected = said.predicted
    gains, excess = (table[:, 1] - table[:, 0] for table in expected)
    price = round(float(np.median(gains / excess)), 3)
    write_policy(trained_policy(known, "hashed:512", price=price), tmp_path / "p.json")
    values, best = expected.scores - price * expected.costs_usd, said.shares(price).argmax(axis=1)
    with closing(team(tmp_path / "p.json", learn=False)) as served:
        for row, text in enumerate(asked.texts):
            made = served.route(text, to="answer", seed=1)
            name_to_score = {option.name: option.score for option in made.options}
            assert [name_to_score[name] for name in asked.options] == pytest.approx(values[row], abs=1e-5)
            if abs(values[row, 0] - values[row, 1]) > 1e-3:
                assert max(name_to_score, key=lambda name: name_to_score[name] or 0.0) == asked.options[best[row]]
    assert len(best) > 80 and 10 < best.sum() < len(best) - 10, "both are chosen"
