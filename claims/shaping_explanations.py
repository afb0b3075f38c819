"""Shaping Explanations: what semantic, lexical and mixed rewards make of a policy, in a table and in the quickstart's pipeline."""

from __future__ import annotations

import json
from functools import lru_cache, partial
from pathlib import Path

from claims.claim import Claim
from claims.tabular import Tabular, train
from guerdon import find_paper

ROOT = Path(__file__).parent.parent
PAPER = find_paper("shaping-explanations")

# Per question: the expert, two paraphrases in other words, and texts that share the expert's function words or its keywords.
TABLE = (
    (
        "Why does ice float on water?",
        "Ice is less dense than liquid water because its molecules form an open lattice held by hydrogen bonds.",
        (
            "Freezing arranges the molecules into a spacious hydrogen-bonded crystal, so the solid weighs less per volume.",
            "When water solidifies, hydrogen bonding spreads its molecules apart, which lowers the density.",
        ),
        (
            "It is less than that because its of an open and the is held by a than.",
            "Ice ice water water molecules bonds lattice dense liquid hydrogen.",
            "Money is less useful than time because its owners form a queue held by old habits.",
        ),
    ),
    (
        "Why do arteries have thick walls?",
        "Arteries have thick elastic walls because they carry blood that the heart pumps out at high pressure.",
        (
            "Blood leaves the heart forcefully, so the vessels that receive it need strong, stretchy layers to withstand it.",
            "The vessels leading away from the heart must resist a strong pulse, hence their muscular and springy layers.",
        ),
        (
            "They have because they that the out at a high and the have walls they.",
            "Arteries thick elastic walls blood heart pumps pressure high carry.",
            "Castles have thick stone walls because they carry towers that the king looks out at high noon from.",
        ),
    ),
    (
        "Why does adding salt to ice lower its temperature?",
        "Salt lowers the freezing point of water, so some of the ice melts and the melting takes up heat.",
        (
            "Dissolved ions hinder crystallisation, and as part of the solid turns liquid it absorbs warmth from its surroundings.",
            "A brine freezes at a colder temperature, hence the solid begins to liquefy and draws energy from what is around it.",
        ),
        (
            "Some of the of the, so the and the takes up the point of some.",
            "Salt freezing point water ice melts melting heat lowers takes.",
            "Rain lowers the water mark of roads, so some of the town floods and the cleaning takes up days.",
        ),
    ),
)


def _form(text: str) -> str:
    return f"<explanation>{text}</explanation><answer>A</answer>"


def _paraphrase(seed: int, variant: str) -> float:
    """Probability of the paraphrases after training a table of texts with one of the paper's rewards."""
    choices = [[_form(text) for text in (*near, *far)] for _, _, near, far in TABLE]
    policy = Tabular(choices)
    columns = {"reference": [gold for _, gold, _, _ in TABLE], "answer": ["A"] * len(TABLE)}
    train(policy, PAPER.build(variant), [question for question, *_ in TABLE], columns, seed=seed, steps=60)
    return float(policy.probabilities[:, :2].sum(axis=1).mean())


@lru_cache(maxsize=8)
def _pipeline(seed: int) -> dict[str, dict[str, float]]:
    """Held-out means by system and part: the quickstart with GRPO by three rewards, all from one SFT."""
    from guerdon.training.pipeline import train as run_all
    from guerdon.training.runfile import parse_run, read_run

    base = json.loads(read_run(ROOT / "examples" / "explain" / "quickstart.yaml").model_dump_json())
    grpo = next(stage for stage in base["stages"] if stage["name"] == "grpo")
    others = {"grpo-rouge": "rouge", "grpo-mixed": "semantic+rouge"}
    base["stages"] += [
        {**grpo, "name": name, "start": "sft", "reward": {**grpo["reward"], "variant": variant}}
        for name, variant in others.items()
    ]
    base["evaluation"] |= {"systems": ["sft", "sft-continued", "grpo", *others], "compare": ["grpo", "sft"]}
    run = parse_run(
        {**base, "name": f"claims-{seed}", "seed": seed, "output": str(ROOT / "runs" / "claims" / str(seed))}
    )
    page = run_all(run, resume=True, progress=False, say=lambda _: None)
    results = json.loads((page.parent / "results.json").read_text(encoding="utf-8"))["results"]
    by_system = next(iter(results.values()))
    return {system: {part: value["mean"] for part, value in parts.items()} for system, parts in by_system.items()}


def _figures(seed: int, part: str, baseline: str) -> tuple[float, float]:
    found = _pipeline(seed)
    return found["grpo"][part], found[baseline][part]


def _trained(says: str, part: str, measure: str, baseline: str, name: str) -> Claim:
    return Claim(
        paper="shaping-explanations",
        says=says,
        measure=measure,
        ours="SFT + GRPO(semantic)",
        baseline=name,
        run=partial(_figures, part=part, baseline=baseline),
        seeds=3,
        minutes=True,
    )


CLAIMS = (
    Claim(
        paper="shaping-explanations",
        says="The semantic reward moves a policy to paraphrases of the expert, where ROUGE prefers shared words",
        measure="probability of the paraphrases",
        ours="semantic",
        baseline="ROUGE",
        run=lambda seed: (_paraphrase(seed, "default"), _paraphrase(seed, "rouge")),
        seeds=20,
    ),
    _trained("GRPO brings explanations closer to the expert's", "cosine", "held-out similarity", "sft", "SFT"),
    _trained("GRPO makes answers more often right", "choice", "held-out accuracy", "sft", "SFT"),
    _trained(
        "More of the same fine-tuning does not do it", "cosine", "held-out similarity", "sft-continued", "SFT continued"
    ),
    _trained("The semantic reward beats ROUGE", "cosine", "held-out similarity", "grpo-rouge", "SFT + GRPO(ROUGE)"),
    _trained("Mixing in ROUGE dilutes the signal", "cosine", "held-out similarity", "grpo-mixed", "SFT + GRPO(both)"),
)
