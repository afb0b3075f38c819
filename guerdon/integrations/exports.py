"""What ``guerdon export`` writes: the file or configuration with which a trainer uses a reward. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

from guerdon.errors import UserError, closest
from guerdon.reward import Reward
from guerdon.spec import to_yaml

_HEAD = '"""The reward $name for $trainer, written by `guerdon export $trainer`."""\n\n'
_SPEC = 'SPEC = """\n$spec"""\n\n'


@dataclass(frozen=True)
class Export:
    """How a trainer is given a reward: the file it loads and what to set so that it does.

    Attributes:
        file: its name.
        text: its template; ``$spec``, ``$name``, ``$options``, ``$path``, ``$url``, ``$group_size`` are filled in.
        use: what to set.
        server: whether it asks a ``guerdon serve`` rather than loading a file.
        one_by_one: whether it asks sample by sample, so that siblings need a place to meet.
    """

    file: str
    text: str
    use: str
    server: bool = False
    one_by_one: bool = False


@dataclass(frozen=True)
class Exported:
    """A file to be written and what to do with it."""

    file: str
    text: str
    use: str


def _python(imports: str, body: str) -> str:
    return _HEAD + imports + "\n\n" + _SPEC + body + "\n"


_TRL = _python(
    "from guerdon import from_spec",
    "_reward = from_spec(SPEC)\n_scoring = _reward.scorer() if _reward.stateful else _reward\n\n\n"
    "def $identifier(prompts=None, completions=None, **columns):\n"
    '    """One number per completion, None where it could not be scored."""\n'
    "    return _scoring(prompts=prompts, completions=completions, **columns)",
)

EXPORTS: Mapping[str, Export] = {
    "trl": Export(
        "guerdon_reward.py",
        _TRL,
        "from guerdon_reward import $identifier\nGRPOTrainer(model, reward_funcs=$identifier, ...)",
    ),
    "unsloth": Export(
        "guerdon_reward.py",
        _TRL,
        "from guerdon_reward import $identifier\nGRPOTrainer(model=model, reward_funcs=[$identifier], ...)",
    ),
    "axolotl": Export(
        "guerdon_reward.py",
        _TRL,
        'rl: grpo\ntrl:\n  reward_funcs: ["guerdon_reward.$identifier"]\n  reward_weights: [1.0]',
    ),
    "verl": Export(
        "guerdon_verl.py",
        _python(
            "from guerdon.integrations.verl import reward_manager, score_function",
            "compute_score = score_function(SPEC$options)\n\n\n"
            "def __getattr__(name):\n"
            '    """The reward manager, made when verl asks for it."""\n'
            '    if name == "GuerdonRewardManager":\n'
            "        globals()[name] = reward_manager(SPEC$options)\n"
            "        return globals()[name]\n"
            "    raise AttributeError(name)",
        ),
        "# the value of a rollout on its last token:\n"
        "reward.custom_reward_function.path=$path reward.custom_reward_function.name=compute_score\n"
        "# or with step and token rewards, the prompt and uid of every rollout:\n"
        "reward.reward_manager.source=importlib reward.reward_manager.module.path=$path "
        "reward.reward_manager.name=GuerdonRewardManager",
        one_by_one=True,
    ),
    "openrlhf": Export(
        "guerdon_openrlhf.py",
        _python(
            "from guerdon.integrations.openrlhf import reward_function", "reward_func = reward_function(SPEC$options)"
        ),
        "--reward.remote_url $path --data.label_key LABEL",
        one_by_one=True,
    ),
    "slime": Export(
        "guerdon_slime.py",
        _python("from guerdon.integrations.slime import reward_model", "rm = reward_model(SPEC$options)"),
        "--custom-rm-path guerdon_slime.rm --group-rm   # with the file's folder on PYTHONPATH",
        one_by_one=True,
    ),
    "swift": Export(
        "guerdon_swift.py",
        _python(
            "from swift.rewards import orms\n\nfrom guerdon.integrations.swift import reward_class",
            'orms["$identifier"] = reward_class(SPEC)',
        ),
        "--external_plugins $path --reward_funcs $identifier",
    ),
    "skyrl": Export(
        "guerdon_skyrl.py",
        _python(
            "from skyrl_gym.envs import register\n\nfrom guerdon.integrations.skyrl import environment",
            'GuerdonEnv = environment(SPEC$options)\n\nregister(id="guerdon", entry_point="guerdon_skyrl:GuerdonEnv")',
        ),
        'import guerdon_skyrl  # in the entry point; rows have env_class: "guerdon", reward_spec: {"ground_truth": ...}',
        one_by_one=True,
    ),
    "verifiers": Export(
        "guerdon_verifiers.py",
        _python("from guerdon.integrations.verifiers import reward_function", "reward = reward_function(SPEC$options)"),
        '[taskset.task.rewards.$identifier]\nfn = "$path:reward"\nweight = 1.0',
        one_by_one=True,
    ),
    "inspect-ai": Export(
        "guerdon_inspect.py",
        _python("from guerdon.integrations.inspect_ai import as_scorer", "scorer = as_scorer(SPEC)"),
        "from guerdon_inspect import scorer\nTask(dataset=..., solver=..., scorer=scorer)",
    ),
    "nemo-gym": Export(
        "reward.yaml",
        "$spec",
        "guerdon serve $path$serve\n# then let the resources server's verify() post its request to $url/verify and pass the answer on",
        server=True,
    ),
    "llama-factory": Export(
        "reward.yaml",
        "$spec",
        "guerdon serve $path$serve\n# in the PPO run's YAML:\nreward_model_type: api\nreward_model: $url/v1/score/evaluation",
        server=True,
    ),
}


def export(
    trainer: str,
    reward: Reward,
    *,
    path: str = "",
    at: str = "local",
    group_size: int | None = None,
    url: str = "http://127.0.0.1:8000",
) -> Exported:
    """The file with which a trainer uses a reward.

    Args:
        trainer: one of :data:`EXPORTS`.
        path: where the file will be; "" for its usual name here.
        at: where samples meet, for trainers that ask one by one (:class:`~guerdon.integrations.sample_scorer.SampleScorer`).
        group_size: rollouts per prompt.
        url: the server, for trainers that ask one.

    Raises:
        UserError: an unknown trainer; or a reward that compares siblings, for a trainer that asks one by one, without
            ``group_size``.

    >>> from guerdon.rewards import ExactMatch
    >>> print(export("openrlhf", ExactMatch()).text.splitlines()[-1])
    reward_func = reward_function(SPEC)
    """
    if trainer not in EXPORTS:
        raise UserError(f"trainer={trainer!r} is unknown; {closest(trainer, EXPORTS)}")
    chosen = EXPORTS[trainer]
    if (chosen.one_by_one or chosen.server) and reward.siblings is not None and group_size is None:
        raise UserError(
            f"reward {reward.name!r} compares siblings and {trainer} asks sample by sample: give group_size, its number of "
            "rollouts per prompt"
        )
    if reward.needs_policy and trainer != "trl":
        raise UserError(
            f"reward {reward.name!r} reads the policy being trained, which only the TRL integration can give it"
        )
    spec = to_yaml(reward)
    if chosen.file.endswith(".py"):
        spec = spec.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    options = (f", at={at!r}" if at != "local" else "") + (f", group_size={group_size}" if group_size else "")
    filled = {
        "name": reward.name,
        "identifier": "".join(c if c.isalnum() else "_" for c in reward.name),
        "trainer": trainer,
        "spec": spec,
        "options": options if chosen.one_by_one else "",
        "serve": f" --group-size {group_size}" if group_size else "",
        "path": path or chosen.file,
        "url": url.rstrip("/"),
    }
    return Exported(
        path or chosen.file, Template(chosen.text).substitute(filled), Template(chosen.use).substitute(filled)
    )
