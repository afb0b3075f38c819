"""Windows, batches and pooling, by hand and by property."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from guerdon.errors import UserError
from guerdon.models.sentence_layout import SentenceLayout, read_layout, transformer_folder
from guerdon.models.token_batches import (
    Integers,
    TokenBackend,
    Windows,
    length_sorted_batches,
    mean_of_windows,
    padding_id,
    pool,
    unit_length,
)

WORDS = [f"w{i}" for i in range(100)]


def tokenizer() -> Tokenizer:
    """One token per word: [PAD] 0, [CLS] 1, [SEP] 2, w0 3, w1 4, ..."""
    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[CLS]", "[SEP]", *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[PAD]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return made


def mean_id(ids: Integers, mask: Integers) -> np.ndarray:
    """A model whose vector is (mean id of the words, 1), special tokens left out."""
    words = (ids > 2) * mask
    means = (ids * words).sum(axis=1) / np.maximum(words.sum(axis=1), 1)
    return np.stack([means, np.ones(len(ids))], axis=1).astype(np.float32)


def backend(**options: Any) -> TokenBackend:
    settings: dict[str, Any] = {"dimension": 2, "fingerprint": "test", "normalize": False, **options}
    return TokenBackend(Windows(tokenizer(), 6, 1), mean_id, **settings)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=60).map(np.array), st.integers(1, 2000), st.integers(1, 4))
def test_batches_hold_every_row_once_within_the_budget(lengths: np.ndarray, budget: int, workers: int) -> None:
    batches = length_sorted_batches(lengths, budget, workers)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget
    ordered = lengths[np.concatenate(batches)]
    assert (np.diff(ordered) <= 0).all()


def test_all_workers_get_something() -> None:
    assert len(length_sorted_batches(np.full(8, 10), budget=1000, workers=4)) == 4


def test_windows_cover_a_long_text_with_overlap() -> None:
    ids, owners = Windows(tokenizer(), 6, 1).split([" ".join(WORDS[:9]), "w0"])
    assert owners.tolist() == [0, 0, 0, 1]
    assert ids == [[1, 3, 4, 5, 6, 2], [1, 6, 7, 8, 9, 2], [1, 9, 10, 11, 2], [1, 3, 2]]


@pytest.mark.parametrize(("max_length", "overlap"), [(2, 0), (6, 4), (6, -1)])
def test_windows_without_room_are_refused(max_length: int, overlap: int) -> None:
    with pytest.raises(UserError, match="overlap"):
        Windows(tokenizer(), max_length, overlap)


def test_a_long_text_is_the_token_weighted_mean_of_its_windows() -> None:
    encoded = backend().encode([" ".join(WORDS[:9]), "w0 w2"])
    # Windows hold ids 3..6, 6..9, 9..11: means 4.5, 7.5, 10 with weights 4, 4, 3.
    assert encoded.vectors[0] == pytest.approx([(4 * 4.5 + 4 * 7.5 + 3 * 10) / 11, 1])
    assert encoded.vectors[1].tolist() == [4, 1]
    assert encoded.windowed.tolist() == [True, False]


def test_windows_of_unit_vectors_are_averaged_and_given_unit_length() -> None:
    encoded = backend(normalize=True).encode([" ".join(WORDS[:9])])
    means = np.array([[4.5, 1], [7.5, 1], [10, 1]])
    expected = (np.array([4, 4, 3])[:, None] * means / np.linalg.norm(means, axis=1, keepdims=True)).sum(axis=0)
    assert encoded.vectors[0] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)


@pytest.mark.parametrize("options", [{"batch_tokens": 1}, {"batch_tokens": 12}, {"workers": 3}, {"batch_tokens": 9999}])
def test_batching_changes_no_vector(options: dict[str, Any]) -> None:
    texts = [" ".join(WORDS[i : i + 1 + i % 17]) for i in range(40)]
    one_by_one = np.concatenate([backend().encode([text]).vectors for text in texts])
    assert np.allclose(backend(**options).encode(texts).vectors, one_by_one, atol=1e-6)


def test_prefix_case_and_empty_text() -> None:
    assert backend(prefix="w9 ").encode(["w1"]).vectors[0, 0] == (12 + 4) / 2
    assert backend(lowercase=True).encode(["W1"]).vectors[0, 0] == 4
    assert backend().encode([""]).vectors.tolist() == [[0, 1]]
    bare = tokenizer()
    bare.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    without = TokenBackend(Windows(bare, 6, 1), mean_id, dimension=2, fingerprint="", normalize=True)
    assert without.encode(["", "w0"]).vectors.tolist() == [[0, 0], pytest.approx([3 / 10**0.5, 1 / 10**0.5])]
    assert padding_id(tokenizer()) == 0


def test_pooling_reads_unmasked_tokens_only() -> None:
    tokens = np.array([[[1, 2], [3, 0], [50, 50]], [[4, 4], [0, 0], [2, 8]]], dtype=np.float32)
    mask = np.array([[1, 1, 0], [1, 1, 1]])
    assert pool(tokens, mask, "mean").tolist() == [[2, 1], [2, 4]]
    assert pool(tokens, mask, "max").tolist() == [[3, 2], [4, 8]]
    assert pool(tokens, mask, "cls").tolist() == [[1, 2], [4, 4]]
    assert unit_length(np.array([[0.0, 0.0]])).tolist() == [[0, 0]]


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_mean_of_equal_windows_is_the_window(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=3).astype(np.float32)
    means = mean_of_windows(np.tile(vector, (count, 1)), np.zeros(count, dtype=np.int64), rng.integers(1, 9, count), 1)
    assert np.allclose(means[0], vector, atol=1e-6)


# -- what a folder says of pooling and windows ---------------------------------------------------------------------------


def write_folder(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


MODULES = [
    {"type": "sentence_transformers.models.Transformer", "path": ""},
    {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
]


def test_a_plain_transformer_is_mean_pooled_and_not_normalised(tmp_path: Path) -> None:
    write_folder(tmp_path, {"config.json": {"max_position_embeddings": 514, "model_type": "roberta"}})
    assert read_layout(tmp_path) == SentenceLayout("mean", normalize=False, max_length=512)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode": "mean"}, "mean"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, None),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, None),
        ({"pooling_mode_mean_tokens": True, "include_prompt": False}, None),
    ],
)
def test_the_pooling_is_read_or_left_to_sentence_transformers(
    tmp_path: Path, pooling: dict[str, Any], expected: str | None
) -> None:
    files = {"config.json": {"model_type": "bert"}, "modules.json": MODULES, "1_Pooling/config.json": pooling}
    assert read_layout(write_folder(tmp_path, files)).pooling == expected


def test_windows_prompt_and_further_modules_are_read(tmp_path: Path) -> None:
    files = {
        "0_T/config.json": {"max_position_embeddings": 512},
        "0_T/sentence_bert_config.json": {"max_seq_length": 128, "do_lower_case": True},
        "0_T/tokenizer_config.json": {"model_max_length": 1e30},
        "modules.json": [
            {"type": "a.Transformer", "path": "0_T"},
            MODULES[1],
            {"type": "a.Dense", "path": "2_Dense"},
            {"type": "a.Normalize", "path": "3"},
        ],
        "1_Pooling/config.json": {"pooling_mode_mean_tokens": True},
        "config_sentence_transformers.json": {"prompts": {"q": "query: "}, "default_prompt_name": "q"},
    }
    folder = write_folder(tmp_path, files)
    assert read_layout(folder) == SentenceLayout(None, True, 128, "query: ", lowercase=True)
    assert transformer_folder(folder) == folder / "0_T"


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json"):
        read_layout(tmp_path)
