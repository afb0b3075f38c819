"""Token scores of requests under any (model, tokenizer) of transformers: shared prefixes, packed batches, head on targets only."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from guerdon.errors import MissingExtra, UserError
from guerdon.models.lm import LogprobRequest, TokenScores
from guerdon.models.lms.attention_cache import captured, shared_prefix_cache
from guerdon.models.lms.chunked import VOCABULARY_CHUNK
from guerdon.models.lms.head import find_head, from_logits, same
from guerdon.models.lms.packing import Row, packed, shared_groups, waves
from guerdon.models.lms.prefixes import Prefix, PrefixStore
from guerdon.models.lms.spans import RequestTokenizer, RequestTokens
from guerdon.scores import Outcome

if TYPE_CHECKING:
    from torch import Tensor

BATCH_TOKENS = {"cpu": 2048, "accelerator": 32768}
# Rows of hidden states that are gathered before the head reads them.
_HEAD_ROWS = 4096
# Tokens that are rather run once per row than in a pass of their own.
_NOT_WORTH_A_PASS = 64


@dataclass(frozen=True, eq=False)
class TokenTensors:
    """One request's numbers as tensors, with their graph where gradients were asked for.

    Attributes:
        tokens: what was scored.
        logprobs: (T,) float32.
        logsumexp: (T + 1,) float32.
    """

    tokens: RequestTokens
    logprobs: Tensor
    logsumexp: Tensor


class LikelihoodEngine:
    """Scores requests with a causal language model that is loaded already.

    Only target positions reach the head, which runs in chunks of the vocabulary (see :mod:`guerdon.models.lms.chunked`). Requests
    whose tokens begin alike run that beginning once; identical ones are computed once. Rows are packed by length up to
    ``batch_tokens``, padding included; what a row scores does not depend on its neighbours beyond rounding. When made, the engine
    compares its head, and its way of sharing prefixes, with the model's own logits on a few tokens: where they differ, or the
    model keeps other than keys and values (state-space layers), the model's own forward pass is used.

    Args:
        model: a transformers causal language model; for training with adapters or wrappers, the unwrapped model.
        tokenizer: its tokenizer.
        limit: tokens it takes, context and target together; None: what its configuration says.
        batch_tokens: tokens of a batch; None: what suits the device.
        vocabulary_chunk: columns of the head at a time.
        cache_bytes: memory for prefixes kept from call to call; 0 for weights that change (the policy in training).
        template_options: variables for the chat template.
        request_tokenizer: in place of the default one.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        limit: int | None = None,
        batch_tokens: int | None = None,
        vocabulary_chunk: int = VOCABULARY_CHUNK,
        cache_bytes: int = 0,
        template_options: Mapping[str, Any] | None = None,
        request_tokenizer: RequestTokenizer | None = None,
    ) -> None:
        try:
            import torch
        except ImportError as error:
            raise MissingExtra("torch", extra="lm") from error
        if model.config.is_encoder_decoder:
            raise UserError(f"{type(model).__name__} is an encoder-decoder; likelihoods are read off causal models")
        config = model.config.get_text_config()
        self.model = model
        self.vocabulary = int(model.get_input_embeddings().num_embeddings)
        longest = getattr(config, "max_position_embeddings", None)
        known = [n for n in (limit, longest) if n is not None]
        self.requests = request_tokenizer or RequestTokenizer(
            tokenizer,
            limit=min(known) if known else None,
            vocabulary=self.vocabulary,
            template_options=template_options,
        )
        where = "cpu" if self.device.type == "cpu" else "accelerator"
        self.batch_tokens = batch_tokens or BATCH_TOKENS[where]
        self.vocabulary_chunk = vocabulary_chunk
        self.store = PrefixStore(cache_bytes)
        self.layers = int(getattr(config, "num_hidden_layers", 0))
        self._lock = threading.RLock()
        rope = str((getattr(config, "rope_parameters", None) or {}).get("rope_type", "default"))
        # Their rotation depends on the longest row of a batch, so every row is a batch, from its beginning.
        self._alone = rope in ("dynamic", "longrope")
        with self._evaluating():
            probe = (torch.arange(14, device=self.device).reshape(2, 7) * 7 + 3) % self.vocabulary
            self.head = find_head(model, probe)
            self.shares = not self._alone and self.head.kind != "model" and self._shares_prefixes(probe)

    @property
    def device(self) -> Any:
        """Where token ids go."""
        return self.model.get_input_embeddings().weight.device

    def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
        """Token scores of each request, in order; what cannot be scored carries a typed outcome.

        Raises:
            UserError: a request with images, or whose messages cannot be rendered.
        """
        found: list[TokenScores] = []
        for scored in self.tensors(requests):
            if isinstance(scored, TokenScores):
                found.append(scored)
                continue
            logprobs = scored.logprobs.double().cpu().numpy()
            normaliser = scored.logsumexp.double().cpu().numpy()
            if np.isfinite(logprobs).all() and np.isfinite(normaliser).all():
                found.append(scored.tokens.scores(logprobs, normaliser))
            else:
                found.append(TokenScores.failed(Outcome.INSTRUMENT_ERROR, "the model's logits are not finite"))
        return found

    def tensors(
        self, requests: Sequence[LogprobRequest], *, with_grad: bool = False
    ) -> list[TokenTensors | TokenScores]:
        """As :meth:`logprobs`, as tensors; ``with_grad``: with their graph, the model in the mode (train, eval) it is in.

        Numbers that are not finite stay as they are here.
        """
        tokens = [self._tokens(request) for request in requests]
        rows: dict[tuple[Any, ...], int] = {}
        distinct: list[Row] = []
        place: list[int] = []
        for request, one in zip(requests, tokens, strict=True):
            if isinstance(one, TokenScores):
                place.append(-1)
                continue
            row = Row(one.ids, len(one.context_ids) - 1, request.temperature, one.prompt_length)
            key = (row.ids, row.first, row.temperature)
            if key not in rows:
                rows[key] = len(distinct)
                distinct.append(row)
            place.append(rows[key])
        import torch

        with self._lock, nullcontext() if with_grad else torch.no_grad(), self._evaluating(not with_grad):
            scored = self._score(distinct, with_grad) if distinct else []
        return [
            one if isinstance(one, TokenScores) else TokenTensors(one, scored[k][0][:-1], scored[k][1])
            for one, k in zip(tokens, place, strict=True)
        ]

    def _tokens(self, request: LogprobRequest) -> RequestTokens | TokenScores:
        if request.images:
            raise UserError("images: this back-end reads text only; use a vision-language model")
        return self.requests.tokens(request)

    def _score(self, rows: list[Row], with_grad: bool) -> list[tuple[Tensor, Tensor]]:
        """``(logprobs, logsumexp)``, both (T + 1,), per row."""
        if self.head.kind == "model":
            return [self._by_the_model(row) for row in rows]
        # Checkpointed layers run again in the backward pass, where no cache can be.
        shares = self.shares and not (with_grad and self.model.training and _checkpointing(self.model))
        store = None if with_grad or not self.store.limit else self.store
        groups = shared_groups(rows, keeps=store is not None) if shares else [(0, [i]) for i in range(len(rows))]
        found: dict[int, tuple[Tensor, Tensor]] = {}
        waiting: list[tuple[int, Tensor]] = []
        for wave in waves(groups, rows, self.batch_tokens):
            wanted = [(rows[members[0]].ids[:length], len(members)) for length, members in wave]
            prefixes = self._prefixes(wanted, store)
            jobs = [(i, prefix) for prefix, (_, members) in zip(prefixes, wave, strict=True) for i in members]
            for batch in packed(jobs, rows, 1 if self._alone else self.batch_tokens):
                waiting += self._hidden(batch, rows)
                if sum(len(hidden) for _, hidden in waiting) >= _HEAD_ROWS:
                    found |= self._through_head(waiting, rows)
                    waiting = []
        found |= self._through_head(waiting, rows) if waiting else {}
        return [found[i] for i in range(len(rows))]

    def _prefixes(self, wanted: list[tuple[tuple[int, ...], int]], store: PrefixStore | None) -> list[Prefix | None]:
        """The prefixes of a wave, given with how many rows share them: those known from before, the others run, in batches."""
        found: list[Prefix | None] = [None] * len(wanted)
        lacking: list[tuple[int, Prefix | None]] = []
        for i, (ids, members) in enumerate(wanted):
            known = store.longest(np.asarray(ids)) if store is not None and ids else None
            if known is not None and (len(ids) - len(known)) * max(members - 1, 1) <= _NOT_WORTH_A_PASS:
                found[i] = known
            elif ids:
                lacking.append((i, known))
        lacking.sort(key=lambda job: -len(wanted[job[0]][0]))
        while lacking:
            width = 1 if self._alone else max(1, self.batch_tokens // len(wanted[lacking[0][0]][0]))
            batch, lacking = lacking[:width], lacking[width:]
            begun = [known for _, known in batch]
            rest = [wanted[i][0][len(known or ()) :] for i, known in batch]
            _, past = self._forward(begun, rest, capture=True)
            for k, (i, known) in enumerate(batch):
                layers = captured(past, k, len(rest[k]))
                if known is not None:
                    layers = _joined(known.layers, layers)
                prefix = found[i] = Prefix(np.asarray(wanted[i][0]), layers)
                if store is not None:
                    store.add(prefix)
        return found

    def _hidden(self, batch: list[tuple[int, Prefix | None]], rows: list[Row]) -> list[tuple[int, Tensor]]:
        """Hidden states (T + 1, d) that predict each target token and what comes after the last."""
        prefixes = [prefix for _, prefix in batch]
        lengths = [len(prefix or ()) for prefix in prefixes]
        hidden, _ = self._forward(prefixes, [rows[i].ids[n:] for (i, _), n in zip(batch, lengths, strict=True)])
        # Cloned, so that the rows that wait for the head do not keep the rest of their batch.
        return [
            (i, hidden[k, rows[i].first - n : len(rows[i].ids) - n].clone())
            for k, ((i, _), n) in enumerate(zip(batch, lengths, strict=True))
        ]

    def _forward(
        self, prefixes: Sequence[Prefix | None], tokens: Sequence[Sequence[int]], *, capture: bool = False
    ) -> tuple[Tensor, Any]:
        """Hidden states (B, S, d) of each row's tokens after its prefix, padded on the right, and the cache."""
        import torch

        widths = [len(row) for row in tokens]
        held = [len(prefix or ()) for prefix in prefixes]
        size, before = max(widths), max(held)
        ids = torch.zeros((len(tokens), size), dtype=torch.long)
        # Padding on the right is not masked: no token sees what comes after it, and a position that sees nothing at all would
        # be NaN, harmless itself but not in a backward pass.
        mask = torch.ones((len(tokens), before + size), dtype=torch.long)
        for k, row in enumerate(tokens):
            ids[k, : len(row)] = torch.as_tensor(row)
            mask[k, : before - held[k]] = 0
        device = self.device
        if not before and not capture:
            found = self.head.decoder(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
            return found.last_hidden_state, None
        past = shared_prefix_cache(prefixes, self.layers, capture=capture)
        steps = torch.arange(size).expand(len(tokens), -1)
        positions = torch.tensor(held)[:, None] + torch.minimum(steps, torch.tensor(widths)[:, None] - 1)
        found = self.head.decoder(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            position_ids=positions.to(device),
            past_key_values=past,
            use_cache=True,
        )
        return found.last_hidden_state, past

    def _through_head(self, waiting: list[tuple[int, Tensor]], rows: list[Row]) -> dict[int, tuple[Tensor, Tensor]]:
        import torch

        hidden = torch.cat([part for _, part in waiting])
        sizes = [len(part) for _, part in waiting]
        targets = [(*rows[i].ids[rows[i].first + 1 :], -1) for i, _ in waiting]
        wanted = torch.tensor([token for row in targets for token in row], device=hidden.device)
        warmth = [rows[i].temperature for (i, _), n in zip(waiting, sizes, strict=True) for _ in range(n)]
        scored = self.head.logprobs(hidden, wanted, torch.tensor(warmth, device=hidden.device), self.vocabulary_chunk)
        parts = zip(*(torch.split(numbers, sizes) for numbers in scored), strict=True)
        return {i: pair for (i, _), pair in zip(waiting, parts, strict=True)}

    def _by_the_model(self, row: Row) -> tuple[Tensor, Tensor]:
        import inspect

        import torch

        wanted = len(row.ids) - row.first
        ids = torch.tensor([row.ids], device=self.device)
        fewer = "logits_to_keep" in inspect.signature(self.model.forward).parameters
        logits = self.model(input_ids=ids, use_cache=False, **({"logits_to_keep": wanted} if fewer else {})).logits
        targets = torch.tensor([*row.ids[row.first + 1 :], -1], device=logits.device)
        return from_logits(logits[0, -wanted:], targets, torch.full((wanted,), row.temperature))

    def _shares_prefixes(self, probe: Tensor) -> bool:
        """Whether rows that go on from prefixes of different lengths get the hidden states they get as a whole."""
        import torch

        rows = [tuple(row) for row in probe.tolist()]
        cuts = (5, 3)
        try:
            with torch.no_grad():
                _, past = self._forward(
                    [None, None], [row[:n] for row, n in zip(rows, cuts, strict=True)], capture=True
                )
                made = [Prefix(np.asarray(rows[k][:n]), captured(past, k, n)) for k, n in enumerate(cuts)]
                parts, _ = self._forward(made, [row[n:] for row, n in zip(rows, cuts, strict=True)])
                whole, _ = self._forward([None, None], rows)
        except Exception:  # a model's code meets a cache it does not know: it is run without one
            return False
        return all(same(parts[k, : 7 - n], whole[k, n:], 1e-3) for k, n in enumerate(cuts))

    @contextmanager
    def _evaluating(self, wanted: bool = True) -> Iterator[None]:
        """Within it the model neither drops out nor checkpoints; every module's own mode comes back after."""
        training = [module for module in self.model.modules() if module.training] if wanted else []
        for module in training:
            module.training = False
        try:
            yield
        finally:
            for module in training:
                module.training = True


def _checkpointing(model: Any) -> bool:
    named = (getattr(model, name, None) for name in ("is_activation_checkpointing", "is_gradient_checkpointing"))
    return bool(next((value for value in named if value is not None), False))


def _joined(
    left: tuple[tuple[Tensor, Tensor], ...], right: tuple[tuple[Tensor, Tensor], ...]
) -> tuple[tuple[Tensor, Tensor], ...]:
    import torch

    return tuple(
        (torch.cat([a, c], dim=1), torch.cat([b, d], dim=1)) for (a, b), (c, d) in zip(left, right, strict=True)
    )
