"""A language model behind an inference server that returns the log-probabilities of a prompt's tokens."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from guerdon.errors import MissingExtra, UserError
from guerdon.frozen import FrozenDict, freeze
from guerdon.models.checks import check_least, check_url
from guerdon.models.lm import CausalLM, LogprobRequest, TokenScores
from guerdon.models.lms.http_requests import Failure, Sender
from guerdon.models.lms.spans import RequestTokenizer, RequestTokens
from guerdon.models.loaded import loaded
from guerdon.report import count
from guerdon.runtime import run_blocking
from guerdon.scores import Outcome

Floats = NDArray[np.float64]

# log_softmax in low precision may end a little above zero; anything beyond this is no log-probability.
_ABOVE_ZERO = 1e-3


@dataclass(frozen=True)
class HTTPLM(CausalLM):
    """A frozen description of a served language model. Subclasses say what a request and an answer look like.

    Requests are tokenised here and sent as token ids, so that the span that is scored is exact; an answer that does not name
    these very tokens is a typed failure, never a number. Requests go out deduplicated, ``concurrency`` at a time; refused
    connections and status 408, 429 and 5xx are tried again with growing pauses or those the server asks for.

    Attributes:
        url: the server ("http://host:8000").
        model: the name the server knows the model by.
        tokenizer: hub id or folder of the tokenizer; None: that of ``model``.
        revision: what you know of the served weights. Answers are remembered for a description, so change it when the weights do.
        limit: tokens the server takes; None: until it refuses.
        template_options: variables for the chat template, such as ``{"enable_thinking": False}``.
        extra_body: further entries of every request, such as an adapter's name.
        api_key_variable: the environment variable that holds the key, never the key itself.
        deadline: seconds one request may take, tries and pauses included. retries: further tries. pause: seconds before the first.
        concurrency: requests under way at once.
        remembered: how many answers are kept; 0 for a server whose weights change while it serves.

    Raises:
        UserError: an address or option that cannot be, a request with a temperature other than 1 or with images, a server that
            refuses the key, the model or the path.
    """

    url: str
    model: str
    tokenizer: str | None = None
    revision: str | None = None
    limit: int | None = None
    template_options: Mapping[str, Any] = field(default_factory=FrozenDict)
    extra_body: Mapping[str, Any] = field(default_factory=FrozenDict)
    api_key_variable: str | None = None
    deadline: float = 60.0
    retries: int = 4
    pause: float = 0.5
    concurrency: int = 16
    remembered: int = 16_384

    path: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for name in ("template_options", "extra_body"):
            object.__setattr__(self, name, freeze(dict(getattr(self, name))))
        check_url(self.url)
        check_least(self, concurrency=1, retries=0, pause=0, remembered=0, limit=2)
        if self.deadline <= 0:
            raise UserError(f"deadline={self.deadline} must be more than 0 seconds")

    @property
    def address(self) -> str:
        """Where requests go."""
        said = self.url.rstrip("/")
        if said.endswith(self.path):
            return said
        return said + (self.path.removeprefix("/v1") if said.endswith("/v1") else self.path)

    def body(self, tokens: RequestTokens) -> dict[str, Any]:
        """The request for these tokens."""
        raise TypeError(f"{type(self).__name__} has no body(tokens); write it")

    def read(self, answer: Any, tokens: RequestTokens) -> Floats | str:
        """(T,) log-probabilities of the target from an answer, or what is wrong with it."""
        raise TypeError(f"{type(self).__name__} has no read(answer, tokens); write it")

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        for request in requests:
            if request.temperature != 1.0:
                raise UserError(
                    f"temperature={request.temperature!r}: servers return log-probabilities at temperature 1 only; "
                    "leave temperature at 1, or use a TransformersLM"
                )
            if request.images:
                raise UserError(
                    f"{type(self).__name__} sends token ids, no images; use a vision-language TransformersLM"
                )
        server = loaded(self, self._connect)
        return server.scores(requests)

    def _connect(self) -> _Server:
        key = None
        if self.api_key_variable:
            key = os.environ.get(self.api_key_variable)
            if not key:
                raise UserError(f"the environment variable {self.api_key_variable!r} (api_key_variable) is not set")
        return _Server(self, key)


class _Server:
    def __init__(self, description: HTTPLM, key: str | None) -> None:
        self.description = description
        self.tokenizer = RequestTokenizer(
            load_tokenizer(description.tokenizer or description.model),
            limit=description.limit,
            template_options=description.template_options,
        )
        self.sender = Sender(
            description.address,
            key=key,
            deadline=description.deadline,
            retries=description.retries,
            pause=description.pause,
            concurrency=description.concurrency,
        )
        self._known: OrderedDict[bytes, Floats] = OrderedDict()
        self._lock = threading.Lock()

    def scores(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        with self._lock:  # fast tokenizers refuse to be used by two threads at once
            tokenised = [self.tokenizer.tokens(request) for request in requests]
        wanted = {_key(tokens): tokens for tokens in tokenised if isinstance(tokens, RequestTokens)}
        recalled = ((key, self._recall(key)) for key in wanted)
        found: dict[bytes, Floats | TokenScores] = {key: value for key, value in recalled if value is not None}
        count("cache_hits", len(found))
        missing = {key: tokens for key, tokens in wanted.items() if key not in found}
        if missing:
            bodies = [self.description.body(tokens) for tokens in missing.values()]
            count("requests", len(bodies))
            answers = run_blocking(self.sender.post_all(bodies))
            for (key, tokens), answer in zip(missing.items(), answers, strict=True):
                found[key] = self._read(answer, tokens)
            self._remember({key: value for key, value in found.items() if isinstance(value, np.ndarray)})
        return [each if isinstance(each, TokenScores) else _scores(each, found[_key(each)]) for each in tokenised]

    def _read(self, answer: Any | Failure, tokens: RequestTokens) -> Floats | TokenScores:
        if isinstance(answer, Failure):
            return TokenScores.failed(answer.outcome, answer.message)
        read = self.description.read(answer, tokens)
        fault = read if isinstance(read, str) else checked(read)
        if fault:
            return TokenScores.failed(Outcome.INSTRUMENT_ERROR, f"malformed answer: {fault}")
        return np.asarray(read, dtype=np.float64)

    def _recall(self, key: bytes) -> Floats | None:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def _remember(self, values: Mapping[bytes, Floats]) -> None:
        with self._lock:
            for key, value in values.items():
                self._known[key] = value
            while len(self._known) > self.description.remembered:
                self._known.popitem(last=False)


def _scores(tokens: RequestTokens, found: Floats | TokenScores) -> TokenScores:
    return found if isinstance(found, TokenScores) else tokens.scores(found.copy())


def _key(tokens: RequestTokens) -> bytes:
    said = np.array([len(tokens.context_ids), *tokens.ids], dtype=np.int64).tobytes()
    return hashlib.blake2b(said, digest_size=24).digest()


def checked(values: Floats) -> str:
    """What keeps these from being log-probabilities, or "". Minus infinity is one: that token cannot come.

    >>> checked(np.array([-1.0, -np.inf])), checked(np.array([0.5]))
    ('', 'log-probability 0.5 is above 0')
    """
    if np.isnan(values).any():
        return "a log-probability is NaN or null"
    if (values > _ABOVE_ZERO).any():
        return f"log-probability {float(values.max()):g} is above 0"
    return ""


def load_tokenizer(name: str) -> Any:
    """The tokenizer of a hub id or folder, without running code of its repository.

    Raises:
        UserError: there is none.
    """
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise MissingExtra("transformers", extra="lm") from error
    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise UserError(
            f"tokenizer={name!r} is neither a folder nor a hub id with a tokenizer: {error}; "
            "name the tokenizer of the served model in tokenizer=..."
        ) from error
