"""A model served by vLLM: prompt log-probabilities of ``/v1/completions``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from guerdon.models.lms.http_lm import HTTPLM, Floats
from guerdon.models.lms.spans import RequestTokens
from guerdon.registry import register

# What vLLM writes for minus infinity, which JSON lacks.
_MINUS_INFINITY = -9999.0


@register("lm", "vllm")
@dataclass(frozen=True)
class VLLM(HTTPLM):
    """Log-probabilities from a vLLM server; see :class:`~guerdon.models.lms.http_lm.HTTPLM` for the fields.

    vLLM always generates, so one token is asked for and dropped. The sampling parameters that could change log-probabilities
    are sent as neutral, whatever the server's defaults. The server computes the whole prompt each time (it does not read its
    prefix cache for prompt log-probabilities). ``logsumexp`` is not given.

    >>> VLLM("http://127.0.0.1:8000", "Qwen/Qwen3-0.6B").address
    'http://127.0.0.1:8000/v1/completions'
    """

    path: ClassVar[str] = "/v1/completions"

    def body(self, tokens: RequestTokens) -> dict[str, Any]:
        return {
            "model": self.model,
            "prompt": list(tokens.ids),
            "max_tokens": 1,
            "prompt_logprobs": 0,
            "temperature": 1.0,
            "top_p": 1.0,
            "top_k": -1,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "stream": False,
            **self.extra_body,
        }

    def read(self, answer: Any, tokens: RequestTokens) -> Floats | str:
        choices = answer.get("choices") if isinstance(answer, dict) else None
        choice = choices[0] if isinstance(choices, list) and len(choices) == 1 else None
        rows = choice.get("prompt_logprobs") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(rows, list):
            return "no list choices[0].prompt_logprobs; does the server run vLLM, with max_logprobs above 0?"
        if len(rows) != len(tokens.ids):
            return f"log-probabilities of {len(rows)} tokens, not of the {len(tokens.ids)} that were sent"
        echoed = choice.get("prompt_token_ids")
        if echoed is not None and echoed != list(tokens.ids):
            return "its prompt_token_ids are not those that were sent"
        values = np.full(len(tokens.target_ids), np.nan)
        start = len(tokens.context_ids)
        for place, (row, token) in enumerate(zip(rows, tokens.ids, strict=True)):
            if row is None and place == 0:
                continue
            if not isinstance(row, dict) or str(token) not in row:
                return f"no log-probability of token {token} at position {place}"
            entry = row[str(token)]
            value = entry.get("logprob") if isinstance(entry, dict) else None
            if place >= start and isinstance(value, (int, float)) and not isinstance(value, bool):
                values[place - start] = -np.inf if value == _MINUS_INFINITY else value
        return values
