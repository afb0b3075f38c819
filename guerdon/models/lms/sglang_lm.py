"""A model served by SGLang: input log-probabilities of ``/generate``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from guerdon.models.lms.http_lm import HTTPLM, Floats
from guerdon.models.lms.spans import RequestTokens
from guerdon.registry import register


@register("lm", "sglang")
@dataclass(frozen=True)
class SGLang(HTTPLM):
    """Log-probabilities from an SGLang server; see :class:`~guerdon.models.lms.http_lm.HTTPLM` for the fields.

    The server is asked from the token before the target on, since it gives its first token no number; what lies before is read
    from its prefix cache. ``model`` only names the tokenizer, unless ``tokenizer`` does. ``logsumexp`` is not given. SGLang
    reports the last id of the vocabulary as 0; a target that holds it is a typed failure.

    >>> SGLang("http://127.0.0.1:30000", "Qwen/Qwen3-0.6B").address
    'http://127.0.0.1:30000/generate'
    """

    path: ClassVar[str] = "/generate"

    def body(self, tokens: RequestTokens) -> dict[str, Any]:
        return {
            "input_ids": list(tokens.ids),
            "sampling_params": {"temperature": 1.0, "max_new_tokens": 0},
            "return_logprob": True,
            "logprob_start_len": len(tokens.context_ids) - 1,
            "return_text_in_logprobs": False,
            "stream": False,
            **self.extra_body,
        }

    def read(self, answer: Any, tokens: RequestTokens) -> Floats | str:
        meta = answer.get("meta_info") if isinstance(answer, dict) else None
        rows = meta.get("input_token_logprobs") if isinstance(meta, dict) else None
        if not isinstance(rows, list):
            return "no list meta_info.input_token_logprobs; does the server run SGLang?"
        if not all(isinstance(row, list) and len(row) >= 2 for row in rows):
            return "an entry of input_token_logprobs is not [log-probability, token id, text]"
        target = list(tokens.target_ids)
        asked = [tokens.context_ids[-1], *target]
        ids = [row[1] for row in rows]
        if ids != asked and ids != target:  # some versions leave out the token before
            if len(ids) not in (len(asked), len(target)):
                return f"log-probabilities of {len(ids)} tokens, not of the {len(asked)} that were asked for"
            return "its token ids are not those that were sent"
        numbers = [row[0] for row in rows[-len(target) :]]
        known = [isinstance(n, (int, float)) and not isinstance(n, bool) for n in numbers]
        return np.array([n if ok else np.nan for n, ok in zip(numbers, known, strict=True)], dtype=np.float64)
