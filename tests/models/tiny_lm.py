"""Randomly initialised language models of several architectures, and BPE tokenizers trained in this process, for tests."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

CORPUS = (
    "The quick brown fox jumps over the lazy dog. What is two plus three? The answer is five, because two and three make five.",
    "Paris is the capital of France; Rome is the capital of Italy. Which city is larger? I do not know, but I can look it up.",
    "A red circle is left of a blue square. The green triangle is above them. Explain your reasoning step by step, then answer.",
    "user assistant system tool: you are a helpful assistant. Yes, no, maybe. 0 1 2 3 4 5 6 7 8 9 10 11 12 100 1000.",
    "<think>let me think about it</think><answer>forty-two</answer> unbelievable understanding of international relations",
)
SPECIAL = ("<|bos|>", "<|eos|>", "<|pad|>", "<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>")

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Begins with the beginning-of-text token, as Llama 3's does, and strips every content.
LLAMA = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m['role'] }}\n\n{{ m['content'] | trim }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n\n{% endif %}"
)
# Knows no system role and no other order than user, model, user; calls the assistant model.
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
# Knows no header of the assistant's turn, as Mistral's and Llama 2's do not.
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% else %} {{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
# Ignores add_generation_prompt though it writes a header.
FORGETFUL = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
TEMPLATES = {"chatml": CHATML, "llama": LLAMA, "gemma": GEMMA, "mistral": MISTRAL, "forgetful": FORGETFUL}


@cache
def tiny_tokenizer(
    template: str | None = "chatml",
    *,
    sentencepiece: bool = False,
    adds_bos: bool = False,
    pad: str = "<|pad|>",
    size: int = 400,
) -> Any:
    """A tokenizer with the special tokens above.

    Args:
        template: a name in ``TEMPLATES``, or None for a model that knows no chat.
        sentencepiece: as Llama 2's: "▁" for spaces and one before any text, bytes for what the vocabulary lacks; else byte-level.
        adds_bos: whether plain text gets the beginning-of-text token.
        pad: the padding token; ``"<|eos|>"`` for pad == eos.
        size: entries of the vocabulary.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    options: dict[str, Any] = {"vocab_size": size, "show_progress": False}
    if sentencepiece:
        raw = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
        raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        raw.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
        bytes_ = [f"<0x{i:02X}>" for i in range(256)]
        options |= {"vocab_size": size + 256, "special_tokens": [*SPECIAL, "<unk>", *bytes_]}
    else:
        raw = Tokenizer(models.BPE())
        raw.normalizer = normalizers.NFC()
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.decoder = decoders.ByteLevel()
        options |= {"special_tokens": list(SPECIAL), "initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}
    raw.train_from_iterator(CORPUS, trainers.BpeTrainer(**options))
    if sentencepiece:  # bytes are ordinary entries
        written = json.loads(raw.to_str())
        written["added_tokens"] = [t for t in written["added_tokens"] if not t["content"].startswith("<0x")]
        raw = Tokenizer.from_str(json.dumps(written))
    if adds_bos:
        raw.post_processor = processors.TemplateProcessing("<|bos|> $A", special_tokens=[("<|bos|>", 0)])
    eos = "<|im_end|>" if template == "chatml" and pad != "<|eos|>" else "<|eos|>"
    fast: Any = PreTrainedTokenizerFast
    tokenizer = fast(tokenizer_object=raw, bos_token="<|bos|>", eos_token=eos, pad_token=pad)
    tokenizer.chat_template = None if template is None else TEMPLATES[template]
    return tokenizer


ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma2", "cohere", "granite", "gpt2", "falcon_h1")


@cache
def tiny_model(kind: str = "llama", *, tied: bool = True, size: int = 700, positions: int = 256) -> Any:
    """A random model of two layers in float32, in eval mode, spread enough that its log-probabilities differ by token.

    Not to be changed: tests share it. Copy it with ``copy.deepcopy`` to train it.
    """
    import torch
    import transformers

    auto: Any = transformers.AutoModelForCausalLM

    options: dict[str, Any] = {
        "vocab_size": size,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": positions,
        "tie_word_embeddings": tied,
        "initializer_range": 0.4,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 2,
    }
    if kind == "gemma2":
        options |= {"final_logit_softcapping": 5.0, "attn_logit_softcapping": 20.0, "sliding_window": 16}
    if kind == "cohere":
        options |= {"logit_scale": 0.25}
    if kind == "granite":
        options |= {"logits_scaling": 2.0, "embedding_multiplier": 1.5}
    if kind == "gpt2":
        options = {"vocab_size": size, "n_positions": positions, "n_embd": 32, "n_layer": 2, "n_head": 4}
        options |= {"initializer_range": 0.4, "tie_word_embeddings": tied, "bos_token_id": 0, "eos_token_id": 1}
    if kind == "falcon_h1":
        options |= {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1}
        options |= {"lm_head_multiplier": 0.5}
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **options)
    return auto.from_config(config, attn_implementation="eager" if kind == "gemma2" else None).eval()


def save_tiny(folder: Path, kind: str = "llama", template: str | None = "chatml", **options: Any) -> str:
    """A model and its tokenizer in ``folder``; the path as text."""
    tiny_model(kind, **options).save_pretrained(folder)
    tiny_tokenizer(template).save_pretrained(folder)
    return str(folder)
