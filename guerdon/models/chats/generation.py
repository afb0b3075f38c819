"""Generation with a transformers model: left-padded batches, each row with its own limit, seed, choices and log-probabilities."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from guerdon.errors import UserError
from guerdon.frozen import FrozenDict
from guerdon.models.chat import ChatReply, ChatRequest
from guerdon.models.lms.templates import ChatTemplate
from guerdon.scores import Outcome


class Generator:
    """A loaded model that answers requests; one batch at a time, whatever thread asks."""

    def __init__(
        self, model: Any, tokenizer: Any, *, max_tokens: int, batch_tokens: int, template_options: Mapping[str, Any]
    ) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.max_tokens, self.batch_tokens = max_tokens, batch_tokens
        self.template = ChatTemplate(tokenizer, template_options)
        self.ends = end_tokens(model, tokenizer)
        self.limit: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self._lock = threading.Lock()

    def replies(self, requests: Sequence[ChatRequest], stopped: threading.Event) -> list[ChatReply]:
        """One reply per request, in order; once ``stopped`` is set no more tokens are generated.

        Raises:
            UserError: the model has no chat template, or it refuses the messages.
        """
        prompts = [self._prompt(request) for request in requests]
        found: dict[int, ChatReply] = {}
        rows = []
        for i, (request, prompt) in enumerate(zip(requests, prompts, strict=True)):
            if self.limit is not None and len(prompt) + 1 > self.limit:
                said = f"the request has {len(prompt)} tokens, the model's context {self.limit}"
                found[i] = ChatReply(outcome=Outcome.INSTRUMENT_ERROR, message=said)
            else:
                rows.append((len(prompt), self._most(request, prompt), i))
        for batch in _batches(sorted(rows), self.batch_tokens):
            with self._lock:
                if not stopped.is_set():
                    chosen = [requests[i] for i in batch]
                    answers = self._generated(chosen, [prompts[i] for i in batch], stopped)
                    found |= dict(zip(batch, answers, strict=True))
        cut = ChatReply(outcome=Outcome.TIMED_OUT, message="stopped before it was answered")
        return [found.get(i, cut) for i in range(len(requests))]

    def _prompt(self, request: ChatRequest) -> list[int]:
        text = self.template.render([dict(message) for message in request.messages], open_turn=True)
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _most(self, request: ChatRequest, prompt: list[int]) -> int:
        most = self.max_tokens if request.max_tokens is None else request.max_tokens
        return most if self.limit is None else min(most, self.limit - len(prompt))

    def _generated(
        self, requests: Sequence[ChatRequest], prompts: Sequence[list[int]], stopped: threading.Event
    ) -> list[ChatReply]:
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        width = max(map(len, prompts))
        device = self.model.device
        pad = self.ends[0] if self.tokenizer.pad_token_id is None else self.tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
        limits = [self._most(request, prompt) for request, prompt in zip(requests, prompts, strict=True)]
        choices = [[self._tokens(choice) for choice in request.choices] for request in requests]
        chooser = TokenChooser(requests, choices, self.ends, width)
        with torch.inference_mode():
            made = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=_greedy(self.ends, pad),
                max_new_tokens=max(limits),
                logits_processor=LogitsProcessorList([chooser]),
                stopping_criteria=StoppingCriteriaList([_Limits(limits, width, stopped)]),
            )
        rows = made[:, width:].tolist()
        return [
            self._reply(*row, chooser, i) for i, row in enumerate(zip(requests, prompts, rows, limits, strict=True))
        ]

    def _tokens(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _reply(
        self, request: ChatRequest, prompt: list[int], row: list[int], limit: int, chooser: TokenChooser, i: int
    ) -> ChatReply:
        end = next((at for at, token in enumerate(row) if token in self.ends), None)
        said = row[: limit if end is None else end]
        text = str(self.tokenizer.decode(said, skip_special_tokens=True))
        usage = FrozenDict(tokens_in=float(len(prompt)), tokens_out=float(len(said) + (end is not None)))
        logprobs = None
        if request.top_logprobs:
            logprobs = tuple(self._named(place) for place in chooser.logprobs(i, said))
        if end is None and limit != 1 and text not in request.choices:
            return ChatReply(text, Outcome.TRUNCATED, "reached its limit of tokens", logprobs, usage)
        return ChatReply(text, logprobs=logprobs, usage=usage)

    def _named(self, place: Mapping[int, float]) -> FrozenDict:
        """Log-probabilities by the text of tokens; tokens of one text count by the best of them."""
        named: dict[str, float] = {}
        for token, value in place.items():
            text = str(self.tokenizer.decode([token]))
            named[text] = max(value, named.get(text, value))
        return FrozenDict(named)


class TokenChooser:
    """Makes the greedy choice of ``generate`` each request's own: masks what no choice goes on with, and adds Gumbel noise of
    the request's seed where it samples, which makes the largest logit a draw from softmax(logits / temperature)."""

    def __init__(
        self, requests: Sequence[ChatRequest], choices: Sequence[list[list[int]]], ends: Sequence[int], width: int
    ) -> None:
        self.requests, self.choices, self.ends, self.width = requests, choices, ends, width
        self.alternatives = max((request.top_logprobs for request in requests), default=0)
        self._seen: list[tuple[Any, Any, Any]] = []
        self._noise = [_noise(request) for request in requests]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        logits = scores.float()
        if self.alternatives:
            normal = logits.log_softmax(-1)
            top = normal.topk(min(self.alternatives, normal.shape[-1]), -1)
            self._seen.append((normal, top.values.cpu(), top.indices.cpu()))
        chosen = logits.clone()
        for i, request in enumerate(self.requests):
            if self.choices[i]:
                chosen[i] = self._masked(chosen[i], input_ids[i, self.width :].tolist(), self.choices[i])
            noise = self._noise[i]
            if noise is not None:
                uniform = torch.rand(chosen.shape[-1], generator=noise).clamp_(1e-20, 1 - 1e-7)
                chosen[i] = chosen[i] / request.temperature - uniform.log().neg().log().to(chosen.device)
        if self._seen:
            picked = chosen.argmax(-1, keepdim=True)
            normal, values, indices = self._seen[-1]
            self._seen[-1] = (normal.gather(-1, picked).cpu(), values, indices)
        return chosen

    def _masked(self, row: Any, said: list[int], choices: list[list[int]]) -> Any:
        """Logits of one row with only the tokens that some choice goes on with, or the end after a whole one."""
        import torch

        n = len(said)
        going_on = {choice[n] for choice in choices if len(choice) > n and choice[:n] == said}
        allowed = sorted(going_on | (set(self.ends) if said in choices or not going_on else set()))
        masked = torch.full_like(row, -torch.inf)
        masked[allowed] = row[allowed]
        return masked

    def logprobs(self, i: int, said: Sequence[int]) -> list[dict[int, float]]:
        """Per token of a reply, token -> log-probability of the best alternatives and of the token itself."""
        most = self.requests[i].top_logprobs
        places = []
        for token, (own, values, indices) in zip(said, self._seen, strict=False):
            best = dict(zip(indices[i].tolist()[:most], values[i].tolist()[:most], strict=True))
            places.append({**best, token: float(own[i, 0])})
        return places


class _Limits:
    """Stops each row at its own number of tokens, and all of them once the caller has gone."""

    def __init__(self, limits: Sequence[int], width: int, stopped: threading.Event) -> None:
        import torch

        self.limits, self.width, self.stopped = torch.tensor(limits), width, stopped

    def __call__(self, input_ids: Any, scores: Any, **options: Any) -> Any:
        length = input_ids.shape[1] - self.width
        return ((self.limits <= length) | self.stopped.is_set()).to(input_ids.device)


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """The tokens that end a turn, by the generation's configuration and the tokenizer.

    Raises:
        UserError: there are none.
    """
    said = getattr(model.generation_config, "eos_token_id", None)
    ends = [*(said if isinstance(said, (list, tuple)) else [said]), tokenizer.eos_token_id]
    known = list(dict.fromkeys(token for token in ends if token is not None))
    if not known:
        raise UserError(
            "the model knows no token that ends a reply; set tokenizer.eos_token, or generation_config.json"
        )
    return known


def _greedy(ends: Sequence[int], pad: int) -> Any:
    from transformers import GenerationConfig

    configuration: Any = GenerationConfig
    return configuration(do_sample=False, num_beams=1, eos_token_id=list(ends), pad_token_id=pad, use_cache=True)


def _noise(request: ChatRequest) -> Any:
    """Where a request's randomness comes from, a torch generator; None for a greedy one."""
    import torch

    if request.temperature == 0:
        return None
    source = torch.Generator()
    if request.seed is None and request.sample is None:
        source.seed()
    else:
        source.manual_seed((request.seed or 0) + (request.sample or 0))
    return source


def _batches(rows: Sequence[tuple[int, int, int]], budget: int) -> list[list[int]]:
    """Numbers of rows (tokens of prompt, tokens of reply, number) in batches: (longest prompt + longest reply) x rows <= budget."""
    batches: list[list[int]] = []
    held: list[tuple[int, int, int]] = []
    for row in rows:
        longest = max(most for _, most, _ in [*held, row]) + row[0]
        if held and longest * (len(held) + 1) > budget:
            batches.append([number for _, _, number in held])
            held = []
        held.append(row)
    return [*batches, [number for _, _, number in held]] if held else batches
