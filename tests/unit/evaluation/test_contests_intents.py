"""One label for each text."""

import dataclasses
import random
from collections.abc import Sequence

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, UnknownRouter
from orchestra.evaluation.contests.answers import FIGURES, Answers, figures, first_few
from orchestra.evaluation.contests.intents import calibrated, intents, stages
from orchestra.evaluation.contests.labelled import Labelled
from orchestra.evaluation.contests.learned import Described, informed, learn, parted, targets
from orchestra.evaluation.contests.taught import Question, projected, taught
from orchestra.routing.learners import kernel

WORDS = {
    "play": "song album singer radio music",
    "book": "table dinner guests restaurant seat",
    "rain": "sun wind cold",
}
OTHER = "goat lamp brick spoon velvet"


def labelled(n: int, seed: int, labels: Sequence[str] = tuple(WORDS), **more: object) -> Labelled:
    rng = random.Random(seed)
    chosen = [rng.choice(labels) for _ in range(n)]
    texts = tuple(" ".join(rng.choices(WORDS.get(one, OTHER).split(), k=4)) + f" {i}" for i, one in enumerate(chosen))
    return Labelled(
        name="toy",
        texts=texts,
        labels=tuple(frozenset({one} if one in WORDS else ()) for one in chosen),
        groups=texts,
        context=("",) * n,
        **{"label_to_texts": {}, **more},  # type: ignore[arg-type]
    )


def test_contract_and_figures() -> None:
    train, test = labelled(120, 1), labelled(60, 2, (*WORDS, "nothing"))
    told: list[str] = []
    out = intents(
        train, test, ("auto", "auto:set", "auto:3"), embedder="hashed:256", told=lambda _, what: told.append(what)
    )
    assert set(out) == {"dataset", "n", "embedder", "routers", "baselines"} and (out["dataset"], out["n"]) == (
        "toy",
        60,
    )
    auto, sets, three = out["routers"]
    assert set(FIGURES) <= set(auto) and auto["top1"] == 1.0 and auto["oos_auroc"] > 0.95 and auto["ece"] < 0.2
    assert auto["us_per_decision"] > 0 and auto["gain"][0] <= auto["gain"][1] <= auto["gain"][2]
    assert sets["hit_any"] == 1.0 and sets["mean_set_size"] <= 3.0 and three["mean_set_size"] == 3.0
    majority = out["baselines"][0]
    assert majority["name"] == "majority" and majority["top1"] < 0.6 and majority["oos_auroc"] == 0.5
    assert {"texts read", "learns"} <= set(told)


def test_what_only_a_description_knows_is_chosen() -> None:
    said = {name: (text,) for name, text in WORDS.items()}
    train, test = labelled(80, 1, ("play", "book"), label_to_texts=said), labelled(40, 2, ("rain",))
    assert intents(train, test, embedder="hashed:256")["routers"][0]["top1"] == 1.0
    assert intents(labelled(80, 1, ("play", "book")), test, embedder="hashed:256")["routers"][0]["top1"] == 0.0


def test_descriptions_change_no_order_among_labels_with_examples() -> None:
    rng = np.random.default_rng(0)
    x, asked, about = (rng.standard_normal((n, 5)).astype(np.float32) for n in (12, 9, 3))
    y = np.eye(3, dtype=np.float32)[[0, 1] * 6]
    model = learn(x, y, Described(about, np.arange(3)))
    plain = model._replace(new=np.zeros(3, dtype=np.bool_))
    assert np.allclose(model.scores(asked)[:, :2], plain.scores(asked)[:, :2])
    assert not np.allclose(model.scores(asked)[:, 2], plain.scores(asked)[:, 2])
    with pytest.raises(BadDefinition):
        learn(x[:0], y[:0], Described(about, np.arange(3)))


def test_what_the_judged_rows_of_other_parts_would_teach(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as learning anew for each part, of labels that only the judged rows have too."""
    rng = np.random.default_rng(0)
    x, asked, about = (rng.standard_normal((n, 5)).astype(np.float32) for n in (17, 11, 3))
    y = np.eye(4, dtype=np.float32)[[0, 1] * 8 + [0]]
    own = np.eye(5, dtype=np.float32)[[0, 1, 2, 4, 1, 0, 4, 3, 1, 0, 0]]
    described, part = Described(about, np.arange(3)), np.arange(11) % 3
    monkeypatch.setattr(kernel, "BLOCK", 4)
    found = informed(learn(x, y, described, asked), asked, own, described.near(asked, 5), part)
    wide = np.hstack([y, np.zeros((17, 1), dtype=np.float32)])
    for one in range(3):
        mine = part == one
        anew = learn(np.vstack([x, asked[~mine]]), np.vstack([wide, own[~mine]]), described)
        assert np.allclose(found[mine], anew.scores(asked[mine]), atol=1e-4)
    alone = informed(learn(x, y, described, asked), asked, own[:, :4], described.near(asked, 4), part * 0)
    assert np.allclose(alone, learn(x, y, described).scores(asked), atol=1e-4)


def test_a_block_at_a_time_is_the_plain_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    root = rng.standard_normal((13, 13))
    gram, b = (root @ root.T).astype(np.float32), rng.standard_normal((13, 2)).astype(np.float32)
    monkeypatch.setattr(kernel, "BLOCK", 4)
    lower = kernel.factored(gram.copy(), 1.0)
    truth = np.linalg.solve(gram + np.eye(13), b)
    assert np.allclose(kernel.backward(lower, kernel.forward(lower, b)), truth, atol=1e-4)


def test_the_ceiling_knows_more_than_the_training_part() -> None:
    train, test = labelled(60, 1, ("play", "book")), labelled(90, 2, (*WORDS, "nothing"))
    out = intents(train, test, ("auto", "auto:3", "random"), embedder="hashed:256")
    assert [row["ceiling"] for row in out["routers"]] == [1.0, 1.0, 1.0] and out["routers"][0]["top1"] < 0.8
    assert {row["embedder"] for row in out["routers"]} == {"hashed:256"}
    assert intents(train, test, ("random",), embedder="hashed:256")["routers"][0]["ceiling"] == 1.0
    together = dataclasses.replace(test, groups=("one",) * 90)
    known = intents(train, together, embedder="hashed:256")["routers"][0]
    assert known["ceiling"] == known["top1"]


def test_context_tells_apart_what_texts_do_not() -> None:
    places = range(40)
    one = Labelled(
        name="toy",
        texts=tuple(f"yes {i}" for i in places),
        labels=tuple(frozenset({"rain" if i % 2 else "book"}) for i in places),
        label_to_texts={},
        groups=tuple(map(str, places)),
        context=tuple(("AskWeather", "AskTable")[i % 2] for i in places),
    )
    assert intents(one, one.rows(range(20)), embedder="hashed:256")["routers"][0]["top1"] == 1.0


def test_routers_of_the_registry_are_taught() -> None:
    train, test = labelled(150, 1), labelled(50, 2)
    out = intents(train, test, ("neighbours", "random", "set"), (0, 1), "hashed:256")
    near, chance, sets = out["routers"]
    assert near["top1"] > 0.9 > 0.7 > chance["top1"] and sets["hit_any"] > 0.8 and sets["mean_set_size"] <= 3
    assert near["us_per_decision"] > 0 and near["ece"] is None
    with pytest.raises(UnknownRouter):
        intents(train, test, ("nobody",), embedder="hashed:256")


def test_a_seed_says_everything() -> None:
    x = np.random.default_rng(0).standard_normal((60, 80)).astype(np.float32)
    y = np.eye(3, dtype=np.float32)[np.arange(60) % 3]
    question = Question(("a", "b", "c"), x, y, x[:20], np.full((20, 3), -1.0), True)
    one, again = (taught("linucb", question, 3) for _ in range(2))
    assert one.first == again.first and (one.sets == again.sets).all()
    assert projected(x, x[:5], 0)[0].shape == (60, 60) and projected(x[:, :9], x[:5, :9], 0)[1].shape == (5, 9)


def test_calibration_finds_the_sharpness_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((4000, 4))
    odds = np.exp(8.0 * scores)
    drawn = (odds.cumsum(axis=1) / odds.sum(axis=1, keepdims=True) > rng.random((4000, 1))).argmax(axis=1)
    found = calibrated(scores, np.eye(4, dtype=np.float32)[drawn])
    assert found.sharpness == pytest.approx(8.0, rel=0.2)
    assert found.confidence(scores).mean() == pytest.approx((scores.argmax(axis=1) == drawn).mean(), abs=0.03)
    assert (found.sets(scores).sum(axis=1) <= 3).all() and found.sets(scores)[
        np.arange(4000), scores.argmax(axis=1)
    ].all()


def test_figures_by_hand() -> None:
    named = np.array([[1, 0], [1, 1], [0, 1]], dtype=np.bool_)
    made = Answers(name="x", first=[0, 1, 1], sets=named, inside=np.array([0.9, 0.8, 0.1]))
    truth = [frozenset({"a"}), frozenset({"a"}), frozenset[str]()]
    alone, counted = (figures(made, truth, ("a", "b"), nobody=nobody) for nobody in (True, False))
    assert (alone["top1"], alone["exact"], alone["mean_set_size"], alone["oos_auroc"]) == (0.5, 0.5, 1.5, 1.0)
    assert counted["exact"] == pytest.approx(1 / 3) and counted["oos_auroc"] is None and counted["ece"] is None


def test_small_parts() -> None:
    assert first_few(np.array([[0.1, 0.3, 0.2]]), 2).tolist() == [[False, True, True]]
    assert targets([frozenset({"b", "z"})], ("a", "b")).tolist() == [[0.0, 1.0]]
    part = parted(["x", "y", "x", "z"], 0)
    assert part[0] == part[2] and len({*part.tolist()}) == 3
    with pytest.raises(BadDefinition, match="nothing to answer"):
        intents(labelled(20, 1), labelled(0, 1), embedder="hashed:256")
    with pytest.raises(BadDefinition, match="has a label"):
        intents(labelled(20, 1, ("nothing",)), labelled(5, 1), embedder="hashed:256")


def test_a_part_without_any_label_is_refused() -> None:
    with pytest.raises(BadDefinition, match="out of scope: no figure applies"):
        intents(labelled(40, 1), labelled(10, 2, ("nothing",)), embedder="hashed:64")


def test_routers_of_which_figures_would_say_nothing_are_refused() -> None:
    for name, said in (("trained", "before it was trained"), ("set:mixed", "asks a model")):
        with pytest.raises(BadDefinition, match=said):
            intents(labelled(40, 1), labelled(10, 2), ("auto", name), embedder="hashed:64")


@pytest.mark.parametrize("names", [("auto", "auto:3"), ("random",), ("random", "auto", "fixed")])
def test_stages_are_told_as_they_were_counted(names: Sequence[str]) -> None:
    begun: list[str] = []
    told = lambda count, text: None if count else begun.append(text)  # noqa: E731
    intents(labelled(40, 1), labelled(10, 2), names, (0, 1), "hashed:64", told)
    assert len(begun) == stages(names, (0, 1))
