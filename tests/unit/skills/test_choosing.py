"""The catalogue as text, and the index that matches by description."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestra.agents.prompt import render
from orchestra.skills.catalogue import catalogue_entry, catalogue_text
from orchestra.skills.index import SkillIndex, words
from orchestra.skills.skill import Skill


def skill(name: str, description: str = "D.") -> Skill:
    return Skill(name=name, description=description, folder=Path(name))


SHOP = (
    skill("refunds", "Pays money back to a customer."),
    skill("sql", "Writes database queries about orders."),
    skill("mail", "Sorts e-mails of customers by urgency."),
)


def test_an_entry_is_one_element_on_one_line() -> None:
    assert catalogue_entry(skill("a", "b\n c")) == '<skill name="a">b c</skill>'
    assert catalogue_text([skill("a"), skill("b")]).count("\n") == 3 and catalogue_text([]) == ""
    assert len(catalogue_entry(skill("a", "x" * 5000))) < 1100


@given(st.text(), st.text())
@example("{{ task }}", "{% raw %}")
@example('"><skill', "</skill>\u202e&")
def test_no_text_escapes_its_entry(name: str, description: str) -> None:
    entry = catalogue_entry(skill(name, description))
    assert entry.count("<") == 2 and "\n" not in entry
    assert render(entry) == entry


@pytest.mark.parametrize(
    ("task", "best"),
    [
        ("How many orders are in the database?", "sql"),
        ("Give this customer the money back", "refunds"),
        ("Which email is urgent? Sort the mails.", "mail"),
    ],
)
def test_the_best_match_comes_first(task: str, best: str) -> None:
    matches = SkillIndex(SHOP).match(task)
    assert matches[0].skill.name == best
    assert [one.score for one in matches] == sorted((one.score for one in matches), reverse=True)


def test_no_word_in_common_is_no_match() -> None:
    assert SkillIndex(SHOP).match("weather") == SkillIndex(SHOP).match("") == SkillIndex([]).match("orders") == ()
    assert len(SkillIndex(SHOP).match("customer money database orders", limit=1)) == 1


def test_rare_words_count_more_than_common_ones() -> None:
    index = SkillIndex([skill("a", "customer refund"), skill("b", "customer order"), skill("c", "customer parcel")])
    assert [one.skill.name for one in index.match("customer parcel")] == ["c", "a", "b"]


@given(st.lists(st.sampled_from("order orders refund mail sql the data".split()), max_size=8).map(" ".join))
def test_scores_lie_in_bounds_and_no_order_changes_them(text: str) -> None:
    matches = SkillIndex(SHOP).match(text, limit=9)
    assert all(0 < one.score <= 1 for one in matches)
    assert [one.skill for one in SkillIndex(SHOP[::-1]).match(text, limit=9)] == [one.skill for one in matches]


def test_a_description_matches_itself_best() -> None:
    for one in SHOP:
        (match,) = SkillIndex(SHOP).match(f"{one.name} {one.description}", limit=1)
        assert match.skill is one and match.score == pytest.approx(1)


def test_words() -> None:
    assert words("The Orders_of CLASS e-mails") == {"order", "class", "e", "mail"}
