"""Policies: loaded from a folder or a hub, or built tiny from nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from guerdon.errors import UserError
from guerdon.training.runfile import Policy, Tiny


def save_base(policy: Policy, folder: Path, texts: Iterable[str], tags: Sequence[str], seed: int) -> None:
    """Put the untrained policy and its tokenizer into ``folder``; a tiny one knows ``texts`` and has a token for each tag."""
    if policy.model == "tiny":
        model, tokenizer = tiny_policy(policy.tiny, texts, tags, seed)
    else:
        model, tokenizer = load_policy(policy.model, policy)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def load_policy(where: str | Path, policy: Policy) -> tuple[Any, Any]:
    """The model and tokenizer of a folder or hub id.

    Raises:
        UserError: neither can be found.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = getattr(torch, policy.dtype)
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=policy.trust_remote_code)
        model = AutoModelForCausalLM.from_pretrained(where, dtype=dtype, trust_remote_code=policy.trust_remote_code)
    except (OSError, ValueError) as error:
        hint = "give a local folder, a hub id this machine can reach, or 'tiny'"
        raise UserError(
            f"policy.model={str(where)!r} cannot be loaded ({' '.join(str(error).split())[:200]}); {hint}"
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return model, tokenizer


def tiny_policy(shape: Tiny, texts: Iterable[str], tags: Sequence[str], seed: int) -> tuple[Any, Any]:
    """A randomly initialised decoder and a byte-level BPE tokenizer trained on ``texts``. Granite loads any tokenizer as saved."""
    import transformers
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GraniteConfig, GraniteForCausalLM, set_seed

    raw = Tokenizer(models.BPE())
    digits = pre_tokenizers.Split(Regex(r"\d"), "isolated")
    raw.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=shape.vocabulary, special_tokens=["<pad>", "<eos>"], initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator(texts, trainer)
    raw.add_tokens([AddedToken(tag, normalized=False) for tag in tags])
    fast: Any = transformers.PreTrainedTokenizerFast
    tokenizer = fast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", padding_side="left")
    set_seed(seed)
    config = GraniteConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.positions,
        tie_word_embeddings=True,
        initializer_range=0.05,
        attention_multiplier=(shape.hidden // shape.heads) ** -0.5,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=1,
    )
    return GraniteForCausalLM(config), tokenizer


def is_chat(tokenizer: Any) -> bool:
    """Whether the policy speaks in chat messages."""
    return bool(getattr(tokenizer, "chat_template", None))
