"""Inference servers on loopback that speak the JSON of vLLM and SGLang over a real tiny model, and can be made to lie."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tests.models.json_server import Answer, JSONServer


class LMServer(JSONServer):
    """A server of ``kind`` "vllm" or "sglang"; ``lie(content)`` may change a true answer."""

    def __init__(self, kind: str, model: Any, tokenizer: Any, *, limit: int = 256) -> None:
        self.kind, self.model, self.tokenizer, self.limit = kind, model, tokenizer, limit
        self.lie: Callable[[Any], Any] = lambda content: content
        super().__init__()

    def usual(self, body: dict[str, Any], path: str) -> Answer:
        vllm = self.kind == "vllm"
        if path != ("/v1/completions" if vllm else "/generate"):
            return 404, {"detail": "Not Found"}, {}
        ids = body["prompt"] if vllm else body["input_ids"]
        if len(ids) + vllm > self.limit:
            return 400, {"error": {"message": self.too_long(len(ids)), "type": "BadRequestError", "code": 400}}, {}
        if max(ids) >= self.model.config.vocab_size:
            return 400, {"error": {"message": f"Token id {max(ids)} is out of vocabulary", "code": 400}}, {}
        return 200, self.lie(self.completions(body) if vllm else self.generate(body)), {}

    def too_long(self, length: int) -> str:
        if self.kind == "vllm":
            return f"This model's maximum context length is {self.limit} tokens. However, your request has {length} input tokens."
        return f"The input ({length} tokens) is longer than the model's context length ({self.limit} tokens)."

    def rows(self, ids: list[int]) -> list[float]:
        """Log-probability of each token but the first, from the full logits in float64."""
        import torch

        with self.lock, torch.no_grad():
            logits = self.model(torch.tensor([ids])).logits[0, :-1].double()
        picked = logits.log_softmax(-1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
        return [float(value) for value in picked]

    def completions(self, body: dict[str, Any]) -> dict[str, Any]:
        """vLLM's ``/v1/completions``."""
        assert body["max_tokens"] >= 1 and body["prompt_logprobs"] == 0 and body["temperature"] == 1.0, body
        rows: list[Any] = [None]
        for token, value in zip(body["prompt"][1:], self.rows(body["prompt"]), strict=True):
            said = -9999.0 if value == -math.inf else value
            decoded = self.tokenizer.decode([token])
            rows.append({str(token): {"logprob": said, "rank": 1, "decoded_token": decoded}})
        choice = {"index": 0, "text": "a", "logprobs": None, "finish_reason": "length", "stop_reason": None}
        usage = {"prompt_tokens": len(body["prompt"]), "total_tokens": len(body["prompt"]) + 1, "completion_tokens": 1}
        return {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 1,
            "model": body["model"],
            "choices": [{**choice, "prompt_logprobs": rows}],
            "usage": usage,
        }

    def generate(self, body: dict[str, Any]) -> dict[str, Any]:
        """SGLang's ``/generate``: the first entry has no number, the last id of the vocabulary is reported as 0."""
        ids, start = body["input_ids"], body["logprob_start_len"]
        assert body["return_logprob"] is True and 0 <= start < len(ids), body
        known = self.model.config.vocab_size - 1
        numbers: list[float | None] = [None, *self.rows(ids)[start:]]
        entries = [[n, i if i < known else 0, None] for n, i in zip(numbers, ids[start:], strict=True)]
        meta = {
            "id": "1",
            "finish_reason": {"type": "length", "length": 0},
            "prompt_tokens": len(ids),
            "weight_version": "default",
            "input_token_logprobs": entries,
            "output_token_logprobs": [],
            "completion_tokens": 0,
            "cached_tokens": 0,
            "e2e_latency": 0.01,
        }
        return {"text": "", "output_ids": [], "meta_info": meta}
