"""inspect-ai, both ways: a reward as a scorer of an evaluation, and a scorer as a reward."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from guerdon.batch import Batch
from guerdon.errors import MissingExtra, UserError
from guerdon.integrations.sample_scorer import SampleScorer
from guerdon.reward import Example, Reward, column
from guerdon.sample import Sample
from guerdon.scores import Note, Outcome, Scores

__all__ = ["InspectScorer", "as_scorer"]


def as_scorer(reward: Any, **options: Any) -> Any:
    """An inspect-ai scorer with mean and standard error; ``options`` of :class:`~guerdon.integrations.sample_scorer.SampleScorer`.

    Columns are the sample's target (or its parts, as JSON) and metadata. The parts are in the score's metadata, the notes its
    explanation. A sample that could not be scored is unscored there too.

    Raises:
        MissingExtra: inspect-ai is not installed.
    """
    try:
        from inspect_ai.scorer import Score, Target, mean, scorer, stderr
        from inspect_ai.solver import TaskState
    except ImportError:
        raise MissingExtra("inspect-ai", extra="inspect") from None
    asked = SampleScorer(reward, **options)

    def guerdon_scorer() -> Any:
        async def score(state: TaskState, target: Target) -> Score:
            sample = Sample(
                state.output.completion,
                state.input_text,
                asked.columns(target.text, state.metadata),
                group=str(state.sample_id),
            )
            scores = await asked.score(sample)
            if not scores.scored:
                return Score.unscored(reason=scores.note or "not scored")
            parts = {path: (part if math.isfinite(part) else None) for path, part in scores.parts.items()}
            return Score(value=scores.value, answer=state.output.completion, explanation=scores.note, metadata=parts)

        return score

    return scorer(metrics=[mean(), stderr()], name=asked.reward.name)(guerdon_scorer)()


@dataclass(frozen=True, repr=False)
class InspectScorer(Reward):
    """What an inspect-ai scorer says: its value, letters as inspect reads them (C 1, P 0.5, I and N 0), or one key of several.

    ``scored_by`` names a registered scorer (``"includes"``, ``"package/name"``), ``arguments`` are its own. Column ``target``: a
    text or a list of texts. NaN: unscored there (``missing_data``), a value that is no number (``unparseable``), a scorer that
    raised (``instrument_error``). Range: ``low`` to ``high`` as declared; values beyond raise.

    Raises:
        UserError: a scorer that inspect-ai does not know.
        MissingExtra: inspect-ai is not installed.
    """

    scored_by: str = "includes"
    target: str = column("target", expects="the target, or a list of targets")
    arguments: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    low: float = 0.0
    high: float = 1.0

    @property
    def range(self) -> tuple[float, float]:
        return self.low, self.high

    async def _score(self, batch: Batch) -> Scores:
        run = self._run()
        values, notes = np.full(len(batch), np.nan), []
        for i, (completion, target) in enumerate(zip(batch.texts("whole"), self.read(batch, self.target), strict=True)):
            try:
                values[i], note = self._read(await run(batch.prompt_texts[i], completion or "", target))
            except Exception as error:
                note = Note(Outcome.INSTRUMENT_ERROR, f"{type(error).__name__}: {error}"[:200])
            notes.append(note)
        return Scores(values, notes={"": tuple(notes)})

    def _run(self) -> Callable[[str, str, Any], Awaitable[Any]]:
        try:
            from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelName, ModelOutput
            from inspect_ai.scorer import Target
            from inspect_ai.solver import TaskState
            from inspect_ai.util import registry_create
        except ImportError:
            raise MissingExtra("inspect-ai", extra="inspect") from None
        made = registry_create("scorer", self.scored_by, **dict(self.arguments))

        async def run(prompt: str, completion: str, target: Any) -> Any:
            state = TaskState(
                model=ModelName("none/none"),
                sample_id=0,
                epoch=1,
                input=prompt,
                messages=[ChatMessageUser(content=prompt), ChatMessageAssistant(content=completion)],
                output=ModelOutput.from_content("none", completion),
            )
            return await made(state, Target(list(target) if isinstance(target, (list, tuple)) else str(target)))

        return run

    def _read(self, score: Any) -> tuple[float, Note | None]:
        value = score.value[self.key] if self.key and isinstance(score.value, Mapping) else score.value
        letters = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
        said = Note(answer=score.answer) if score.answer else None
        if isinstance(value, str) and value in letters:
            return letters[value], said
        if isinstance(value, (bool, int, float)):
            if math.isnan(value):
                return np.nan, Note(
                    Outcome.MISSING_DATA, str(getattr(score, "reason", None) or score.explanation or "unscored")
                )
            if not self.low <= value <= self.high:
                raise UserError(
                    f"value {value} is beyond the declared range [{self.low}, {self.high}]; set low and high"
                )
            return float(value), said
        return np.nan, Note(Outcome.UNPARSEABLE, f"{value!r:.80} is no number")

    @classmethod
    def example(cls) -> Example:
        honest = Batch(["It is 4.", "It is 6."], ["2+2?", "3+3?"], target=["4", "6"])
        return Example(honest, {"empty": ["", ""], "off topic": ["I like trains.", "Who knows."]})
