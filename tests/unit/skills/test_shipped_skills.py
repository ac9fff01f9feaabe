"""The shipped skills: valid without a remark, found by what people ask, with scripts that work."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from orchestra.agents.bundled import bundled_names, find_bundled
from orchestra.skills.files import load_skill, read_body, read_resource_text, read_skill, resource_names
from orchestra.skills.index import SkillIndex
from orchestra.skills.skill import Skill

SKILLS = [load_skill(find_bundled("skills", name)) for name in bundled_names("skills")]


def run(skill: str, script: str, *args: str | Path, cwd: Path) -> tuple[int, str]:
    command = [sys.executable, "-I", str(find_bundled("skills", skill) / "scripts" / script), *map(str, args)]
    process = subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False)
    return process.returncode, process.stdout + process.stderr


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
def test_it_is_valid_and_says_when_to_use_it(skill: Skill) -> None:
    assert read_skill(skill.folder)[1] == ()
    assert "Use " in skill.description and skill.license == "Apache-2.0"


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
def test_its_files_are_text_and_each_is_named_in_the_instructions(skill: Skill) -> None:
    for name in resource_names(skill):
        assert name in read_body(skill) and read_resource_text(skill, name)


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("Answer from these documents and mark the source of each claim", "cite-sources"),
        ("Summarise this long report", "summarise-long-text"),
        ("Write a query that counts the orders in the database", "write-sql-safely"),
        ("A customer wrote this e-mail, how urgent is it?", "triage-customer-mail"),
    ],
)
def test_it_is_found_by_what_people_ask(task: str, name: str) -> None:
    assert SkillIndex(SKILLS).match(task)[0].skill.name == name


def test_citations_are_checked(tmp_path: Path) -> None:
    answer = tmp_path / "answer.md"
    answer.write_text("Free for 30 days [1][3], see [4](page).\n\n[1] policy.md\n[2] faq.md\n", encoding="utf-8")
    assert run("cite-sources", "check_citations.py", answer, cwd=tmp_path) == (
        1,
        "[2] is in the list and never cited\n[3] is cited and not in the list\n",
    )
    answer.write_text("Free for 30 days [1].\n\n[1] policy.md\n", encoding="utf-8")
    assert run("cite-sources", "check_citations.py", answer, cwd=tmp_path)[0] == 0


def test_a_text_is_split_between_paragraphs_and_nothing_is_lost(tmp_path: Path) -> None:
    paragraphs = ["# One", "a " * 6 + "a", "b " * 4 + "b", "# Two", "c " * 20 + "c", "d"]
    (tmp_path / "report.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
    code, said = run("summarise-long-text", "split_text.py", "report.txt", "--words", "10", cwd=tmp_path)
    parts = [path.read_text(encoding="utf-8").strip() for path in sorted((tmp_path / "parts").iterdir())]
    assert code == 0 and said.count("words") == len(parts)
    assert "\n\n".join(parts).split() == " ".join(paragraphs).split()
    assert [part.splitlines()[0][:5].strip() for part in parts] == ["# One", "b b b", "# Two", "d"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT id, total FROM orders WHERE email = :email LIMIT 10;", "columns: id, total"),
        ("WITH o AS (SELECT id FROM orders WHERE email = ?) SELECT count(*) AS n FROM o", "columns: n"),
        ("SELECT id FROM orders WHERE email LIKE '%?%'", "columns: id"),
        ("DELETE FROM orders", "refused: not authorized"),
        ("SELECT 1; DROP TABLE orders", "refused:"),
        ("ATTACH 'x.db' AS x", "refused:"),
        ("PRAGMA user_version = 3", "refused:"),
        ("SELECT absent FROM orders", "refused: no such column"),
    ],
)
def test_queries_that_do_more_than_read_are_refused(tmp_path: Path, query: str, said: str) -> None:
    with sqlite3.connect(tmp_path / "a shop.db") as db:
        db.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT, total REAL)")
    db.close()
    code, answer = run("write-sql-safely", "check_query.py", "a shop.db", query, cwd=tmp_path)
    assert said in answer and (code == 1) == said.startswith("refused")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a shop.db"]
