"""ExTrans: form first, levels against an exemplar, languages, routing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import Batch, find_paper
from guerdon.errors import UserError
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest, ScriptedChat
from guerdon.rewards import TargetLanguage
from guerdon.text.languages import language_of

PAPER = find_paper("extrans")
GOOD = "<think>It is a farewell.</think>Gute Nacht, und bis morgen."


def given_batch(completions: Sequence[str], level: float = 3, thought: float = 1, quality: float = 0.5) -> Batch:
    n = len(completions)
    columns = {"comparison_level": [level] * n, "thought_level": [thought] * n, "qe_score": [quality] * n}
    return Batch(completions, ["Good night, and till tomorrow."] * n, columns=columns)


@given(st.floats(1, 5), st.floats(0, 2), st.floats(0, 1))
def test_the_sum_and_its_order(level: float, thought: float, quality: float) -> None:
    value = PAPER.build().score(given_batch([GOOD], level, thought, quality)).values[0]
    assert value == pytest.approx((level - 1) / 4 + thought / 4 + quality) and 0 <= value <= 2.5
    assert PAPER.build().score(given_batch([GOOD], 5, 2, 1)).values[0] >= value
    assert PAPER.build().score(given_batch(["no thought"], level, thought, quality)).values[0] == 0.0


def test_equal_to_the_exemplar_is_the_middle() -> None:
    assert PAPER.build(alpha_thought=0, beta_qe=0).score(given_batch([GOOD])).values[0] == 0.5
    with pytest.raises(UserError, match="negative"):
        PAPER.build(alpha_thought=-1)


HACKS = ["", "Good night, and till tomorrow.", "<think></think>Gute Nacht.", "<think>a</think>",
         "<think>a</think>b<think>c</think>d",
         "Gute Nacht " * 1000, "<think>" * 1000, "<think>a</think> <think>", "ok <think>a</think>Gute Nacht"]  # fmt: skip


def test_no_hack_of_the_form_earns_anything() -> None:
    batch = given_batch(HACKS, level=5, thought=2, quality=1)
    assert PAPER.build().score(batch).values.tolist() == [0.0] * len(HACKS)


@dataclass(frozen=True)
class Counting(ChatModel):
    """Says one thing, and counts how often it is asked."""

    said: str = "4"
    calls: list[int] = field(default_factory=list, compare=False, hash=False)

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        self.calls.append(len(requests))
        return [ChatReply(self.said) for _ in requests]


def test_light_items_never_call_the_judge() -> None:
    chat = Counting("5")
    batch = given_batch([GOOD, GOOD, "broken"]).replace(
        reward_mode=["light", "full", "full"], target_language=["de", "de", "de"], exemplar=["Gute Nacht."] * 3
    )
    scores = PAPER.build("routed", chat=chat, alpha_thought=0).score(batch)
    assert sum(chat.calls) == 2, "one sample, two orders"
    assert scores.values == pytest.approx([1.0, 0.5 + 0.5, 0.0]), "5 in both orders is a tie"


def test_a_judge_that_cannot_be_read_is_asked_again_and_never_the_lowest_level() -> None:
    chat = Counting("no idea")
    batch = given_batch([GOOD]).replace(exemplar=["Gute Nacht."])
    scores = PAPER.build(chat=chat, alpha_thought=0, attempts=3).score(batch)
    assert np.isnan(scores.values).all() and sum(chat.calls) == 6
    assert scores.outcomes()["comparison"] == {"unparseable": 1}
    lost = PAPER.build(chat=ScriptedChat({}, default="<refused>")).score(batch)
    assert np.isnan(lost.values).all() and lost.outcomes()["comparison"] == {"refused": 1}


def test_the_judge_sees_source_translation_and_exemplar_and_the_thought_apart() -> None:
    seen: list[str] = []

    @dataclass(frozen=True)
    class Looking(ChatModel):
        async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
            seen.extend(request.text for request in requests)
            return [ChatReply("2") for _ in requests]

    scores = PAPER.build(chat=Looking()).score(given_batch([GOOD]).replace(exemplar=["Schlaf gut."]))
    compared = [text for text in seen if "TRANSLATION A" in text]
    assert len(compared) == 2 and all(
        "farewell" not in text and "Good night" in text and "Schlaf gut." in text for text in compared
    )
    [thought] = [text for text in seen if "TRANSLATION A" not in text]
    assert "farewell" in thought and "Gute Nacht" not in thought
    assert scores.values == pytest.approx([0.5 + 0.5 + 0.5])


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Noc ještě nekončí a on to ví.", "cs"),
        ("Die Nacht ist noch nicht vorbei, und er weiß es.", "de"),
        ("The night is not over yet, and he knows it.", "en"),
        ("La noche no ha terminado todavía, y él lo sabe.", "es"),
        ("La nuit n'est pas encore finie, et il le sait.", "fr"),
        ("La notte non è ancora finita, e lui lo sa.", "it"),
        ("夜はまだ終わっていない。", "ja"),
        ("밤은 아직 끝나지 않았다.", "ko"),
        ("Ночь ещё не кончилась, и он это знает.", "ru"),
        ("夜还没有结束，他知道。", "zh"),
        ("الليل لم ينته بعد وهو يعلم ذلك.", "ar"),
        ("", None),
        ("42 !!", None),
        ("Zxqv brkl", None),
    ],
)
def test_languages(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_the_light_reward_and_its_hole() -> None:
    light = PAPER.build("light")
    said = [
        GOOD,
        "<think>a</think>Good night, and till tomorrow.",
        "Gute Nacht, und bis morgen.",
        "<think>a</think>Das ist nicht der Mond.",
    ]
    values = light.score(Batch(said, target_language=["de-CH"] * 4)).values
    assert values.tolist() == [1.0, 0.0, 0.0, 1.0], "any fluent sentence passes, which is why training on it is short"
    given_codes = TargetLanguage(detected="found").score(
        Batch(["a"] * 3, target_language=["zh"] * 3, found=["zh-cn", None, "ja"])
    )
    assert given_codes.values.tolist() == [1.0, 0.0, 0.0]
    assert np.isnan(light.score(Batch([GOOD], target_language=[None])).values).all()
