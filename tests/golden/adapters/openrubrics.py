"""OpenRubrics: the default variant."""

from __future__ import annotations

from guerdon.papers.openrubrics import label_consistent, vote
from guerdon.text.rubric_text import tagged_items
from guerdon.text.winners import last_winner

PARTS = {
    "parse_verdict": lambda completion: last_winner(completion),
    "vote_at_k": lambda verdicts: vote(verdicts),
    "label_consistent": lambda verdict, label: label_consistent(verdict, label),
    "parse_rubric": lambda text: tagged_items(text),
}
