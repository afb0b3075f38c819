"""The signals: one module per kind of evidence a reward looks at. Names are loaded when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guerdon.rewards.agreement import Agreement
    from guerdon.rewards.bmas import BMAS
    from guerdon.rewards.boxes import BoxIoU, PlanIoU
    from guerdon.rewards.choice import Choice
    from guerdon.rewards.demonstrated import LogRatio, Potential
    from guerdon.rewards.early_stop import EarlyStop
    from guerdon.rewards.endogenous import Endogenous
    from guerdon.rewards.entities import EntityRecall
    from guerdon.rewards.followups import FollowUpLikelihood
    from guerdon.rewards.format import Tags
    from guerdon.rewards.gated import GatedAggregate
    from guerdon.rewards.given import Given
    from guerdon.rewards.headed import HeadedAnswer
    from guerdon.rewards.implicit import ImplicitReward
    from guerdon.rewards.instructions import Instructions
    from guerdon.rewards.judged import Judged
    from guerdon.rewards.language import Script
    from guerdon.rewards.length import Length, LengthFloor, LengthMatch, Overlong, Repetition, ThoughtLength
    from guerdon.rewards.likelihood import Likelihood
    from guerdon.rewards.machine_text import HumanLikeness
    from guerdon.rewards.match import ExactMatch, TokenF1
    from guerdon.rewards.named_candidate import NamedCandidate
    from guerdon.rewards.nugget_labels import NuggetLabels
    from guerdon.rewards.online_head import OnlineHead
    from guerdon.rewards.overlap import Bleu, Chrf, RougeL
    from guerdon.rewards.panel import Panel
    from guerdon.rewards.perplexity_rank import PerplexityRank
    from guerdon.rewards.prompt_echo import PromptEcho
    from guerdon.rewards.query_match import QueryMatch
    from guerdon.rewards.reasoning_form import ReasoningForm, RepeatedWindow
    from guerdon.rewards.relevance import DistinctNgrams, LengthIncentive, Relevance
    from guerdon.rewards.retrieval import ChunkFBeta, RetrievalNDCG, SearchPattern
    from guerdon.rewards.rubric import RubricScore
    from guerdon.rewards.search import EvidenceContains, SearchAnswer, SearchForm
    from guerdon.rewards.semantic import Cosine
    from guerdon.rewards.short_answers import ChartAnswer, ShortAnswer
    from guerdon.rewards.sql import SchemaLinking, SQLNgram, SQLQuery
    from guerdon.rewards.sql_contrast import SQLContrast
    from guerdon.rewards.sql_execution import SQLExecution, SQLSyntax
    from guerdon.rewards.steps import GivenSteps, JudgedSteps
    from guerdon.rewards.strategies import StrategyAnswer, StrategyDiversity, StrategyForm
    from guerdon.rewards.structured import JSONSchema
    from guerdon.rewards.subqueries import Answerability, Decomposition
    from guerdon.rewards.target_language import TargetLanguage
    from guerdon.rewards.thought_form import ThoughtForm
    from guerdon.rewards.tools import ToolCalls, ToolForm
    from guerdon.rewards.trained_judges import CritiqueVerdict, ListVerdict, PairVerdict, TruthVerdict
    from guerdon.rewards.verdicts import JudgeVerdict
    from guerdon.rewards.verifiable import MathAnswer, NumericAnswer, SetAnswer
    from guerdon.rewards.votes import CrossVote, MajorityVote
    from guerdon.rewards.xml_format import XMLCount, XMLFormat

_HOMES = {
    "Agreement": "agreement",
    "Answerability": "subqueries",
    "BMAS": "bmas",
    "Bleu": "overlap",
    "BoxIoU": "boxes",
    "ChartAnswer": "short_answers",
    "Choice": "choice",
    "Chrf": "overlap",
    "ChunkFBeta": "retrieval",
    "Cosine": "semantic",
    "CritiqueVerdict": "trained_judges",
    "CrossVote": "votes",
    "Decomposition": "subqueries",
    "DistinctNgrams": "relevance",
    "EarlyStop": "early_stop",
    "Endogenous": "endogenous",
    "EntityRecall": "entities",
    "EvidenceContains": "search",
    "ExactMatch": "match",
    "FollowUpLikelihood": "followups",
    "GatedAggregate": "gated",
    "Given": "given",
    "GivenSteps": "steps",
    "HeadedAnswer": "headed",
    "HumanLikeness": "machine_text",
    "ImplicitReward": "implicit",
    "Instructions": "instructions",
    "JSONSchema": "structured",
    "JudgeVerdict": "verdicts",
    "Judged": "judged",
    "JudgedSteps": "steps",
    "Length": "length",
    "LengthFloor": "length",
    "LengthIncentive": "relevance",
    "LengthMatch": "length",
    "Likelihood": "likelihood",
    "ListVerdict": "trained_judges",
    "LogRatio": "demonstrated",
    "MajorityVote": "votes",
    "MathAnswer": "verifiable",
    "NamedCandidate": "named_candidate",
    "NuggetLabels": "nugget_labels",
    "NumericAnswer": "verifiable",
    "OnlineHead": "online_head",
    "Overlong": "length",
    "PairVerdict": "trained_judges",
    "Panel": "panel",
    "PerplexityRank": "perplexity_rank",
    "PlanIoU": "boxes",
    "Potential": "demonstrated",
    "PromptEcho": "prompt_echo",
    "QueryMatch": "query_match",
    "ReasoningForm": "reasoning_form",
    "Relevance": "relevance",
    "RepeatedWindow": "reasoning_form",
    "Repetition": "length",
    "RetrievalNDCG": "retrieval",
    "RougeL": "overlap",
    "RubricScore": "rubric",
    "SQLContrast": "sql_contrast",
    "SQLExecution": "sql_execution",
    "SQLNgram": "sql",
    "SQLQuery": "sql",
    "SQLSyntax": "sql_execution",
    "SchemaLinking": "sql",
    "Script": "language",
    "SearchAnswer": "search",
    "SearchForm": "search",
    "SearchPattern": "retrieval",
    "SetAnswer": "verifiable",
    "ShortAnswer": "short_answers",
    "StrategyAnswer": "strategies",
    "StrategyDiversity": "strategies",
    "StrategyForm": "strategies",
    "Tags": "format",
    "TargetLanguage": "target_language",
    "ThoughtForm": "thought_form",
    "ThoughtLength": "length",
    "TokenF1": "match",
    "ToolCalls": "tools",
    "ToolForm": "tools",
    "TruthVerdict": "trained_judges",
    "XMLCount": "xml_format",
    "XMLFormat": "xml_format",
}

__all__ = [
    "BMAS",
    "Agreement",
    "Answerability",
    "Bleu",
    "BoxIoU",
    "ChartAnswer",
    "Choice",
    "Chrf",
    "ChunkFBeta",
    "Cosine",
    "CritiqueVerdict",
    "CrossVote",
    "Decomposition",
    "DistinctNgrams",
    "EarlyStop",
    "Endogenous",
    "EntityRecall",
    "EvidenceContains",
    "ExactMatch",
    "FollowUpLikelihood",
    "GatedAggregate",
    "Given",
    "GivenSteps",
    "HeadedAnswer",
    "HumanLikeness",
    "ImplicitReward",
    "Instructions",
    "JSONSchema",
    "JudgeVerdict",
    "Judged",
    "JudgedSteps",
    "Length",
    "LengthFloor",
    "LengthIncentive",
    "LengthMatch",
    "Likelihood",
    "ListVerdict",
    "LogRatio",
    "MajorityVote",
    "MathAnswer",
    "NamedCandidate",
    "NuggetLabels",
    "NumericAnswer",
    "OnlineHead",
    "Overlong",
    "PairVerdict",
    "Panel",
    "PerplexityRank",
    "PlanIoU",
    "Potential",
    "PromptEcho",
    "QueryMatch",
    "ReasoningForm",
    "Relevance",
    "RepeatedWindow",
    "Repetition",
    "RetrievalNDCG",
    "RougeL",
    "RubricScore",
    "SQLContrast",
    "SQLExecution",
    "SQLNgram",
    "SQLQuery",
    "SQLSyntax",
    "SchemaLinking",
    "Script",
    "SearchAnswer",
    "SearchForm",
    "SearchPattern",
    "SetAnswer",
    "ShortAnswer",
    "StrategyAnswer",
    "StrategyDiversity",
    "StrategyForm",
    "Tags",
    "TargetLanguage",
    "ThoughtForm",
    "ThoughtLength",
    "TokenF1",
    "ToolCalls",
    "ToolForm",
    "TruthVerdict",
    "XMLCount",
    "XMLFormat",
]


def __getattr__(name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def register_all() -> None:
    """Import every module of this room, so that all its rewards are registered."""
    for home in sorted(set(_HOMES.values())):
        importlib.import_module(f"{__name__}.{home}")
