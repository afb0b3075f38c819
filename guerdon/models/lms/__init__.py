"""The language models guerdon brings that say how likely a text is: local weights, inference servers."""

from __future__ import annotations

from guerdon.models.lms.sglang_lm import SGLang
from guerdon.models.lms.transformers_lm import TransformersLM
from guerdon.models.lms.vision_lm import VisionLM
from guerdon.models.lms.vllm_lm import VLLM

__all__ = ["VLLM", "SGLang", "TransformersLM", "VisionLM"]
