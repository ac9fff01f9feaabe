"""Labelled sets from files."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.contests.labelled import fitting, load_labelled, words


def written(folder: Path, rows: list[dict[str, Any]], **beside: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for name, what in beside.items():
        (folder / f"{name}.json").write_text(json.dumps(what), encoding="utf-8")
    return folder


def test_one_label_and_out_of_scope(tmp_path: Path) -> None:
    folder = written(tmp_path / "mine", [{"text": "a", "label": "one"}, {"text": "b", "label": "oos"}])
    made = load_labelled(folder)
    assert (made.name, made.texts, made.labels) == ("mine", ("a", "b"), (frozenset({"one"}), frozenset()))
    assert load_labelled(folder / "data.jsonl") == made and made.rows([1]).texts == ("b",)


def test_several_labels_turns_and_gzip(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "data.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"user_turns": ["hello", "bye"], "services": ["A_1"], "domains": ["A", "B"]}))
    made = load_labelled(tmp_path)
    assert (made.texts, made.groups, made.labels) == (("hello\nbye",), ("hello",), (frozenset("AB"),))
    assert load_labelled(tmp_path, label="services").labels == (frozenset({"A_1"}),)


def test_context_and_descriptions(tmp_path: Path) -> None:
    schema = {"Trips_2": {"description": "trips", "intents": {"FindTrip": {"description": "find one"}}}}
    rows: list[dict[str, Any]] = [
        {"text": "a", "intent": "FindTrip", "prev": None},
        {"text": "b", "intent": "FindTrip", "prev": "X/Y"},
    ]
    made = load_labelled(written(tmp_path, rows, schemas=schema), context="prev")
    assert made.context == ("", "X/Y") and made.label_to_texts == {
        "FindTrip": ("Find Trip. find one", "find one. trips")
    }
    written(tmp_path, [{"text": "a", "domains": ["Trips"]}])
    assert set(load_labelled(tmp_path).label_to_texts) == {"Trips"}
    written(tmp_path, [{"text": "a", "label": "t_1"}], tools={"t_1": "does it"})
    assert load_labelled(tmp_path).label_to_texts == {"t_1": ("t 1. does it",)}


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ([], {}, "no rows"),
        ([{"text": "a"}], {}, "none of the columns"),
        ([{"text": "a", "label": "x"}, {"text": "a", "label": 3}], {}, r"data\.jsonl:2: 'label' is 3"),
        ([{"text": "a", "labels": ["x", 3]}], {}, ":1: 'labels'"),
        ([{"text": None, "label": "x"}], {}, ":1: there is neither"),
        ([{"text": "a", "label": "x"}], {"context": "prev"}, "no column 'prev'"),
    ],
)
def test_bad_rows(tmp_path: Path, rows: list[dict[str, Any]], options: dict[str, str], said: str) -> None:
    with pytest.raises(BadDefinition, match=said):
        load_labelled(written(tmp_path, rows), **options)


def test_bad_descriptions_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadDefinition, match=r"tools\.json: no descriptions"):
        load_labelled(written(tmp_path, [{"text": "a", "label": "x"}], tools=["x"]))
    with pytest.raises(BadDefinition, match="holds no labelled rows"):
        load_labelled(tmp_path / "nowhere")


def test_words() -> None:
    assert (words("FindMovies"), words("find_a-movie.now")) == ("Find Movies", "find a movie now")


def test_shapes_are_labels_and_the_only_file_of_a_folder_is_taken(tmp_path: Path) -> None:
    folder = written(tmp_path / "mine", [{"text": "a", "shape": "chain"}])
    (folder / "data.jsonl").rename(folder / "heldout.jsonl")
    made = load_labelled(folder)
    assert (made.name, made.labels) == ("mine", (frozenset({"chain"}),))
    (folder / "more.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(BadDefinition, match=r"there are heldout\.jsonl, more\.jsonl"):
        load_labelled(folder)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"candidates": [], "gold": ["f"]}, "bench skills"),
        ({"score": [1, 0]}, "bench outcomes"),
        ({"target_tier_id": 3, "text": "a"}, "bench tiers"),
        ({"label": "a"}, "bench intents, or sets"),
        ({"offered": [], "text": "a"}, "nowhere what is right"),
    ],
)
def test_the_contest_that_fits_is_named(row: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert said in fitting(row)
    if "label" not in row:
        with pytest.raises(BadDefinition, match=said):
            load_labelled(written(tmp_path, [row]))
