"""Runs: each example once, nothing asked twice, going on after failures and kills, costs added up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from guerdon.errors import UserError
from guerdon.models.chat import ChatModel, ChatReply, ChatRequest, ScriptedChat
from guerdon.rubric import Criterion, Rubric
from guerdon.rubrics import (
    Contrastive,
    Example,
    PairVerdicts,
    PromptOnly,
    criteria_report,
    generate,
    generated,
    prune,
)
from guerdon.rubrics.records import read_records
from guerdon.rubrics.verdicts import verdict_matrices
from guerdon.scores import Outcome

ROOT = Path(__file__).parents[2]
LIST = "1. The response greets. [Principle]"


@dataclass(frozen=True)
class Counting(ChatModel):
    """A writer that counts its calls and fails for some prompts as long as it is told to."""

    seen: list[str] = field(default_factory=list, compare=False)
    down: set[str] = field(default_factory=set, compare=False)

    async def complete(self, requests: Sequence[ChatRequest]) -> list[ChatReply]:
        self.seen.extend(request.text for request in requests)
        failing = [any(word in request.text for word in self.down) for request in requests]
        usage = {"tokens_in": 10.0, "cost": 0.5}
        return [
            ChatReply(outcome=Outcome.TRANSPORT_ERROR, message="down") if fails else ChatReply(LIST, usage=usage)
            for fails in failing
        ]


def prompts(n: int) -> list[dict[str, str]]:
    return [{"prompt": f"Greet person number {k}."} for k in range(n)]


def test_everything_is_asked_once_and_added_up(tmp_path: Path) -> None:
    chat, out = Counting(), tmp_path / "rubrics.jsonl"
    summary = generate([*prompts(5), *prompts(3)], PromptOnly(), out, chat=chat, window=2)
    assert (summary.examples, summary.distinct, summary.resumed) == (8, 5, 0)
    assert summary.statuses == {"kept": 5} and summary.calls == {"writer": 5}
    assert summary.usage == {"cost": 2.5, "tokens_in": 50.0} and len(chat.seen) == 5
    records = list(read_records(out))
    assert len(records) == 5 and records[0]["rubric"]["criteria"][0]["text"] == "The response greets."
    again = generate(prompts(6), PromptOnly(), out, chat=chat)
    assert (again.resumed, again.calls, len(chat.seen)) == (5, {"writer": 1}, 6)


def test_what_was_not_answered_is_asked_again(tmp_path: Path) -> None:
    chat, out = Counting(down={"number 1."}), tmp_path / "rubrics.jsonl"
    assert generate(prompts(3), PromptOnly(), out, chat=chat).statuses == {"kept": 2, "unanswered": 1}
    chat.down.clear()
    summary = generate(prompts(3), PromptOnly(), out, chat=chat)
    assert summary.statuses == {"kept": 3} and summary.calls == {"writer": 1}
    assert [record["status"] for record in read_records(out)] == ["kept"] * 3


def test_another_method_or_file_is_refused(tmp_path: Path) -> None:
    chat, out = Counting(), tmp_path / "rubrics.jsonl"
    generate(prompts(1), PromptOnly(), out, chat=chat)
    with pytest.raises(UserError, match="made in another way"):
        generate(prompts(1), PromptOnly(attempts=2), out, chat=chat)
    assert generate(prompts(1), PromptOnly(attempts=2), out, chat=chat, restart=True).calls == {"writer": 1}
    out.write_text('{"prompt": "mine"}\n')
    with pytest.raises(UserError, match="no record of a run"):
        generate(prompts(1), PromptOnly(), out, chat=chat)
    assert out.read_text() == '{"prompt": "mine"}\n'


def test_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    chat, out = Counting(), tmp_path / "rubrics.jsonl"
    generate(prompts(3), PromptOnly(), out, chat=chat)
    out.write_bytes(out.read_bytes()[:-20])
    assert generate(prompts(3), PromptOnly(), out, chat=chat).calls == {"writer": 1}
    assert all(json.loads(line) for line in out.read_text().splitlines()) and len(list(read_records(out))) == 3


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from dataclasses import dataclass\n"
        "from guerdon.models.chat import ChatModel, ChatReply\n"
        "from guerdon.rubrics import PromptOnly, generate\n"
        "@dataclass(frozen=True)\n"
        "class Slow(ChatModel):\n"
        "    async def complete(self, requests):\n"
        "        await asyncio.sleep(0.02)\n"
        "        with open(sys.argv[2], 'a') as log:\n"
        "            log.write('x' * len(requests))\n"
        f"        return [ChatReply({LIST!r}) for _ in requests]\n"
        "rows = [{'prompt': f'Greet person {k}.'} for k in range(60)]\n"
        "print(generate(rows, PromptOnly(), sys.argv[1], chat=Slow(), window=4).statuses)\n"
    )
    out, log = tmp_path / "rubrics.jsonl", tmp_path / "log"
    command = [sys.executable, "-c", script, str(out), str(log)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    first = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (not out.exists() or out.read_bytes().count(b"\n") < 15):
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    before = out.read_bytes().count(b"\n")
    assert 15 <= before < 60
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "{'kept': 60}"
    ids = [record["id"] for record in map(json.loads, out.read_text().splitlines())]
    assert len(ids) == len(set(ids)) == 60
    assert log.stat().st_size <= 60 + 4, "only what was under way at the kill is asked again"


def test_writer_and_judge_are_told_apart() -> None:
    writer = ScriptedChat({}, default="1. The response is short. [Hard Rule]")
    judge = ScriptedChat({}, default="Winner: Response A")
    pairs = [Example(f"q{k}", ("a", "b c"), (1.0, 2.0)) for k in range(40)]
    made = [made.status for _, made in generated(pairs, Contrastive(), chat=writer, judge=judge)]
    assert 10 < made.count("kept") < 30, "a judge who always names the first keeps by chance"
    with pytest.raises(UserError, match="window"):
        list(generated(pairs, Contrastive(), chat=writer, window=0))
    with pytest.raises(UserError, match="example 2 has no prompt"):
        list(generated([{"prompt": "a"}, {}], PromptOnly(), chat=writer))


RUBRIC = Rubric(
    (Criterion("right", "It is right."), Criterion("long", "It is long."), Criterion("same", "It says so."))
)


def test_verdicts_report_and_pruning(tmp_path: Path) -> None:
    def said(*yes: bool) -> str:
        return json.dumps({str(k): "yes" if one else "no" for k, one in enumerate(yes, 1)})

    judge = ScriptedChat({"good": said(True, False, True), "bad": said(False, True, False), "lost": "<timed_out>"})
    pairs = [{"prompt": f"q{k}", "chosen": f"good {k}", "rejected": f"bad {k}"} for k in range(4)]
    lost = {"prompt": "x", "chosen": "lost", "rejected": "bad"}
    out = tmp_path / "verdicts.jsonl"
    summary = generate([*pairs, lost], PairVerdicts(RUBRIC), out, chat=judge)
    assert summary.statuses == {"kept": 4, "unanswered": 1} and summary.calls == {"judge": 10}
    chosen, rejected = verdict_matrices(read_records(out), RUBRIC)
    report = criteria_report(RUBRIC, chosen, rejected)
    assert (report.pairs, report.accuracy) == (4, 1.0)
    assert report.statistics.discriminability.tolist() == [1.0, -1.0, 1.0]
    assert report.repeats[0][0] in ("long", "same") and abs(report.repeats[0][1]) == 1.0
    result = prune(RUBRIC, chosen, rejected, version="2")
    assert len(result.rubric) == 1 and result.rubric.version == "2" and "long" in result.dropped
    with pytest.raises(UserError, match="made with another rubric"):
        verdict_matrices(read_records(out), Rubric((Criterion("new", "x"),)))
    with pytest.raises(UserError, match="no judged pair"):
        prune(RUBRIC, chosen[:0], rejected[:0])
