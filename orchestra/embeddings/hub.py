"""Encoders by name from the Hugging Face hub: downloaded when that is asked for, kept by its library."""

from __future__ import annotations

from pathlib import Path

from orchestra.core.errors import ExtraMissing, LocalModelMissing

WANTED = ("model.onnx", "onnx/model.onnx", "tokenizer.json", "sentence_bert_config.json", "1_Pooling/config.json")


def downloaded(name: str) -> Path:
    """The folder of 'owner/name'. What was downloaded before is found without a network.

    Raises: ExtraMissing without the hub's library, LocalModelMissing where the hub is not reachable or has no such
    model.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise ExtraMissing(
            "huggingface_hub is not installed.", remedy="Run: pip install 'orchestra-router[embeddings]'"
        ) from None
    try:
        return Path(snapshot_download(name, allow_patterns=list(WANTED)))
    except Exception as error:
        raise LocalModelMissing(
            f"The hub did not give {name!r}: {type(error).__name__}: {error}.",
            remedy="Check the name and the network, or name a folder that holds the model: 'onnx:FOLDER'.",
        ) from None
