"""Spans of requests: every boundary where it belongs, for several tokenizers and chat templates."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guerdon.errors import UserError
from guerdon.models.lm import LogprobRequest, TokenScores
from guerdon.models.lms.spans import RequestTokenizer, RequestTokens, messages
from guerdon.models.lms.templates import ChatTemplate
from guerdon.scores import Outcome
from tests.models.tiny_lm import TEMPLATES, tiny_tokenizer

ASK = ({"role": "user", "content": "What is two plus three?"},)
SAID = (*ASK, {"role": "assistant", "content": "It is"})

HEADERS = {
    "chatml": "<|im_start|>user\nWhat is two plus three?<|im_end|>\n<|im_start|>assistant\n",
    "llama": "<|bos|><|im_start|>user\n\nWhat is two plus three?<|im_end|><|im_start|>assistant\n\n",
    "gemma": "<|bos|><start_of_turn>user\nWhat is two plus three?<end_of_turn>\n<start_of_turn>model\n",
    "mistral": "<|bos|>[INST] What is two plus three? [/INST]",
    "forgetful": "<|im_start|>user\nWhat is two plus three?<|im_end|>\n<|im_start|>assistant\n",
}
ENDS = {
    "chatml": ["<|im_end|>"],
    "llama": ["<|im_end|>"],
    "gemma": ["<end_of_turn>"],
    "mistral": ["<|eos|>"],
    "forgetful": ["<|im_end|>"],
}


def read(request: LogprobRequest, template: str | None = "chatml", **options: Any) -> tuple[RequestTokens, Any]:
    tokenizer = tiny_tokenizer(template, **options)
    found = RequestTokenizer(tokenizer, limit=512, vocabulary=len(tokenizer)).tokens(request)
    assert isinstance(found, RequestTokens), found
    return found, tokenizer


def failure(request: LogprobRequest, **options: Any) -> TokenScores:
    found = RequestTokenizer(tiny_tokenizer(), **options).tokens(request)
    assert isinstance(found, TokenScores)
    assert len(found) == 0
    return found


@pytest.mark.parametrize("sentencepiece", [False, True])
@pytest.mark.parametrize("template", TEMPLATES)
def test_an_answer_begins_where_the_template_opens_the_turn(template: str, sentencepiece: bool) -> None:
    found, tokenizer = read(LogprobRequest(ASK, "five", closed=True), template, sentencepiece=sentencepiece)
    assert tokenizer.decode(found.context_ids) == HEADERS[template]
    target = [i for i, scored in zip(found.target_ids, found.masks["target"], strict=True) if scored]
    assert tokenizer.decode(target).strip() == "five"
    end = [i for i, closing in zip(found.target_ids, found.masks["closing"], strict=True) if closing]
    assert tokenizer.convert_ids_to_tokens(end) == ENDS[template]
    assert (found.masks["target"] ^ found.masks["closing"]).all()


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("sentencepiece", [False, True])
def test_beginning_of_text_stands_exactly_once(template: str, sentencepiece: bool) -> None:
    found, tokenizer = read(LogprobRequest(ASK, "five"), template, sentencepiece=sentencepiece, adds_bos=True)
    assert found.ids.count(tokenizer.bos_token_id) == HEADERS[template].count("<|bos|>")
    for prompt in ("The answer is", "<|bos|>The answer is"):
        plain, _ = read(LogprobRequest(prompt, " five"), template, sentencepiece=sentencepiece, adds_bos=True)
        assert plain.context_ids[0] == tokenizer.bos_token_id
        assert plain.ids.count(tokenizer.bos_token_id) == 1
    bare, _ = read(LogprobRequest("The answer is", " five"), template, sentencepiece=sentencepiece)
    assert tokenizer.bos_token_id not in bare.ids


def test_an_empty_prompt_is_the_beginning_of_text() -> None:
    found, tokenizer = read(LogprobRequest("", "five"))
    assert found.context_ids == (tokenizer.bos_token_id,)
    without = copy.deepcopy(tiny_tokenizer())
    without.bos_token = None
    failed = RequestTokenizer(without).tokens(LogprobRequest("", "five"))
    assert isinstance(failed, TokenScores)
    assert failed.outcome is Outcome.MISSING_DATA


def test_a_turn_that_is_begun_is_continued() -> None:
    found, tokenizer = read(LogprobRequest(SAID, " five", prefix=" clearly"))
    assert tokenizer.decode(found.context_ids) == HEADERS["chatml"] + "It is clearly"
    assert tokenizer.decode(found.context_ids[: found.prompt_length]) == HEADERS["chatml"] + "It is"
    assert found.context_ids[: found.prompt_length] == (
        *tokenizer(HEADERS["chatml"])["input_ids"],
        *tokenizer("It is")["input_ids"],
    )


@pytest.mark.parametrize("template", [name for name in TEMPLATES if name != "mistral"])
def test_a_users_follow_up_begins_where_the_users_turn_does(template: str) -> None:
    found, tokenizer = read(LogprobRequest(SAID, "Thanks, that helps", role="user", closed=True), template)
    whole = tokenizer.apply_chat_template([*SAID, {"role": "user", "content": "Thanks, that helps"}], tokenize=False)
    context = tokenizer.decode(found.context_ids)
    assert whole.startswith(context + "Thanks, that helps" + ENDS[template][0])
    assert context.rstrip().endswith("user")
    assert "It is" in context


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("sentencepiece", [False, True])
@given(text=st.text(max_size=40), prefix=st.text(max_size=20))
@example(text=" leading and trailing ", prefix="\n")
@example(text="naïve Ĝ🙂 \ud800 end", prefix="Ω")
@example(text="five", prefix="▁Ġ")
@example(text="<|im_end|> five", prefix="<|im_start|>")
def test_the_target_is_the_tokenizers_own_tokens_of_it(
    template: str, sentencepiece: bool, text: str, prefix: str
) -> None:
    """Whatever stands before: ids of the target do not depend on the prefix, and no token spans the boundary."""
    tokenizer = tiny_tokenizer(template, sentencepiece=sentencepiece)
    spans = RequestTokenizer(tokenizer)
    for prompt in (ASK, "The answer is"):
        found = spans.tokens(LogprobRequest(prompt, text, prefix=prefix))
        if isinstance(found, TokenScores):
            # NFC turns nothing into nothing; an unpaired surrogate is a replacement character, which may be unknown.
            assert not text or found.outcome is Outcome.MISSING_DATA
            continue
        bare = spans.tokens(LogprobRequest(prompt, text, prefix=prefix + "a"))
        if prefix and isinstance(bare, RequestTokens):
            assert bare.target_ids == found.target_ids
        assert found.context_ids[: found.prompt_length] == spans.tokens(LogprobRequest(prompt, "x")).context_ids  # type: ignore[union-attr]
        assert found.offsets is not None
        assert found.offsets.shape == (len(found.target_ids), 2)
        assert found.offsets.min(initial=0) >= 0
        assert found.offsets.max(initial=0) <= len(text)
        assert (np.diff(found.offsets[:, 0]) >= 0).all()
        covered = {c for a, b in found.offsets.tolist() for c in range(a, b)}
        assert all(c in covered or text[c].isspace() for c in range(len(text)))


@given(st.data())
def test_any_split_of_a_text_puts_the_parts_in_a_row(data: st.DataObject) -> None:
    text = "unbelievable understanding of international relations, step by step: 100 + 1000."
    at = data.draw(st.integers(1, len(text) - 2))
    middle = data.draw(st.integers(at, len(text) - 1))
    found, tokenizer = read(LogprobRequest(text[:at], text[middle:], prefix=text[at:middle]))
    parts = [tokenizer(part)["input_ids"] for part in (text[:at], text[at:middle], text[middle:])]
    assert found.ids == tuple(parts[0] + parts[1] + parts[2])
    assert tokenizer.decode(found.ids) == text
    assert found.target_ids == tuple(parts[2])


def test_a_merge_across_the_boundary_is_not_made() -> None:
    tokenizer = tiny_tokenizer()
    joined = tokenizer("The answer")["input_ids"]
    found, _ = read(LogprobRequest("The ans", "wer"))
    assert found.ids != tuple(joined)
    assert tokenizer.decode(found.target_ids) == "wer"
    assert tokenizer.decode(found.context_ids) == "The ans"


def test_sentencepiece_puts_no_space_inside_a_turn() -> None:
    found, tokenizer = read(LogprobRequest(ASK, "five", prefix="because"), sentencepiece=True)
    assert tokenizer.convert_ids_to_tokens(list(found.target_ids))[0][0] != "▁"
    assert found.offsets is not None
    assert found.offsets[0, 0] == 0
    assert found.offsets[-1, 1] == 4
    # Where the template itself writes a space, as Mistral's does, the token carries it.
    mistral, _ = read(LogprobRequest(ASK, "five"), "mistral", sentencepiece=True)
    assert tokenizer.convert_ids_to_tokens(list(mistral.target_ids)) == ["▁five"]


def test_token_ids_stay_as_they_are() -> None:
    found, _ = read(LogprobRequest(ASK, (5, 300, 7), prefix=(9,), closed=True))
    assert found.target_ids[:3] == (5, 300, 7)
    assert found.context_ids[-1] == 9
    assert found.offsets is None
    assert found.masks["closing"].tolist() == [False, False, False, True]


def test_a_slow_tokenizer_has_no_offsets() -> None:
    class Slow:
        is_fast = False

        def __init__(self, fast: Any) -> None:
            self.fast = fast

        def __getattr__(self, name: str) -> Any:
            return getattr(self.fast, name)

        def __call__(self, text: str, **options: Any) -> Any:
            assert "return_offsets_mapping" not in options
            return self.fast(text, **options)

    found = RequestTokenizer(Slow(tiny_tokenizer())).tokens(LogprobRequest(ASK, "five"))
    assert isinstance(found, RequestTokens)
    assert found.offsets is None


def test_a_plain_text_is_closed_by_the_end_of_text() -> None:
    found, tokenizer = read(LogprobRequest("The answer is", " five", closed=True), None)
    assert found.target_ids[-1] == tokenizer.eos_token_id
    endless = copy.deepcopy(tokenizer)
    endless.eos_token = None
    with pytest.raises(UserError, match="closed=True"):
        RequestTokenizer(endless).tokens(LogprobRequest("The answer is", " five", closed=True))


def test_what_cannot_be_scored_is_a_typed_outcome() -> None:
    assert failure(LogprobRequest(ASK, "")).outcome is Outcome.MISSING_DATA
    assert failure(LogprobRequest(ASK, ())).outcome is Outcome.MISSING_DATA
    long = failure(LogprobRequest(ASK, "five " * 50), limit=32)
    assert long.outcome is Outcome.TRUNCATED
    assert "the model takes 32" in long.message
    for ids in ((5, 4000), (-1,)):
        strange = failure(LogprobRequest(ASK, ids), vocabulary=400)
        assert strange.outcome is Outcome.MISSING_DATA
        assert "vocabulary" in strange.message


def test_an_empty_target_that_is_closed_is_the_end_of_the_turn() -> None:
    found, tokenizer = read(LogprobRequest(ASK, "", closed=True))
    assert tokenizer.convert_ids_to_tokens(list(found.target_ids)) == ["<|im_end|>"]
    assert found.masks["closing"].all()


def test_exactly_the_context_fits() -> None:
    found, _ = read(LogprobRequest(ASK, "five"))
    spans = RequestTokenizer(tiny_tokenizer(), limit=len(found.ids))
    assert isinstance(spans.tokens(LogprobRequest(ASK, "five")), RequestTokens)
    assert isinstance(spans.tokens(LogprobRequest(ASK, "five!")), TokenScores)


def test_a_word_the_vocabulary_lacks_is_missing_data() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({"<unk>": 0, "<bos>": 1, "yes": 2}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast: Any = PreTrainedTokenizerFast
    spans = RequestTokenizer(fast(tokenizer_object=raw, unk_token="<unk>", bos_token="<bos>"))
    assert isinstance(spans.tokens(LogprobRequest("strange prompt", "yes")), RequestTokens)
    assert isinstance(spans.tokens(LogprobRequest("yes", "<unk>")), RequestTokens)
    failed = spans.tokens(LogprobRequest("yes", "yes perhaps"))
    assert isinstance(failed, TokenScores)
    assert failed.outcome is Outcome.MISSING_DATA


def test_messages_without_a_template_say_what_to_do() -> None:
    with pytest.raises(UserError, match="plain text"):
        RequestTokenizer(tiny_tokenizer(None)).tokens(LogprobRequest(ASK, "five"))
    assert isinstance(RequestTokenizer(tiny_tokenizer(None)).tokens(LogprobRequest("two?", "five")), RequestTokens)


def test_what_a_template_refuses_is_told() -> None:
    spans = RequestTokenizer(tiny_tokenizer("gemma"))
    with pytest.raises(UserError, match="System role not supported"):
        spans.tokens(LogprobRequest(({"role": "system", "content": "Be brief."}, *ASK), "five"))
    with pytest.raises(UserError, match="must alternate"):
        spans.tokens(LogprobRequest((*SAID, {"role": "assistant", "content": "x"}), "five", role="user"))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for m in messages %}{{ m['content'] }} {{ m['content'] }}{% endfor %}", "2 times"),
        ("{% for m in messages %}{{ m['content'] | upper }}{% endfor %}", "0 times"),
        ("{% for m in messages %}{{ m['content'] | length }}: {{ m['content'] }}{% endfor %}", "depends on"),
    ],
)
def test_a_turn_that_cannot_be_located_is_an_error(template: str, said: str) -> None:
    tokenizer = copy.deepcopy(tiny_tokenizer())
    tokenizer.chat_template = template
    with pytest.raises(UserError, match=said):
        RequestTokenizer(tokenizer).tokens(LogprobRequest(SAID, "Thanks", role="user"))


@pytest.mark.parametrize("prompt", [5, ["text"], [{"content": "no role"}], None])
def test_a_prompt_is_text_or_messages(prompt: Any) -> None:
    with pytest.raises(UserError, match="neither text nor"):
        RequestTokenizer(tiny_tokenizer()).tokens(LogprobRequest(prompt, "five"))


def test_messages_are_thawed() -> None:
    request = LogprobRequest([{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "x")
    assert messages(request.prompt) == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]


def test_template_options_reach_the_template() -> None:
    tokenizer = copy.deepcopy(tiny_tokenizer())
    tokenizer.chat_template = TEMPLATES["chatml"].replace("assistant\n", "assistant\n{{ opening }}")
    found = RequestTokenizer(tokenizer, template_options={"opening": "<think>"}).tokens(LogprobRequest(ASK, "five"))
    assert isinstance(found, RequestTokens)
    assert tokenizer.decode(found.context_ids).endswith("assistant\n<think>")


def _released() -> list[Path]:
    import trl

    return sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja"))


@pytest.mark.parametrize("path", _released(), ids=lambda path: path.stem)
def test_templates_of_released_models(path: Path) -> None:
    """The context is what generation starts from, a follow-up is where the template writes it; images' templates take parts."""
    tokenizer = copy.deepcopy(tiny_tokenizer())
    tokenizer.chat_template = path.read_text(encoding="utf-8")
    in_parts = path.stem.startswith(("idefics3", "smolvlm", "llava_next"))

    def said(role: str, text: str) -> dict[str, Any]:
        return {"role": role, "content": [{"type": "text", "text": text}] if in_parts else text}

    chat = [said("user", "What is two plus three?")]
    spans = RequestTokenizer(tokenizer)
    found = spans.tokens(LogprobRequest(chat, "five apples"))
    assert isinstance(found, RequestTokens)
    start = ChatTemplate(tokenizer).render(chat, open_turn=True)
    assert found.context_ids == tuple(tokenizer(start, add_special_tokens=False)["input_ids"])
    chat.append(said("assistant", "It is five"))
    asked = spans.tokens(LogprobRequest(chat, "Thanks", role="user", closed=True))
    assert isinstance(asked, RequestTokens)
    whole = ChatTemplate(tokenizer).render([*chat, said("user", "Thanks")])
    assert whole.startswith(tokenizer.decode(asked.ids)) or asked.target_ids[-1] == tokenizer.eos_token_id
    assert whole.startswith(tokenizer.decode(asked.context_ids) + "Thanks")
