"""The encoders guerdon brings, and how a string names one."""

from __future__ import annotations

from typing import Any

from guerdon.errors import UserError, closest
from guerdon.models.encoder import Encoder
from guerdon.models.encoders.char_ngram import CharNGramEncoder
from guerdon.models.encoders.corrected import CorrectedEncoder
from guerdon.models.encoders.http_encoder import HTTPEncoder
from guerdon.models.encoders.minilm import MiniLM
from guerdon.models.encoders.sentence_transformer import SentenceTransformerEncoder
from guerdon.models.encoders.table import TableEncoder

__all__ = [
    "CharNGramEncoder",
    "CorrectedEncoder",
    "HTTPEncoder",
    "MiniLM",
    "SentenceTransformerEncoder",
    "TableEncoder",
    "as_encoder",
]

_NAMED: dict[str, type[Encoder]] = {"minilm": MiniLM, "char-ngram": CharNGramEncoder}


def as_encoder(encoder: str | Encoder, **options: Any) -> Encoder:
    """The description a string stands for; a description is returned as it is.

    ``"minilm"``, ``"char-ngram"``, the URL of an embedding server, a folder, or a hub id (``"organisation/model"``). ``options``
    are fields of the description.

    Raises:
        UserError: a name that is none of these, or an option the description does not have.

    >>> as_encoder("minilm"), as_encoder("char-ngram", dimensions=64)
    (MiniLM(), CharNGramEncoder(dimensions=64, shortest=2, longest=4))
    """
    if isinstance(encoder, Encoder):
        if options:
            raise UserError(
                f"options {sorted(options)} go with a name; {encoder} is described already: use dataclasses.replace"
            )
        return encoder
    if not isinstance(encoder, str):
        raise UserError(f"encoder={encoder!r:.80} is {type(encoder).__name__}; give an Encoder or its name")
    name = encoder.replace("_", "-")
    if name in _NAMED:
        return _made(_NAMED[name], options)
    if encoder.startswith(("http://", "https://")):
        return _made(HTTPEncoder, {"url": encoder, **options})
    if "/" in encoder or "\\" in encoder:
        return _made(SentenceTransformerEncoder, {"model": encoder, **options})
    choices = [*_NAMED, "http://host:port", "organisation/model", "./folder"]
    raise UserError(f"encoder={encoder!r} is unknown; {closest(encoder, choices)}")


def _made(kind: type[Encoder], options: dict[str, Any]) -> Encoder:
    try:
        return kind(**options)
    except TypeError as error:
        raise UserError(f"{kind.__name__} cannot be made from {options!r:.200}: {error}") from error
