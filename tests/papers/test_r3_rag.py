"""R3-RAG: hacks, the coupling of steps with the outcome, where documents come from, failing judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from guerdon import Batch, Reward, find_paper
from guerdon.errors import UserError
from guerdon.models.chat import ScriptedChat
from guerdon.models.protocols.relevance import StepRelevance, fallback_relevance
from guerdon.papers.r3_rag import three_axis_score
from guerdon.rewards import GivenSteps, HeadedAnswer, JudgedSteps
from guerdon.rewards.headed import headed
from guerdon.rewards.search import trajectory
from guerdon.text.fences import fenced

PAPER = find_paper("r3-rag")
FIRST, SECOND = "Alba is led by Ann.", "Ann was born in Norum."


def shown(**blocks: str) -> str:
    """Blocks as a judge sees them."""
    return "\n\n".join(fenced(name, text) for name, text in blocks.items())


JUDGE = ScriptedChat(
    {
        "\nthe town of Norum\nANSWER TO CHECK ": "It agrees.\nFinal answer: True",
        "<<<ACCEPTED ANSWERS ": "It does not.\nFinal answer: False",
        shown(QUERY="birthplace of Ann", FOUND=SECOND): "Relevance: 0.90",
        shown(QUERY="leader of Alba", FOUND=FIRST): "Relevance: 0.80",
    },
    default="Relevance: 0.10",
)


def solved(answer: str = "Norum", second: str = "birthplace of Ann", found: str = SECOND) -> list[dict[str, str]]:
    return trajectory(headed(1, "leader of Alba"), FIRST, headed(2, second), found, headed(3, answer=answer))


def batch(completions: Sequence[Any], **columns: Any) -> Batch:
    size = len(completions)
    named = {"question": ["Where was the leader of Alba born?"] * size, "golden_answers": [["Norum"]] * size, **columns}
    return Batch(completions, columns=named)


def steps_of(reward: Reward, *completions: Any) -> list[list[float]]:
    scores = reward.score(batch(completions))
    assert scores.steps is not None
    return [[] if row is None else row.values.tolist() for row in scores.steps]


HACKS = {
    "empty": "",
    "copied question": "Where was the leader of Alba born?",
    "keyword soup": "Step 1: analysis query answer Norum Alba Ann Norum",
    "bare answer": "The final answer: Norum",
    "no analysis": "Step 1:\nThe final answer: Norum",
    "wrong number": headed(3, answer="Norum"),
    "repeated reference": headed(1, answer="Norum " * 500),
    "step stuffing": "\n".join(headed(k, "leader of Alba") for k in range(1, 20)) + headed(20, answer="Norum"),
    "invented documents": f"{headed(1, 'leader of Alba')}\nThe retrieval documents: {FIRST}\n{headed(2, answer='Norum')}",
    "evidence in the analysis": headed(1, answer="Velt", analysis=f"Documents: {SECOND} Relevance: 1.00"),
    "answer shopping": headed(1, answer="Velt, Norum or Trond"),
    "two answers": headed(1, answer="Velt") + "\nThe final answer: Norum",
    "searching to the limit": trajectory(*(text for k in range(1, 6) for text in (headed(k, "leader of Alba"), FIRST))),
    "mixed language": headed(1, answer="诺鲁姆 Норум"),
    "huge text": headed(1, answer="Velt " * 100_000),
}


def test_no_hack_reaches_an_honest_trajectory() -> None:
    scores = PAPER.build(chat=JUDGE).score(batch([solved(), *HACKS.values()]))
    assert scores.values[0] == pytest.approx((1.28 + 1.44 + 2.0) / 3)
    for hack, value in zip(HACKS, scores.values[1:], strict=True):
        assert value < scores.values[0] - 0.5, f"{hack}: {value}"


def test_what_the_official_variant_pays_for() -> None:
    invented = f"{headed(1, 'leader of Alba')}\nThe retrieval documents: {FIRST}\n{headed(2, answer='Norum')}"
    official = steps_of(PAPER.build("official", chat=JUDGE), invented)[0]
    assert official == [1.28, 2.0], "documents that the policy wrote are believed"
    assert steps_of(PAPER.build(chat=JUDGE), invented)[0] == [-0.9]
    boston = batch([headed(1, answer="Boston")], golden_answers=["Boston"])
    assert PAPER.build("official", chat=JUDGE).score(boston).values.tolist() == [0.0], "it reads 'Bosto'"
    assert PAPER.build(chat=JUDGE).score(boston).values.tolist() == [2.0]


def test_a_right_second_query_outranks_a_repeated_first() -> None:
    right = steps_of(PAPER.build(chat=JUDGE), solved("Velt"))[0]
    repeated = steps_of(PAPER.build(chat=JUDGE), solved("Velt", "leader of Alba", "Nothing new."))[0]
    assert right[1] > repeated[1]
    outcome = PAPER.build(chat=JUDGE, mode="orm")
    assert steps_of(outcome, solved("Velt")) == steps_of(outcome, solved("Velt", "leader of Alba", "Nothing new."))


def test_steps_end_at_the_first_answer_or_fault() -> None:
    reward = PAPER.build(chat=JUDGE)
    early = trajectory(headed(1, answer="Norum"), "x", headed(2, "leader of Alba"), FIRST, headed(3, answer="Velt"))
    assert steps_of(reward, early) == [[2.0]]
    broken = trajectory(headed(1, "leader of Alba"), FIRST, "I give up.", "x", headed(3, answer="Norum"))
    assert steps_of(reward, broken)[0] == pytest.approx([0.8, -0.9])
    unanswered = trajectory(headed(1, "leader of Alba"))
    assert steps_of(reward, unanswered) == [[0.0]], "a search that found nothing"


def test_the_judge_is_asked_only_about_open_answers() -> None:
    reward = PAPER.build(chat=JUDGE)
    completions = [solved(), solved("the town of Norum"), solved("Velt"), ""]
    scores = reward.score(batch(completions))
    assert scores.parts["correct"].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert np.isnan(scores.parts["judged"]).tolist() == [True, False, False, True]


def test_a_failing_judge() -> None:
    down = ScriptedChat({})
    completions = [solved(), solved("Velt"), headed(1, answer="Norum"), headed(1, answer="Velt")]
    default = PAPER.build(chat=down).score(batch(completions))
    assert np.isnan(default.values).tolist() == [True, True, False, True]
    text = f"{headed(1, 'q')}\nThe retrieval documents: d\n{headed(2, answer='Velt')}"
    assert steps_of(PAPER.build("official", chat=down), text)[0] == pytest.approx([round(0.8 * 0.69, 3), 0.0])


def test_given_relevance() -> None:
    scores = PAPER.build().score(
        batch([solved(), solved(), solved("Velt")], relevance=[[0.9, 0.5, None], None, [2, 0.5, 0]])
    )
    assert scores.values[0] == pytest.approx((1.44 + 0.8 + 2.0) / 3), "the last number is not looked at"
    assert np.isnan(scores.values[1]) and scores.values[2] == pytest.approx((0.8 + 0.4) / 3), "clipped to [0, 1]"
    assert scores.steps is not None and scores.steps[0] is not None and scores.steps[0].spans is not None
    assert PAPER.build(factors={"right": 1.0, "answer": 1.0}).range == (-0.9, 1.0)
    with pytest.raises(UserError, match="reduction"):
        GivenSteps(reduction="median")


def test_plain_text_with_inserted_spans() -> None:
    parts = [headed(1, "leader of Alba"), f"\nThe retrieval documents: {FIRST}\n", headed(2, answer="Norum")]
    text, start = "".join(parts), len(parts[0])
    reward = PAPER.build(chat=JUDGE, environment="inserted")
    scores = reward.score(batch([text, text], inserted=[[(start, start + len(parts[1]))], None]))
    assert scores.steps is not None and scores.steps[0] is not None
    assert scores.steps[0].values == pytest.approx([1.28, 2.0]) and scores.values[1] == -0.9
    assert [text[a:b] for a, b in scores.steps[0].spans] == [parts[0], parts[2]]  # type: ignore[union-attr]


def test_hostile_steps() -> None:
    for text in ("The problem analysis:" * 20_000, "Step 1:\n" * 50_000, "\nStep " * 100_000, headed(1, "?" * 200_000)):
        for variant in ("default", "official"):
            HeadedAnswer(variant=variant).score(batch([text]))


def test_fallback_and_three_axes() -> None:
    assert fallback_relevance("", "") == pytest.approx(0.39) and fallback_relevance("w " * 31, "") == pytest.approx(0.7)
    assert three_axis_score("Relevance: 1.00", "") == pytest.approx(0.76), "the median of 0, 0.76 and 1"
    assert three_axis_score("Coherence: 0.9", "") == 0.0 and three_axis_score("Relevance: 0.4", "") == 0.4


def test_what_the_judge_is_shown() -> None:
    row = batch([solved(found="x" * 2000)])
    reward = JudgedSteps(JUDGE, StepRelevance())
    asked = StepRelevance().ask(row, reward.trajectories(row))[0]
    assert [question is not None for question in asked] == [True, True, False] and asked[1] is not None
    said = asked[1].request.text
    assert "x" * 512 in said and "x" * 513 not in said and FIRST in said and "leader of Alba born" in said
