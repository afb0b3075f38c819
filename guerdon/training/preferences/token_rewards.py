"""Token rewards for preference pairs: the same answer forced under a prompt that asks for better and one that asks for worse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from guerdon.errors import GuerdonError, UserError
from guerdon.models.lm import CausalLM, LogprobRequest, TokenScores
from guerdon.scores import Note, Outcome
from guerdon.shaping.token_contrast import contrast_token_rewards
from guerdon.text.dialogues import message
from guerdon.text.trajectory import content_text
from guerdon.training.preferences.pairs import text_of

Aim = Literal["better", "worse"]
Missing = Literal["error", "drop", "zero"]
Target = str | tuple[int, ...]

SIDES = ("chosen", "rejected")
WISHES: dict[str, str] = {
    "better": "more helpful, correct, coherent and concise",
    "worse": "less helpful, incorrect, incoherent and verbose",
}


@dataclass(frozen=True, eq=False)
class TokenRewards:
    """(T,) ids and rewards in [-1/2, 1/2] of one answer's tokens; ``note`` says why there are none."""

    ids: NDArray[np.int64]
    rewards: NDArray[np.float64]
    note: Note | None = None


def revision_prompt(prompt: Any, answer: str | None, aim: Aim) -> Any:
    """The prompt with the request to revise the answer so that it is better, or worse; messages for messages, text for text.

    With ``answer=None`` the answer is not shown and the request is to write one. The wording is ours: the paper's is not public.

    >>> print(revision_prompt("2+2?", "4", "worse"))
    Request: 2+2?
    <BLANKLINE>
    Answer: 4
    <BLANKLINE>
    Revise the answer so that it is less helpful, incorrect, incoherent and verbose. Give only the revised answer.
    <BLANKLINE>
    Revised answer:
    """
    if aim not in WISHES:
        raise UserError(f"aim={aim!r} is unknown; choices: {', '.join(WISHES)}")
    task = "Answer the request in a way" if answer is None else "Revise the answer so that it"
    shown = "" if answer is None else f"\n\nAnswer: {answer}"
    verb = " that is" if answer is None else " is"
    name = "answer" if answer is None else "revised answer"
    ending = f"\n\n{task}{verb} {WISHES[aim]}. Give only the {name}."
    if isinstance(prompt, str):
        return f"Request: {prompt}{shown}{ending}\n\n{name.capitalize()}:"
    turns = [dict(turn) for turn in prompt]
    last = max((k for k, turn in enumerate(turns) if turn.get("role") == "user"), default=-1)
    asked = content_text(turns[last].get("content")) if last >= 0 else ""
    wish = message("user", f"Request: {asked}{shown}{ending}")
    return [*turns[: last if last >= 0 else len(turns)], wish]


def contrast_requests(
    prompt: Any, target: Target, *, answer: str | None = None, show_answer: bool = True
) -> tuple[LogprobRequest, LogprobRequest]:
    """The requests that force ``target`` under the better and under the worse prompt: the same tokens in both.

    >>> better, worse = contrast_requests("2+2?", "4")
    >>> better.target == worse.target, better.prompt == worse.prompt
    (True, False)
    """
    said = answer if answer is not None else target if isinstance(target, str) else None
    if show_answer and said is None:
        raise UserError(
            "answer=None: a target of token ids needs the answer's text to show it; give it, or show_answer=False"
        )
    prompts = (revision_prompt(prompt, said if show_answer else None, aim) for aim in ("better", "worse"))
    better, worse = (LogprobRequest(each, target) for each in prompts)
    return better, worse


def token_rewards(
    lm: CausalLM, prompts: Sequence[Any], targets: Sequence[Target], answers: Sequence[str], *, show_answer: bool = True
) -> list[TokenRewards]:
    """rhat_t = sigmoid(log p(y_t | better) - log p(y_t | worse)) - 1/2 for each target's tokens, under ``lm``.

    An empty target has no tokens and no fault. What the model could not score has a note and no rewards.

    Source: Zhou et al. 2024, T-REG (arXiv 2412.02685).
    """
    rows = [i for i, target in enumerate(targets) if len(target)]
    requests = [
        request
        for i in rows
        for request in contrast_requests(prompts[i], targets[i], answer=answers[i], show_answer=show_answer)
    ]
    scored = lm.logprobs(requests)
    found = [TokenRewards(np.empty(0, dtype=np.int64), np.empty(0)) for _ in targets]
    for k, i in enumerate(rows):
        found[i] = _contrasted(scored[2 * k], scored[2 * k + 1])
    return found


def with_token_rewards(
    rows: Iterable[Mapping[str, Any]],
    lm: CausalLM,
    *,
    show_answer: bool = True,
    missing: Missing = "error",
    batch_size: int = 64,
) -> list[dict[str, Any]]:
    """Preference rows with columns ``token_rewards_chosen``, ``token_rewards_rejected`` and the ``token_ids_`` they belong to.

    Answers are tokenised by themselves, without what closes a turn; the trainer finds these ids in its own and gives all other
    tokens 0.

    Args:
        rows: with ``prompt``, ``chosen``, ``rejected``.
        lm: the evaluator: the reference model before training.
        show_answer: whether the prompts show the answer that is to be revised.
        missing: what becomes of a row that could not be scored: an error, left out, or rewards of 0 (plain DPO on this row).
        batch_size: rows per call of the model.

    Raises:
        GuerdonError: a row could not be scored and ``missing`` is "error".
        UserError: an unknown ``missing``.
    """
    if missing not in ("error", "drop", "zero"):
        raise UserError(f"missing={missing!r} is unknown; choices: error, drop, zero")
    given, made = [dict(row) for row in rows], []
    for start in range(0, len(given), batch_size):
        part = given[start : start + batch_size]
        answers = [text_of(row[side]) for row in part for side in SIDES]
        prompts = [row["prompt"] for row in part for _ in SIDES]
        found = token_rewards(lm, prompts, answers, answers, show_answer=show_answer)
        for k, row in enumerate(part):
            sides = dict(zip(SIDES, found[2 * k : 2 * k + 2], strict=True))
            fault = next((rewards.note for rewards in sides.values() if rewards.note), None)
            if fault is not None and missing == "error":
                raise GuerdonError(f"rows[{start + k}] has no token rewards: {fault}; see missing=")
            if fault is not None and missing == "drop":
                continue
            for side, rewards in sides.items():
                row[f"token_ids_{side}"] = [] if fault else rewards.ids.tolist()
                row[f"token_rewards_{side}"] = [] if fault else rewards.rewards.tolist()
            made.append(row)
    return made


def aligned_rewards(
    rewards: Sequence[float], response_ids: Sequence[int], ids: Sequence[int] | None = None
) -> list[float]:
    """Rewards on the tokens of a response: where ``ids`` stand in it, 0 elsewhere; with ``ids=None`` one for each token.

    Raises:
        UserError: the lengths differ, or the ids do not stand in the response in a row, so that a reward would fall on a
            token it was not computed for.

    >>> aligned_rewards([0.1, -0.2], [7, 8, 2], ids=[7, 8])
    [0.1, -0.2, 0.0]
    """
    size, said = len(response_ids), "the token rewards were computed with another tokenizer, template or text"
    if ids is None or (len(rewards) == size and list(ids) == list(response_ids)):
        if len(rewards) != size:
            raise UserError(f"{len(rewards)} token rewards for a response of {size} tokens; {said}")
        return [float(value) for value in rewards]
    if len(rewards) != len(ids):
        raise UserError(f"{len(rewards)} token rewards for {len(ids)} token ids; give one each")
    wanted, there = list(ids), list(response_ids)
    for start in range(size - len(wanted) + 1):
        if there[start : start + len(wanted)] == wanted:
            return [0.0] * start + [float(value) for value in rewards] + [0.0] * (size - start - len(wanted))
    raise UserError(f"token ids {wanted[:8]}... do not stand in the response's {there[:8]}... in a row; {said}")


def _contrasted(better: TokenScores, worse: TokenScores) -> TokenRewards:
    nothing = np.empty(0, dtype=np.int64), np.empty(0)
    for scores in (better, worse):
        if scores.outcome.unscored:
            return TokenRewards(*nothing, Note(scores.outcome, scores.message))
    if not np.array_equal(better.ids, worse.ids):
        return TokenRewards(*nothing, Note(Outcome.INSTRUMENT_ERROR, "the two prompts scored different tokens"))
    rewards = contrast_token_rewards(better.logprobs, worse.logprobs)
    if not np.isfinite(rewards).all():
        return TokenRewards(*nothing, Note(Outcome.INSTRUMENT_ERROR, "a log-probability is not a number"))
    return TokenRewards(better.ids, rewards)
