"""A randomly initialised two-layer policy with a word-level tokenizer, small enough to train in a test."""

from __future__ import annotations

from pathlib import Path

WORDS = "what is one two three four five plus minus the answer no yes because and sum of".split()
CHAT = "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}{% if add_generation_prompt %}assistant {% endif %}"


def save_policy(folder: Path) -> str:
    """A policy and its tokenizer in ``folder``; the path as text. Granite, because it loads any tokenizer as saved."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GraniteConfig, GraniteForCausalLM, PreTrainedTokenizerFast, set_seed

    set_seed(0)
    vocabulary = ["<pad>", "<eos>", "<unk>", "user", "assistant", "system", *WORDS]
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
    tokenizer.chat_template = CHAT
    config = GraniteConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=128,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=1,
    )
    GraniteForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
