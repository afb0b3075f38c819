"""guerdon: the reward layer for reinforcement learning of language models."""

from guerdon.batch import Batch
from guerdon.combine import Combine, Ensemble, FirstScored, Gate, Maximum, Minimum, Product, Router, Sum
from guerdon.markers import Column, Schedule
from guerdon.paper import Paper, all_papers, find_paper
from guerdon.reward import Example, Reward, column
from guerdon.scorer import Scorer
from guerdon.scores import Note, Outcome, Scores, Steps
from guerdon.spec import from_spec, to_spec, to_yaml

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Column",
    "Combine",
    "Ensemble",
    "Example",
    "FirstScored",
    "Gate",
    "Maximum",
    "Minimum",
    "Note",
    "Outcome",
    "Paper",
    "Product",
    "Reward",
    "Router",
    "Schedule",
    "Scorer",
    "Scores",
    "Steps",
    "Sum",
    "all_papers",
    "column",
    "find_paper",
    "from_spec",
    "to_spec",
    "to_yaml",
]
