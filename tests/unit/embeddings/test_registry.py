"""Embedders by name."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestra.core.errors import BadDefinition, ExtraMissing, LocalModelMissing, UnknownName
from orchestra.embeddings.batch import matrix_of
from orchestra.embeddings.registry import embedder, maker
from tests.support.onnx import folder

TEXTS = ("Refunds a card payment.", "Says when a parcel will arrive.")


def test_hashed_is_fitted_on_the_texts() -> None:
    assert embedder("hashed", TEXTS).name.startswith("hash64-idf-")
    made = embedder("hashed:32", TEXTS)
    assert made.d == 32 and made.name != embedder("hashed:32", TEXTS[:1]).name
    assert matrix_of(made, TEXTS).shape == (2, 32)


def test_several_are_joined(tmp_path: Path) -> None:
    place = folder(tmp_path / "tiny")
    make = maker(f"onnx:{place} + 0.4*hashed+.5 * complexity")
    made = make(TEXTS)
    assert made.d == 2 + 1024 + 3
    first, second, third = made.name.split("+")
    assert first.startswith("tiny-") and second.startswith("0.4*hash1024-idf-") and third == "0.5*complexity3"
    assert make(TEXTS[:1]).name != made.name and make(TEXTS).name == made.name


def test_vectors_are_kept_in_a_folder_that_is_named(tmp_path: Path) -> None:
    place = folder(tmp_path / "tiny")
    made = embedder(f"onnx:{place}", cache=tmp_path / "cache")
    assert made.embed("red") == [1.0, 0.0]
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".db"]


@pytest.mark.parametrize("name", ["mini", "hashed:many", "openai:text-embedding-3-small", "onnx:", "structure:3"])
def test_an_unknown_name_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownName, match="There are minilm, hashed"):
        embedder(name)


@pytest.mark.parametrize("name", ["", "minilm+", "2*3*hashed", "-1*hashed"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises((BadDefinition, UnknownName)):
        embedder(name)


def test_a_hub_is_asked_when_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def download(name: str, allow_patterns: list[str]) -> str:
        asked.append(name)
        if name != "owner/tiny":
            raise OSError("no network")
        return str(folder(tmp_path))

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=download))
    made = embedder("hub:owner/tiny")
    assert made.d == 2 and made.name.startswith("tiny-") and asked == ["owner/tiny"]
    with pytest.raises(LocalModelMissing, match=r"owner/other.*OSError: no network.*onnx:FOLDER"):
        embedder("hub:owner/other")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ExtraMissing, match="huggingface_hub"):
        embedder("hub:owner/tiny")
