"""@skill: functions as capabilities, alone or as the code of a SKILL.md."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from orchestra.agents.skill import skill
from orchestra.core.catalog import Node, required_node
from orchestra.core.errors import BadDefinition, BadInput, UnknownName


@skill
def translate(text: str, to: str = "en") -> str:
    """Translates a text.

    Args:
        to: the language, as a code.
    """
    return f"{to}: {text}"


@skill(provides=["review", "lint"], cost_usd="0.001", latency_s=2, side_effect="comment", examples=["Review this."])
async def review(diff: str) -> str:
    """Reviews a change."""
    return diff


def made(fn: Any) -> Node:
    return required_node(fn)


def test_bare_it_provides_its_name_and_stays_the_function() -> None:
    node = made(translate)
    assert (node.name, node.kind, node.provides, node.description) == (
        "translate",
        "tool",
        ("translate",),
        "Translates a text.",
    )
    assert translate("a", to="de") == "de: a" and pickle.loads(pickle.dumps(translate)) is translate
    assert node.contract.schema["properties"]["to"]["description"] == "the language, as a code."
    with pytest.raises(BadInput):
        node.contract.bind({"nothing": 1})


def test_called_it_provides_what_it_is_told() -> None:
    node = made(review)
    assert (node.provides, node.cost_nano, node.latency_s) == (("review", "lint"), 1_000_000, 2.0)
    assert (node.side_effect, node.trial_limit, node.repeatable) == ("comment", 1, False)
    assert node.examples == ("Review this.",)
    assert made(skill(name="other")(lambda text: text)).provides == ("other",)
    assert made(skill(provides=())(print_it)).provides == ()


def print_it(text: str) -> str:
    return text


def test_a_shipped_skill_gives_name_description_and_hints() -> None:
    @skill("triage-customer-mail", provides="triage", cost_usd=0.5)
    def triage(mail: str) -> str:
        """Sorts."""
        return mail

    node = made(triage)
    assert (node.name, node.provides, node.cost_nano, node.latency_s) == (
        "triage-customer-mail",
        ("triage",),
        5 * 10**8,
        2,
    )
    assert node.description.startswith("Sorts an incoming customer message")


def test_a_path_starts_at_the_module(tmp_path: Path) -> None:
    folder = tmp_path / "skills" / "forms"
    folder.mkdir(parents=True)
    matter = 'name: forms\ndescription: Fills in forms.\nmetadata: {orchestra.cost_usd: "0.25"}'
    (folder / "SKILL.md").write_text(f"---\n{matter}\n---\nDo it.")
    source = (
        'from orchestra.agents.skill import skill\n@skill("skills/forms")\ndef fill(text: str) -> str: return text\n'
    )
    names: dict[str, Any] = {"__name__": "shop"}
    (tmp_path / "shop.py").write_text(source)
    exec(compile(source, str(tmp_path / "shop.py"), "exec"), names)
    node = made(names["fill"])
    assert (node.name, node.provides, node.cost_nano) == ("forms", ("forms",), 250_000_000)
    assert made(skill(folder)(print_it)).description == "Fills in forms."


def test_what_cannot_be_found_or_breaks_the_standard_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="cite-sources"):
        skill("nobody")(print_it)
    with pytest.raises(BadDefinition, match="cannot be read"):
        skill("no/where")(print_it)
    (tmp_path / "SKILL.md").write_text("---\nname: Other Name\ndescription: D.\n---\nDo it.")
    with pytest.raises(BadDefinition, match="line 2, field 'name'"):
        skill(tmp_path)(print_it)
