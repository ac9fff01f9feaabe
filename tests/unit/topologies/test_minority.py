"""A merging agent that checks derivations against a vote that counts them, where the minority is right."""

import random

import numpy as np

from orchestra import Orchestra, agent
from orchestra.evaluation.intervals import mcnemar
from orchestra.topologies.parallel import parallel

QUESTIONS = 40


def total(terms: str) -> str:
    return str(sum(map(int, terms.split("+"))))


def analysis(terms: str) -> str:
    return f"{terms} = {total(terms)}"


@agent(provides="hasty")
def hasty(text: str) -> str:
    """Forgets what comes after the fourth number."""
    return analysis("+".join(text.split("+")[:4]))


@agent(provides="hurried")
def hurried(text: str) -> str:
    """Makes the same mistake."""
    return analysis("+".join(text.split("+")[:4]))


@agent(provides="careful")
def careful(text: str) -> str:
    """Adds up everything."""
    return analysis(text)


@agent(provides="merging")
def merging(text: str) -> str:
    """Follows the analysis whose derivation holds: every number of the question, and the sum of them."""
    _, task, *analyses = text.split("\n\n")
    asked = task.removeprefix("Task:\n")
    return next(said for _, _, said in (one.partition("\n") for one in analyses) if said == analysis(asked))


def test_the_merge_beats_the_vote_where_a_minority_can_be_checked() -> None:
    """Where there are more than four numbers, two of three analysts are wrong, and agree."""
    rng = random.Random(4)
    questions = ["+".join(str(rng.randint(1, 9)) for _ in range(rng.randint(3, 6))) for _ in range(QUESTIONS)]
    shapes = {
        "vote": parallel("hasty", "hurried", "careful", join="vote"),
        "merge": parallel("hasty", "hurried", "careful", join="merge", by="merging"),
    }
    won = {}
    team = Orchestra(agents=[hasty, hurried, careful, merging])
    for name, shape in shapes.items():
        outputs = [team.run_sync(text, topology=shape).output for text in questions]
        won[name] = np.array([a == analysis(q) for a, q in zip(outputs, questions, strict=True)])
    team.close()
    test = mcnemar(won["merge"], won["vote"])
    long = sum(text.count("+") > 3 for text in questions)
    assert 0 < long < QUESTIONS and won["merge"].all()
    assert (test.only_first, test.only_second) == (long, 0), "the vote is wrong where two make the same mistake"
