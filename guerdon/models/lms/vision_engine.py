"""Token scores of requests with images under any (model, processor) of transformers."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from guerdon.errors import UserError
from guerdon.models.images import UnreadableImage, image_key, read_image
from guerdon.models.lm import LogprobRequest, TokenScores
from guerdon.models.lms.chunked import VOCABULARY_CHUNK
from guerdon.models.lms.engine import BATCH_TOKENS
from guerdon.models.lms.head import Head, find_head, from_logits, same
from guerdon.models.lms.spans import RequestTokenizer, RequestTokens
from guerdon.models.lms.vision_inputs import Inputs, InputsMaker
from guerdon.models.lms.vision_prompts import VisionTemplate, placed_images
from guerdon.report import count
from guerdon.scores import Floats, Outcome

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class _Context:
    """What the processor is given: a rendered prompt and its images; without images ``ids`` are its tokens."""

    header: str
    images: tuple[Any, ...]
    ids: tuple[int, ...]

    @cached_property
    def key(self) -> tuple[Any, ...]:
        return self.header, self.ids, *map(image_key, self.images)

    @property
    def size(self) -> tuple[int, int]:
        """Grows with the number of its tokens."""
        return sum(image.width * image.height for image in self.images), len(self.header)


@dataclass(frozen=True)
class _Row:
    """What follows a context: tokens of which the first ``skipped`` are not scored."""

    rest: tuple[int, ...]
    skipped: int
    temperature: float


@dataclass(frozen=True, eq=False)
class _Read:
    tokens: RequestTokens
    context: _Context
    row: _Row


_Name = tuple[Any, _Row]
_Found = dict[_Name, tuple[Floats, Floats] | TokenScores]


class VisionEngine:
    """Scores requests with a vision-language model that is loaded already.

    Each distinct context (rendered prompt and images) goes through the processor once. Rows are packed up to ``batch_tokens`` and
    padded on the right; only target positions reach the head, which runs in chunks of the vocabulary. Where several targets follow
    one context, its images and tokens are run once and the targets go on from its cache, if the architecture allows it: whether
    that gives the hidden states of whole rows is tested on the first such context. That the model does not read ahead is tested on
    the first context of all.

    Args:
        model: a transformers vision-language model.
        processor: its processor.
        limit: tokens it takes, those of images included; None: what its configuration says.
        batch_tokens: tokens of a batch; None: what suits the device.
        vocabulary_chunk: columns of the head at a time.
        template_options: variables for the chat template.
        remote_images: whether addresses of images may be fetched.

    Attributes:
        shares: whether targets go on from the cache of their context; None: not tested yet.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        *,
        limit: int | None = None,
        batch_tokens: int | None = None,
        vocabulary_chunk: int = VOCABULARY_CHUNK,
        template_options: Mapping[str, Any] | None = None,
        remote_images: bool = False,
    ) -> None:
        import torch

        if model.config.is_encoder_decoder:
            raise UserError(f"{type(model).__name__} is an encoder-decoder; likelihoods are read off causal models")
        config = model.config.get_text_config()
        known = [n for n in (limit, getattr(config, "max_position_embeddings", None)) if n is not None]
        self.limit = min(known) if known else None
        self.model, self.remote_images, self.vocabulary_chunk = model, remote_images, vocabulary_chunk
        vocabulary = int(model.get_input_embeddings().num_embeddings)
        self.template = VisionTemplate(processor, template_options)
        self.tokenizer = processor.tokenizer
        self.requests = RequestTokenizer(
            self.tokenizer, limit=self.limit, vocabulary=vocabulary, template=self.template
        )
        self.maker = InputsMaker(model, processor)
        self.batch_tokens = batch_tokens or BATCH_TOKENS["cpu" if self.device.type == "cpu" else "accelerator"]
        self._lock = threading.RLock()
        rope = str((getattr(config, "rope_parameters", None) or {}).get("rope_type", "default"))
        # Their rotation depends on the longest row of a batch, so every row is a batch, from its beginning.
        self._alone = rope in ("dynamic", "longrope")
        self.shares: bool | None = False if self._alone else None
        self._causal = False
        text = [i for i in range(min(vocabulary, 1000)) if i not in self.maker.image_ids]
        probe = [text[(7 * k + 3) % len(text)] for k in range(14)]
        self._strangers = probe[:2]
        self.head: Head = find_head(model, torch.tensor(probe, device=self.device).reshape(2, 7))

    @property
    def device(self) -> Any:
        """Where token ids go."""
        return self.model.get_input_embeddings().weight.device

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        """Token scores of each request, in order; what cannot be scored carries a typed outcome.

        Raises:
            UserError: a prompt that cannot be rendered, more or fewer images than places for them, a model that reads ahead.
        """
        import torch

        with self._lock, torch.no_grad():
            pictures = _Pictures(self.remote_images)
            read = [self._read(request, pictures) for request in requests]
            contexts: dict[Any, _Context] = {}
            wanted: dict[Any, dict[_Row, None]] = {}
            for each in read:
                if isinstance(each, _Read):
                    contexts[each.context.key] = each.context
                    wanted.setdefault(each.context.key, {})[each.row] = None
            count("contexts", len(contexts))
            found = self._score(contexts, wanted)
        return [
            _told(each.tokens, found[each.context.key, each.row]) if isinstance(each, _Read) else each for each in read
        ]

    # -- from requests to contexts and rows ---------------------------------------------------------------------------

    def _read(self, request: LogprobRequest, pictures: _Pictures) -> _Read | TokenScores:
        prompt, values = placed_images(request.prompt, request.images)
        try:
            images = tuple(pictures.read(value) for value in values)
        except UnreadableImage as error:
            return TokenScores.failed(Outcome.MISSING_DATA, str(error))
        tokens = self.requests.tokens(replace(request, prompt=prompt, images=()))
        if isinstance(tokens, TokenScores):
            return tokens
        plain = isinstance(request.prompt, str)
        header = str(prompt) if plain else self.template.turn(prompt, request.role).header
        begun = self.tokenizer(header, add_special_tokens=False)["input_ids"]
        held = tokens.prompt_length if plain else len(begun)
        rest = tokens.context_ids[held:]
        if self.maker.image_ids & {*rest, *tokens.target_ids}:
            return TokenScores.failed(Outcome.MISSING_DATA, "the target or prefix holds the model's image token")
        row = _Row(rest + tokens.target_ids, len(rest), request.temperature)
        return _Read(tokens, _Context(header, images, () if images else tokens.context_ids[:held]), row)

    # -- from contexts and rows to numbers ----------------------------------------------------------------------------

    def _score(self, contexts: Mapping[Any, _Context], wanted: Mapping[Any, Mapping[_Row, None]]) -> _Found:
        found: _Found = {}
        waiting: dict[Any, list[tuple[_Name, Inputs]]] = {}
        for key in sorted(contexts, key=lambda k: contexts[k].size, reverse=True):
            context = contexts[key]
            made = self.maker.inputs(context.header, context.images) if context.images else None
            inputs = made or self.maker.text_inputs(context.ids)
            rows = []
            for row in wanted[key]:
                length = len(inputs) + len(row.rest)
                if self.limit is not None and length > self.limit:
                    said = f"prompt, images and target have {length} tokens, the model takes {self.limit}"
                    found[key, row] = TokenScores.failed(Outcome.TRUNCATED, said)
                else:
                    rows.append(row)
            if rows and not self._causal:
                self._check_causal(inputs, rows[0])
            if len(rows) > 1 and self._may_share(inputs, rows):
                found |= self._numbers([(key, row) for row in rows], self._continued(inputs, [r.rest for r in rows]))
                continue
            batch = waiting.setdefault(inputs.signature, [])
            for row in rows:
                longest = max([len(inputs) + len(row.rest), *(len(made) + len(name[1].rest) for name, made in batch)])
                if batch and (self._alone or longest * (len(batch) + 1) > self.batch_tokens):
                    found |= self._whole_rows(batch)
                    batch.clear()
                batch.append(((key, row), inputs))
        for batch in waiting.values():
            found |= self._whole_rows(batch) if batch else {}
        return found

    def _whole_rows(self, batch: Sequence[tuple[_Name, Inputs]]) -> _Found:
        names = [name for name, _ in batch]
        return self._numbers(names, self._whole([(inputs, name[1].rest) for name, inputs in batch]))

    def _numbers(self, names: Sequence[_Name], states: Sequence[Tensor]) -> _Found:
        """Log-probabilities and log normalisers from what predicts each token of the rest, and what comes after it."""
        import torch

        kept = [state[name[1].skipped :] for name, state in zip(names, states, strict=True)]
        sizes = [len(state) for state in kept]
        hidden = torch.cat(kept)
        targets = [token for _, row in names for token in (*row.rest[row.skipped :], -1)]
        warmth = [row.temperature for (_, row), n in zip(names, sizes, strict=True) for _ in range(n)]
        arguments = (hidden, torch.tensor(targets).to(hidden.device), torch.tensor(warmth).to(hidden.device))
        chunk = self.vocabulary_chunk
        scored = from_logits(*arguments) if self.head.kind == "model" else self.head.logprobs(*arguments, chunk)
        ends = np.cumsum(sizes)[:-1]
        parts = zip(*(np.split(part.double().cpu().numpy(), ends) for part in scored), strict=True)
        return {name: (lp[:-1], lse) for name, (lp, lse) in zip(names, parts, strict=True)}

    def _whole(self, rows: Sequence[tuple[Inputs, Sequence[int]]]) -> list[Tensor]:
        """Per row the states (R + 1, d) at the context's last token and at the R tokens after it; logits without a known head."""
        states, _ = self._forward(self.maker.batch(rows), use_cache=False)
        return [states[k, len(inputs) - 1 : len(inputs) + len(rest)].clone() for k, (inputs, rest) in enumerate(rows)]

    def _continued(self, inputs: Inputs, rests: Sequence[Sequence[int]]) -> list[Tensor]:
        """As :meth:`_whole`, the context run once."""
        import torch

        states, past = self._forward(self.maker.batch([(inputs, ())]), use_cache=True)
        last = states[0, -1:]
        longest = max(map(len, rests))
        width = max(1, self.batch_tokens // (len(inputs) + longest))
        found: list[Tensor] = []
        for top in range(0, len(rests), width):
            part = rests[top : top + width]
            ids = torch.full((len(part), longest), self.maker.padding)
            for k, rest in enumerate(part):
                ids[k, : len(rest)] = torch.as_tensor(rest)
            again = past if top + width >= len(rests) else copy.deepcopy(past)
            again.batch_repeat_interleave(len(part))
            # No mask: what pads a row on the right comes after all that is read of it.
            states, _ = self._forward({"input_ids": ids, "past_key_values": again}, use_cache=True)
            found += [torch.cat([last, states[k, : len(rest)]]) for k, rest in enumerate(part)]
        return found

    def _forward(self, inputs: Mapping[str, Any], *, use_cache: bool) -> tuple[Tensor, Any]:
        """What the head is given, (B, S, d), and the cache; logits (B, S, V) where the head is not known."""
        given = {name: self._placed(value) for name, value in inputs.items()}
        if self.head.kind == "model":
            found = self.model(**given, use_cache=use_cache)
            return found.logits, getattr(found, "past_key_values", None)
        caught: list[Tensor] = []

        def catch(module: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
            caught.append(arguments[0])
            return (arguments[0][:, :1],)  # the model itself needs no logits

        handle = self.head.module.register_forward_pre_hook(catch)
        try:
            found = self.model(**given, use_cache=use_cache)
        finally:
            handle.remove()
        return caught[-1], getattr(found, "past_key_values", None)

    def _placed(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._placed(item) for item in value]
        if not hasattr(value, "is_floating_point"):
            return value
        return value.to(self.device, self.model.dtype) if value.is_floating_point() else value.to(self.device)

    # -- tests of the architecture ------------------------------------------------------------------------------------

    def _check_causal(self, inputs: Inputs, row: _Row) -> None:
        """Raise where what comes later changes the states before it, whatever type its tokens are given."""
        for fill in (0, 1):
            self.maker.fill = fill
            left, right = (self._whole([(inputs, (*row.rest[:-1], token))])[0][:-1] for token in self._strangers)
            if same(left, right):
                self._causal = True
                return
        raise UserError(
            f"{type(self.model).__name__} lets a token see those after it, so that it has no likelihood of a text to be read off; "
            "use a model that predicts from left to right"
        )

    def _may_share(self, inputs: Inputs, rows: Sequence[_Row]) -> bool:
        if self.shares is None:
            rests = [row.rest for row in rows[:2]]
            whole = self._whole([(inputs, rest) for rest in rests])
            try:
                continued = self._continued(inputs, rests)
            except Exception:  # a model's code meets a cache it does not expect: rows are run as a whole
                self.shares = False
            else:
                self.shares = all(same(left, right) for left, right in zip(continued, whole, strict=True))
        return self.shares


class _Pictures:
    """The images of one call, each read once."""

    def __init__(self, remote: bool) -> None:
        self.remote = remote
        self._known: dict[Any, tuple[Any, Any]] = {}

    def read(self, value: Any) -> Any:
        name = value if isinstance(value, (str, bytes)) else id(value)
        if name not in self._known:
            try:
                self._known[name] = value, read_image(value, remote=self.remote)
            except UnreadableImage as error:
                self._known[name] = value, error
        found = self._known[name][1]
        if isinstance(found, UnreadableImage):
            raise found
        return found


def _told(tokens: RequestTokens, found: tuple[Floats, Floats] | TokenScores) -> TokenScores:
    if isinstance(found, TokenScores):
        return found
    if np.isfinite(found[0]).all() and np.isfinite(found[1]).all():
        return tokens.scores(found[0].copy(), found[1].copy())
    return TokenScores.failed(Outcome.INSTRUMENT_ERROR, "the model's logits are not finite")
