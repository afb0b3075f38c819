"""PromptEcho as a whole: variants, group advantage, hacks, and DenseAlignBench's judge and scoring."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.models.chat import ChatReply, ScriptedChat
from guerdon.models.judge import Comparison
from guerdon.models.lm import ScriptedLM
from guerdon.models.protocols.image_adherence import ImageAdherence
from guerdon.papers.promptecho import parse_model_pairs, preference_shown
from guerdon.registry import lookup
from guerdon.scores import Outcome
from guerdon.shaping.position_bias import SHOWN, net_win_rate, outcome_counts, position_bias
from guerdon.text.json_reply import json_reply
from guerdon.text.json_text import NOT_JSON
from tests.rewards.test_prompt_echo import Seeing, drawn

PAPER = find_paper("promptecho")
PIXELS = np.zeros((4, 4, 3), dtype=np.uint8)


# -- the reward -------------------------------------------------------------------------------------------------------


def test_the_advantage_is_centred_and_not_scaled() -> None:
    batch = Batch([drawn("a cat"), drawn("a dog"), drawn("?"), drawn("b")], ["a cat"] * 3 + ["b"])
    values = PAPER.build(lm=Seeing(), centered=True).score(batch).values
    assert values[:2] == pytest.approx([0.725, -0.725]) and np.isnan(values[2]) and values[3] == 0


def test_text_rendering_echoes_a_json_text() -> None:
    reward = PAPER.build("text_rendering", lm=ScriptedLM({'{"main_title": "SALE"}': [-0.5, -1.0]}))
    batch = Batch([drawn("poster.png")], ["make a poster"], label=['{"main_title": "SALE"}'])
    assert reward.score(batch).values == pytest.approx([-0.75]) and "JSON" in reward.query


def test_what_shows_no_image_is_never_above_an_honest_image() -> None:
    prompt = "a red cat at the left"
    honest = drawn(prompt)
    hacks: list[Any] = [
        "",
        prompt,
        f"<image>{prompt}</image>",
        prompt * 1000,
        drawn(None),
        drawn("?"),
        "cat.png",
        "!" * 10**6,
    ]
    hacks += [drawn("a red dog at the left"), [{"role": "tool", "content": [{"type": "image", "image": prompt}]}]]
    for missing in ("drop", "minimum"):
        reward = PAPER.build(lm=Seeing(), imageless=missing)
        values = reward.score(Batch([honest, drawn("nothing"), *hacks], [prompt] * (len(hacks) + 2))).values
        assert not (values[2:] >= values[0]).any()


def test_a_model_that_reads_is_pleased_by_writing() -> None:
    """A hack this reward cannot see by itself, as the docstring says: the image is the prompt written out."""
    values = PAPER.build(lm=Seeing()).score(Batch([drawn("a cat"), drawn("a cat")], ["a cat", "a cat"])).values
    assert values[0] == values[1]


# -- the judge --------------------------------------------------------------------------------------------------------


def test_the_judge_sees_prompt_and_images_in_order() -> None:
    pytest.importorskip("PIL")
    request = ImageAdherence().ask(Comparison("two geese <<<END", PIXELS, PIXELS + 255))
    content = request.messages[1]["content"]
    assert [part["type"] for part in content] == ["text", "text", "image_url", "text", "image_url"]
    assert [content[1]["text"], content[3]["text"]] == ["Image A:", "Image B:"]
    assert content[2]["image_url"]["url"].startswith("data:image/jpeg;base64,") and request.temperature == 0.3
    assert content[2] != content[4] and "two geese" in content[0]["text"]
    assert lookup("protocol", "image_adherence") is ImageAdherence


def test_the_judge_is_read_strictly() -> None:
    judge = ImageAdherence()
    for said, value in (("image_a", 1.0), ("image_b", 0.0), ("tie", 0.5)):
        verdict = judge.read(ChatReply(f'```json\n{{"reasoning": "why", "preference": "{said}"}}\n```'))
        assert (verdict.value, verdict.critique) == (value, "why")
    for text in ('"tie"', '{"preference": "image_c"}', '{"preference": ["tie"]}', "image_a", "", "null", "{" * 10_000):
        assert judge.read(ChatReply(text)).outcome is Outcome.UNPARSEABLE
    assert judge.read(ChatReply(outcome=Outcome.TIMED_OUT)).outcome is Outcome.TIMED_OUT
    with pytest.raises(UserError, match="quality"):
        ImageAdherence(quality=0)


def test_a_judge_that_looks_at_the_place_only_wins_nothing() -> None:
    pytest.importorskip("PIL")
    judge, chat = ImageAdherence(), ScriptedChat({}, default='{"preference": "image_a"}')
    swapped = [k % 2 == 1 for k in range(40)]
    asked = [judge.ask(Comparison("p", PIXELS, PIXELS)) for _ in swapped]
    names = {1.0: "image_a", 0.0: "image_b", 0.5: "tie", None: None}
    told = [preference_shown(names[judge.read(reply).value]) for reply in asyncio.run(chat.complete(asked))]
    assert net_win_rate(told, swapped) == 0 and position_bias(told, swapped).p_value < 0.01


# -- the scoring ------------------------------------------------------------------------------------------------------


def test_counts_follow_the_models_not_the_places() -> None:
    preferences = ["first", "second", "tie", "first", "second", None]
    swapped = [False, False, False, True, True, True]
    assert outcome_counts(preferences, swapped).tolist() == [[1, 1, 1], [1, 1, 0]]
    assert net_win_rate(["first"] * 3 + ["second"], [False, False, True, True]) == 50.0
    assert np.isnan(net_win_rate([], [])) and np.isnan(net_win_rate([None], [False]))


@given(st.lists(st.tuples(st.sampled_from(SHOWN), st.booleans()), min_size=1, max_size=60))
def test_the_test_equals_scipys(pairs: list[tuple[str, bool]]) -> None:
    stats = pytest.importorskip("scipy.stats")
    preferences, swapped = [p for p, _ in pairs], [s for _, s in pairs]
    found = position_bias(preferences, swapped)
    table = outcome_counts(preferences, swapped)
    if not table.sum(axis=1).all():
        assert np.isnan([found.chi2, found.p_value]).all()
        return
    expected = stats.chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False)
    assert [found.chi2, found.p_value] == pytest.approx([expected[0], expected[1]], abs=1e-9)
    turned = [{"first": "second", "second": "first", "tie": "tie"}[p] for p in preferences]
    assert net_win_rate(turned, swapped) == pytest.approx(-net_win_rate(preferences, swapped))
    again = position_bias(turned, [not s for s in swapped])
    assert again.chi2 == pytest.approx(found.chi2), "turning every pair around changes who wins where, not the bias"


def test_bad_comparisons() -> None:
    with pytest.raises(ValueError, match="'image_a'"):
        outcome_counts(["image_a"], [False])
    with pytest.raises(ValueError, match="one per comparison"):
        outcome_counts(["tie"], [])
    with pytest.raises(UserError, match="best"):
        preference_shown("best")


def test_model_pairs() -> None:
    assert parse_model_pairs("ALL", ["a", "b", "c"]) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert parse_model_pairs(" a , b ;b,a;a;a,b,c;;a,z", ["a", "b"]) == [("a", "b"), ("b", "a")]


# -- JSON in replies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("3", 3),
        ("null", None),
        ('so\n```json\n{"a": 1}\n```\nand\n```json\n{"a": 2}\n```', {"a": 1}),
        ("```\n[1, 2]\n```", [1, 2]),
        ('```python\nx\n```\n{"a": 1}', {"a": 1}),
        ('```json {"a": 1} ```', {"a": 1}),
        ('````json\n\n {"a": 1}\n```', {"a": 1}),
        ('say {"a": {"b": [1]}} now', {"a": {"b": [1]}}),
        ('{"a": 1} {"b": 2}', NOT_JSON),
        ('```json\n{"a": 1,}\n```', NOT_JSON),
        ("} {", NOT_JSON),
        ("```json\n", NOT_JSON),
        ("```json\n\n```", NOT_JSON),
        ("[" * 100_000, NOT_JSON),
    ],
)
def test_json_replies(text: str, value: Any) -> None:
    assert json_reply(text) == value if value is not NOT_JSON else json_reply(text) is NOT_JSON


def test_json_replies_of_any_text_end() -> None:
    rng = random.Random(0)
    pieces = ["```", "```json", "\n", " ", "{", "}", '"a"', ":", "1", "`", "x"]
    for _ in range(2000):
        json_reply("".join(rng.choice(pieces) for _ in range(rng.randrange(30))))
    for text in (
        "```json\n" * 100_000,
        "```\n" * 200_000,
        "`" * 10**6,
        "```json" + "\n" * 10**6,
        "{" * 10**6,
        "```json " * 10**5,
    ):
        assert json_reply(text, None) is None
