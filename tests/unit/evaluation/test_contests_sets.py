"""Several labels for each text."""

import dataclasses
import random

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, BadNumber, UnknownRouter
from orchestra.evaluation.contests.labelled import Labelled
from orchestra.evaluation.contests.sets import Sizes, sets, sizes, stages

WORDS = {"play": "song album singer", "book": "table dinner guests", "rain": "sun wind cold", "ride": "taxi driver car"}


def labelled(n: int, seed: int, least: int = 1, most: int = 2, groups: int = 1000) -> Labelled:
    rng = random.Random(seed)
    chosen = [rng.sample(sorted(WORDS), rng.randint(least, most)) for _ in range(n)]
    texts = tuple(" ".join(w for one in own for w in rng.sample(WORDS[one].split(), 2)) for own in chosen)
    return Labelled(name="toy", texts=texts, labels=tuple(map(frozenset, chosen)), context=("",) * n,
                    groups=tuple(str(i % groups) for i in range(n)), label_to_texts={})  # fmt: skip


def test_the_contest() -> None:
    out = sets(labelled(150, 1), labelled(60, 2), embedder="hashed:512")
    auto, three = out["routers"]
    assert auto["exact"] > 0.95 and three["mean_set_size"] == 3.0 and three["hit_any"] == 1.0 and three["exact"] == 0.0
    assert auto["gain"][1] == pytest.approx(auto["exact"] - max(row["exact"] for row in out["baselines"]))
    assert out["baselines"][0]["name"] == "most common set" and auto["us_per_decision"] > 0


def test_the_ceiling_knows_more_than_the_training_part() -> None:
    train, test = labelled(150, 1), labelled(150, 2)
    few = train.rows([i for i, own in enumerate(train.labels) if "ride" not in own])
    out = sets(few, test, ("auto", "auto:3", "random"), embedder="hashed:512")
    auto = out["routers"][0]
    assert (
        auto["exact"] < 0.7
        and auto["ceiling"] > 0.9
        and {row["ceiling"] for row in out["routers"]} == {auto["ceiling"]}
    )
    together = sets(few, dataclasses.replace(test, groups=("one",) * 150), embedder="hashed:512")["routers"][0]
    assert together["ceiling"] == together["exact"] == auto["exact"]


def test_sets_of_one_size_are_answered_with_that_size() -> None:
    out = sets(labelled(80, 1, 2, 2), labelled(40, 2, 2, 2), ("auto", "set"), embedder="hashed:512")
    assert out["routers"][0]["mean_set_size"] == 2.0 and 0 < out["routers"][1]["mean_set_size"] <= 3


def test_the_rule_by_hand() -> None:
    scores = np.array([[0.9, 0.8, 0.1], [0.2, 0.1, 0.1]])
    rule = Sizes(0.5, 0.0, np.log(np.array([0.2, 0.4, 0.4])))
    assert rule.of(scores).tolist() == [2, 0] and rule.sets(scores).tolist() == [[True, True, False], [False] * 3]
    assert rule._replace(weight=1.0, log_share=np.log(np.array([1e-9, 1.0, 1e-9]))).of(scores).tolist() == [1, 1]


def test_the_rule_is_the_one_with_the_most_exact_sets() -> None:
    scores = np.array([[0.9, 0.6], [0.8, 0.7], [0.55, 0.9]])
    y = np.array([[1, 0], [1, 1], [0, 1]], dtype=np.float32)
    found = sizes(scores, y, y)
    assert 0.6 < found.level < 0.7 and found.weight == 0.0 and (found.sets(scores) == (y > 0)).all()


def test_nothing_to_learn_from_or_to_answer() -> None:
    with pytest.raises(BadDefinition, match="nothing to answer"):
        sets(labelled(20, 1), labelled(0, 1), embedder="hashed:64")
    with pytest.raises(BadNumber, match="one group"):
        sets(labelled(20, 1, groups=1), labelled(5, 1), embedder="hashed:64")


def test_a_part_of_empty_sets_has_figures() -> None:
    train = labelled(80, 1, 0, 1)
    out = sets(train, dataclasses.replace(labelled(20, 2), labels=(frozenset(),) * 20), embedder="hashed:64")
    assert out["routers"][0]["top1"] is None and 0.0 <= out["routers"][0]["exact"] <= 1.0


def test_names_of_another_contest_are_refused_with_those_of_this_one() -> None:
    with pytest.raises(UnknownRouter, match="auto, auto:3"):
        sets(labelled(20, 1), labelled(5, 2), ("auto:set",), embedder="hashed:64")
    with pytest.raises(BadDefinition, match="asks a model"):
        sets(labelled(20, 1), labelled(5, 2), ("set:reasoned",), embedder="hashed:64")


def test_stages_are_told_as_they_were_counted() -> None:
    begun: list[str] = []
    told = lambda count, text: None if count else begun.append(text)  # noqa: E731
    sets(labelled(40, 1), labelled(10, 2), ("auto", "random"), (0, 1), "hashed:64", told)
    assert len(begun) == stages(("auto", "random"), (0, 1), 40)
