"""Rewards on search agents: what each reads, what it leaves unscored, what it tells of steps."""

from __future__ import annotations

import numpy as np
import pytest

from guerdon import Batch
from guerdon.errors import UserError
from guerdon.models.encoders import CharNGramEncoder, TableEncoder
from guerdon.rewards import Answerability, Decomposition, EvidenceContains, QueryMatch, SearchAnswer, SearchForm
from guerdon.rewards.search import trajectory


def test_answer() -> None:
    completions = [
        "<answer>Rome</answer><answer>the Paris</answer>",
        "<think><answer>Paris</answer></think>",
        "Paris",
        "<answer></answer>",
        [{"role": "tool", "content": "<answer>Paris</answer>"}],
    ]
    scores = SearchAnswer().score(Batch(completions, golden_answers=["Paris"] * 5))
    assert scores.values.tolist() == [1, 0, 0, 0, 0]
    assert scores.parts["search_answer/answered"].tolist() == [1, 0, 0, 1, 0]
    f1 = SearchAnswer(measure="f1").score(Batch(["<answer>big Paris</answer>"], golden_answers=[["Rome", "Paris"]]))
    assert f1.values[0] == pytest.approx(2 / 3)
    none = SearchAnswer().score(Batch(["<answer>a</answer>", "b"], golden_answers=[[], float("nan")]))
    assert np.isnan(none.values).all() and none.parts["search_answer/answered"].tolist() == [1, 0]


def test_answer_in_languages_without_spaces() -> None:
    batch = Batch(["<answer>東京 都</answer>"], golden_answers=["東京"])
    assert SearchAnswer(measure="f1").score(batch).values[0] == pytest.approx(2 / 3)
    assert SearchAnswer(measure="f1", tokenizer="words").score(batch).values[0] == pytest.approx(0.8)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: SearchAnswer(measure="vibe"),
        lambda: SearchAnswer(tokenizer="none"),
        lambda: SearchForm(variant="strict"),
        lambda: QueryMatch(without="one"),
        lambda: QueryMatch(by_step=True, variant="official"),
        lambda: QueryMatch(counting="bag"),  # type: ignore[arg-type]
        lambda: Answerability(encoder="char-ngram", documents=0),
    ],
)
def test_fields_are_checked(wrong: object) -> None:
    with pytest.raises(UserError):
        wrong()  # type: ignore[operator]


def test_evidence_is_what_others_say() -> None:
    own = "<search>a</search><information>Ann Lee</information>"
    batch = Batch(
        [own, trajectory("<search>a</search>", "by Ann Lee."), trajectory("<search>a</search>", "Joann Leeds")]
    )
    batch = batch.replace(golden_answers=["Ann Lee"] * 3)
    assert EvidenceContains().score(batch).values.tolist() == [0, 1, 0]
    assert EvidenceContains(variant="official").score(batch).values.tolist() == [1, 1, 1]
    assert np.isnan(EvidenceContains().score(batch.replace(golden_answers=[None] * 3)).values).all()


def test_queries() -> None:
    wanted = "When was the Eiffel Tower built?"

    def value(*turns: str, **fields: object) -> float:
        return float(QueryMatch(**fields).score(Batch([trajectory(*turns)], rewrite=[wanted])).values[0])  # type: ignore[arg-type]

    assert value("<search>when was the EIFFEL tower built</search>", "x") == 1.0
    assert value("<search>when was the Eiffel tower built</search>") == 0.0, "nothing answered it"
    assert value("<search>tower</search>", "x", "<search>Eiffel Tower built when</search>", "y") == pytest.approx(8 / 9)
    assert value("<answer>a</answer>", "x", f"<search>{wanted}</search>", "y") == 0.0, "after the answer"
    assert value("<search>tower tower</search>", "x") < value("<search>tower</search>", "x")
    none = Batch([trajectory("<search>a</search>", "x")], rewrite=[None])
    assert np.isnan(QueryMatch().score(none).values[0]) and QueryMatch(without="zero").score(none).values[0] == 0.0


def test_the_value_lies_on_the_step_of_the_best_query() -> None:
    turns = (
        "<search>tower</search>",
        "x",
        "<think>b</think><search>Eiffel tower</search>",
        "y",
        "<answer>1889</answer>",
    )
    batch = Batch([trajectory(*turns), "", trajectory(*turns)], rewrite=["Eiffel tower", "a", None])
    scores = QueryMatch(by_step=True).score(batch)
    assert scores.steps is not None and scores.steps[0] is not None and scores.steps[2] is None
    assert scores.steps[0].values.tolist() == [0.0, 1.0, 0.0] and scores.steps[1].values.tolist() == [0.0]
    total = (SearchAnswer(reference="gold") + 0.2 * QueryMatch(by_step=True)).score(batch.replace(gold=["1889"] * 3))
    assert total.steps is not None and total.steps[0].values.tolist() == [0.0, 0.2, 1.0]


def test_answerability_by_hand() -> None:
    table = {"q": [1.0, 0.0], "r": [0.0, 2.0], "d": [0.6, 0.8], "e": [0.0, 1.0]}
    reward = Answerability(encoder=TableEncoder(table))

    def value(*turns: str) -> float:
        return float(reward.score(Batch([trajectory(*turns)])).values[0])

    assert value("<search>q</search>", "d") == pytest.approx(0.6)
    assert value("<search>q ## r</search>", "d ## e") == pytest.approx(0.8), "vectors are brought to length 1"
    assert value("<search>q ## r</search>", "d") == pytest.approx(0.6), "as far as both reach"
    assert value("<search>q</search>", "d", "<search>r</search>", "") == pytest.approx(0.3), "an empty return counts 0"
    assert value("<search>q</search>", "d", "<search>r</search>") == pytest.approx(0.6), "an unanswered search does not"
    assert value("<answer>q</answer>") == 0.0


def test_a_failing_encoder_leaves_samples_unscored() -> None:
    table = {"q": [float("nan"), 0.0], "d": [1.0, 0.0], "p": [1.0, 0.0]}
    batch = Batch(
        [trajectory("<search>q</search>", "d"), "", trajectory("<search>p</search>", "d")], question=["p", "p", "p"]
    )
    for reward in (Answerability(encoder=TableEncoder(table)), Decomposition(encoder=TableEncoder(table))):
        scores = reward.score(batch)
        assert np.isnan(scores.values).tolist() == [True, False, False]
        assert "instrument_error" in scores.note(0)


def test_the_question_may_stand_in_the_prompt() -> None:
    reward = Decomposition(encoder=CharNGramEncoder(), question=None)
    asked = trajectory("<search>leader of Alba ## leader of Brio</search>", "x")
    scores = reward.score(Batch([asked, asked], ["Be brief. Question: leader of Alba or Brio\nok", "hello"]))
    assert scores.values[0] > 0.3 and np.isnan(scores.values[1]) and not reward.columns
