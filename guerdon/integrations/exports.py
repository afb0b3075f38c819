"""What ``guerdon export`` writes: the file or configuration with which a trainer uses a reward. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import PurePath
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
        text: its template; ``$spec``, ``$name``, ``$identifier``, ``$options``, ``$path``, ``$module``, ``$serve``,
            ``$fallback`` and ``$url`` are filled in.
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
        "from $module import $identifier\nGRPOTrainer(model, reward_funcs=$identifier, ...)",
    ),
    "unsloth": Export(
        "guerdon_reward.py",
        _TRL,
        "from $module import $identifier\nGRPOTrainer(model=model, reward_funcs=[$identifier], ...)",
    ),
    "axolotl": Export(
        "guerdon_reward.py",
        _TRL,
        'rl: grpo\ntrl:\n  reward_funcs: ["$module.$identifier"]\n  reward_weights: [1.0]',
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
        "# a function; the value of a rollout on its last token:\n"
        "reward.custom_reward_function.path=$path reward.custom_reward_function.name=compute_score\n"
        "# or a manager, which knows the prompt, uid and tokens of every rollout:\n"
        "reward.reward_manager.source=importlib reward.reward_manager.module.path=$path "
        "reward.reward_manager.name=GuerdonRewardManager\n"
        "# and for step and token rewards on their tokens, a file agent_loops.yaml with the lines\n"
        "#   - {name: guerdon_single_turn, _target_: guerdon.integrations.verl_agent_loop.SingleTurn}\n"
        "#   - {name: guerdon_tool, _target_: guerdon.integrations.verl_agent_loop.Tool}\n"
        "actor_rollout_ref.rollout.agent.agent_loop_config_path=agent_loops.yaml "
        "actor_rollout_ref.rollout.agent.default_agent_loop=guerdon_single_turn",
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
        "--custom-rm-path $module.rm --group-rm   # with the file's folder on PYTHONPATH",
        one_by_one=True,
    ),
    "swift": Export(
        "guerdon_swift.py",
        _python(
            "from swift.rewards import orms\n\nfrom guerdon.integrations.swift import reward_class",
            'orms["$identifier"] = reward_class(SPEC, "$identifier")',
        ),
        "--external_plugins $path --reward_funcs $identifier",
    ),
    "skyrl": Export(
        "guerdon_skyrl.py",
        _python(
            "from skyrl_gym.envs import register\n\nfrom guerdon.integrations.skyrl import environment",
            "GuerdonEnv = environment(SPEC$options)\n\n"
            'register(id="$identifier", entry_point=f"{__name__}:GuerdonEnv")',
        ),
        "import $module  # in the entry point, where SkyRL's environments are registered\n"
        '# rows of the dataset have env_class: "$identifier", reward_spec: {"ground_truth": ...}',
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
        "from $module import scorer\nTask(dataset=..., solver=..., scorer=scorer)",
    ),
    "nemo-gym": Export(
        "reward.yaml",
        "$spec",
        "guerdon serve $path$serve\n"
        "# then let the resources server's verify() post its request to $url/verify and pass the answer on",
        server=True,
    ),
    "llama-factory": Export(
        "reward.yaml",
        "$spec",
        "guerdon serve $path$serve --fallback $fallback\n"
        "# in the PPO run's YAML:\nreward_model_type: api\nreward_model: $url/v1/score/evaluation",
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
    fallback: float = 0.0,
    url: str = "http://127.0.0.1:8000",
) -> Exported:
    """The file with which a trainer uses a reward.

    Args:
        trainer: one of :data:`EXPORTS`.
        path: where the file will be; "" for its usual name here.
        at: where samples meet, for trainers that ask one by one (:class:`~guerdon.integrations.sample_scorer.SampleScorer`).
        group_size: rollouts per prompt.
        fallback: the number for a rollout that could not be scored, for trainers that must have one.
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
    given = {"at": (at, "local"), "group_size": (group_size, None), "fallback": (float(fallback), 0.0)}
    options = "".join(f", {name}={value!r}" for name, (value, default) in given.items() if value != default)
    target = path or chosen.file
    filled = {
        "name": "".join(c if c.isalnum() or c in " +-*._" else "_" for c in reward.name),
        "identifier": _identifier(reward.name),
        "trainer": trainer,
        "spec": spec,
        "options": options if chosen.one_by_one else "",
        "serve": f" --group-size {group_size}" if group_size else "",
        "fallback": f"{fallback:g}",
        "path": target,
        "module": PurePath(target).stem,
        "url": url.rstrip("/"),
    }
    return Exported(target, Template(chosen.text).substitute(filled), Template(chosen.use).substitute(filled))


def _identifier(name: str) -> str:
    """A name as Python takes it.

    >>> _identifier("0.5*f1+tags")
    'reward_0_5_f1_tags'
    """
    plain = "".join(c if c.isalnum() and c.isascii() else "_" for c in name)
    return plain if plain.isidentifier() and not iskeyword(plain) else f"reward_{plain}"
