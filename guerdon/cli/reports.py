"""What ``--explain`` and ``--diagnose`` show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from guerdon.batch import Batch
from guerdon.cli.tables import number, share
from guerdon.combine import Combine
from guerdon.markers import resolve
from guerdon.reward import Reward
from guerdon.text.trajectory import completion_text, prompt_text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.tree import Tree

    from guerdon.scoring.explanation import Sample
    from guerdon.scoring.job import Job
    from guerdon.scoring.ledger import Ledger
    from guerdon.shaping.diagnosis import Diagnosis

#: Characters shown of a prompt and of a completion.
PROMPT_SHOWN, COMPLETION_SHOWN = 200, 600


def show_extremes(screen: Console, job: Job, ledger: Ledger, k: int) -> None:
    """The best and the worst samples, each with the tree of the reward."""
    from guerdon.scoring.explanation import extremes

    best, worst = extremes(job, ledger, k)
    if not best:
        screen.print("nothing to explain: no row was scored")
    for kind, samples in (("best", best), ("worst", worst)):
        for rank, sample in enumerate(samples, 1):
            screen.print()
            screen.print(explained(job, sample, f"{kind} {rank}"))


def explained(job: Job, sample: Sample, title: str) -> RenderableType:
    """One sample: what was asked, what was said, and what each part of the reward made of it."""
    from rich.console import Group
    from rich.text import Text

    layout = job.layout
    said = [Text(f"{title}: row {sample.number} of {job.out.name}, {job.value} {number(sample.value)}", style="bold")]
    if layout.prompt is not None:
        said.append(Text(f"prompt: {excerpt(prompt_text(sample.record[layout.prompt]), PROMPT_SHOWN)}", style="dim"))
    said.append(Text(excerpt(completion_text(sample.record[layout.completion]), COMPLETION_SHOWN)))
    return Group(*said, reward_tree(job.reward, sample, layout.batch([sample.record], job.step)))


def show_diagnosis(screen: Console, job: Job, ledger: Ledger) -> None:
    """What each term of the reward contributes to the advantage within groups."""
    screen.print()
    if not len(ledger):
        screen.print("nothing to diagnose: no row was scored")
        return
    diagnosis = diagnosed(job, ledger)
    screen.print(diagnosis_table(diagnosis))
    if not job.terms:
        screen.print(f"{job.reward.name} is no weighted sum, so it is diagnosed as one term")
    if diagnosis.groups == diagnosis.samples:
        screen.print("every row is a group of its own: say with --prompt or --group which rows are siblings")


def diagnosed(job: Job, ledger: Ledger) -> Diagnosis:
    """The diagnosis of a scored file; a reward that is no weighted sum is one term."""
    from guerdon.shaping.diagnosis import diagnose

    names = term_names(job.terms) if job.terms else [job.reward.name]
    values = ledger.column("terms").T if job.terms else ledger.column("value")[None]
    weights = weights_of(job.reward, Batch([], step=job.step)) if job.terms else [1.0]
    ranges = [term.range for term in job.terms or (job.reward,)]
    return diagnose(
        dict(zip(names, values, strict=True)),
        ledger.group_numbers(),
        weights={name: weight or 0.0 for name, weight in zip(names, weights, strict=True)},
        lengths=ledger.column("length"),
        ranges=dict(zip(names, ranges, strict=True)),
    )


def term_names(terms: Sequence[Reward]) -> list[str]:
    """The names of terms, told apart where two have one name."""
    names: list[str] = []
    for term in terms:
        again = sum(name == term.name or name.startswith(f"{term.name} (") for name in names)
        names.append(f"{term.name} ({again + 1})" if again else term.name)
    return names


def diagnosis_table(diagnosis: Diagnosis) -> RenderableType:
    """A diagnosis as a table: one line per term."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(title="what carries the advantage", title_justify="left")
    for head in (
        "term",
        "weight",
        "mean",
        "std",
        "share",
        "with length",
        "at lowest",
        "at highest",
        "flat groups",
        "unscored",
    ):
        table.add_column(head, justify="left" if head == "term" else "right", overflow="fold")
    for name, part in diagnosis.parts.items():
        numbers = (part.weight, part.mean, part.std)
        saturation = (part.at_low, part.at_high, part.flat_groups, part.unscored)
        correlation = number(part.length_correlation)
        table.add_row(Text(name), *map(number, numbers), share(part.share), correlation, *map(share, saturation))
    return Group(
        table,
        Text(
            f"share: of the variance of the advantage within {diagnosis.groups:,} groups; with length: correlation with the "
            f"completion's length in characters, {number(diagnosis.length_correlation)} for the reward; "
            f"{share(diagnosis.flat_groups)} of the groups have no variance"
        ),
    )


def excerpt(text: str, length: int) -> str:
    """A text in one paragraph, its middle left out where it is long, control characters shown as what they are.

    >>> excerpt("a\\n\\nb \\x1b[31m", 20), excerpt("abcdefghij", 5)
    ('a b \\\\x1b[31m', 'ab … ij')
    """
    kept = text if len(text) <= 2 * length else f"{text[:length]} {text[-length:]}"
    plain = "".join(c if c.isprintable() else " " if c.isspace() else c.encode("unicode_escape").decode() for c in kept)
    words = " ".join(plain.split())
    return words if len(words) <= length else f"{words[: length // 2]} … {words[-(length // 2) :]}"


def reward_tree(reward: Reward, sample: Sample, batch: Batch) -> Tree:
    """The tree of a reward with weights, values and notes of one sample."""
    from rich.tree import Tree

    tree = Tree(_label(reward, None, sample))

    def grow(branch: Tree, node: Reward) -> None:
        for child, weight in zip(node.children, weights_of(node, batch), strict=True):
            grow(branch.add(_label(child, weight, sample)), child)

    grow(tree, reward)
    return tree


def weights_of(node: Reward, batch: Batch) -> list[float | None]:
    """The weight of each child of a node, None where it has none."""
    if not isinstance(node, Combine) or node.rule != "weighted_sum":
        return [None] * len(node.children)
    return [float(weight) for weight in resolve(node.options["weights"], batch, node.name)]


def _label(node: Reward, weight: float | None, sample: Sample) -> Any:
    from rich.text import Text

    label = Text(f"{weight:g} × " if weight is not None else "")
    label.append(_title(node), style="bold")
    value = sample.nodes.get(node)
    label.append(" not told" if value is None else f" {number(value)}")
    for path in node.own_parts:
        if path in sample.notes:
            name = "" if path == node.name else f"{path}: "
            label.append(f"  {name}{excerpt(sample.notes[path], COMPLETION_SHOWN)}", style="dim")
    return label


def _title(node: Reward) -> str:
    if not isinstance(node, Combine):
        return node.name
    options = ", ".join(f"{key}={value!r}" for key, value in node.options.items() if key != "weights")
    rule = f"{node.rule}({options})" if options else node.rule
    return f"{node.name}: {rule}" if node.own_parts else rule
