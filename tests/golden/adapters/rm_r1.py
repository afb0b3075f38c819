"""RM-R1: ``outcome_reward`` and ``distill_keep_filter`` are variant ``"official"``."""

from __future__ import annotations

from guerdon import Batch, find_paper
from guerdon.papers.rm_r1 import keeps_trace
from guerdon.shaping.style_accuracy import styled_pairs_accuracy
from guerdon.text.bracketed_verdicts import only_verdict

REWARD = find_paper("rm-r1").build("official")
VERDICT = {"A": "A", "B": "B", None: "error"}

PARTS = {
    "outcome_reward": lambda completion, winner: float(REWARD.score(Batch([completion], winner=[winner])).values[0]),
    "eval_parse_verdict": lambda completion: VERDICT[only_verdict(completion)],
    "distill_keep_filter": lambda completion, winner: keeps_trace(completion, winner, variant="official"),
    "rm_bench_accuracy": lambda pairs, style_order: styled_pairs_accuracy(pairs, style_order),
}
