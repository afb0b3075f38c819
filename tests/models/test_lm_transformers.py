"""Local language models: equal to full logits in float64, whatever the batch, the padding, the template or the architecture."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.errors import UnboundPolicy, UserError
from guerdon.models.lm import LogprobRequest, PolicyLM, TokenScores, as_lm, bound_policy
from guerdon.models.lms import TransformersLM
from guerdon.models.lms import head as heads
from guerdon.models.lms.engine import LikelihoodEngine, TokenTensors
from guerdon.models.lms.spans import RequestTokens
from guerdon.models.loaded import unload
from guerdon.registry import registered
from guerdon.scores import Outcome
from guerdon.spec import from_spec, to_spec
from tests.models.tiny_lm import ARCHITECTURES, TEMPLATES, save_tiny, tiny_model, tiny_tokenizer

ASK = ({"role": "user", "content": "What is two plus three?"},)
LONG = (
    *ASK,
    {"role": "assistant", "content": "Five."},
    {"role": "user", "content": "Which city is larger? Explain it."},
)
WORK = [
    LogprobRequest(prompt, target, prefix=prefix, closed=closed, temperature=temperature)
    for prompt in (ASK, LONG, "The answer is")
    for target, prefix in (("five apples", ""), ("five apples", "because I think so"), ("Paris", "because I think so"))
    for closed, temperature in ((False, 1.0), (True, 0.7))
]


def engine(kind: str = "llama", template: str = "chatml", **options: Any) -> LikelihoodEngine:
    tied, pad = options.pop("tied", True), options.pop("pad", "<|pad|>")
    return LikelihoodEngine(tiny_model(kind, tied=tied), tiny_tokenizer(template, pad=pad), **options)


@cache
def exact(kind: str, tied: bool = True) -> Any:
    return copy.deepcopy(tiny_model(kind, tied=tied)).double()


def reference(model: Any, tokens: RequestTokens, temperature: float = 1.0) -> tuple[Any, Any]:
    """Log-probabilities and normalisers from the full logits of one unpadded row."""
    start = len(tokens.context_ids) - 1
    logits = model(input_ids=torch.tensor([tokens.ids]), use_cache=False).logits[0, start:] / temperature
    normaliser = logits.logsumexp(-1)
    return logits[:-1].gather(1, torch.tensor(tokens.target_ids)[:, None])[:, 0] - normaliser[:-1], normaliser


def check(made: LikelihoodEngine, requests: Sequence[LogprobRequest], found: Sequence[TokenScores], model: Any) -> None:
    assert len(found) == len(requests)
    for request, scores in zip(requests, found, strict=True):
        tokens = made.requests.tokens(request)
        assert isinstance(tokens, RequestTokens)
        with torch.no_grad():
            logprobs, normaliser = reference(model, tokens, request.temperature)
        assert scores.outcome is Outcome.SCORED
        assert scores.ids.tolist() == list(tokens.target_ids)
        np.testing.assert_allclose(scores.logprobs, logprobs, atol=1e-4, rtol=0)
        assert scores.logsumexp is not None
        np.testing.assert_allclose(scores.logsumexp, normaliser, atol=1e-4, rtol=0)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_scores_are_those_of_full_logits(kind: str, tied: bool) -> None:
    made = engine(kind, tied=tied, batch_tokens=300)
    assert made.head.kind == "weight"
    assert made.shares == (kind != "falcon_h1")
    check(made, WORK, made.logprobs(WORK), exact(kind, tied))


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("pad", ["<|pad|>", "<|eos|>"])
def test_templates_padding_sides_and_pad_equal_to_eos(template: str, side: str, pad: str) -> None:
    made = engine(template=template, pad=pad)
    made.requests.tokenizer = copy.deepcopy(made.requests.tokenizer)
    made.requests.tokenizer.padding_side = side
    check(made, WORK, made.logprobs(WORK), exact("llama"))


@settings(max_examples=25)
@given(data=st.data())
def test_a_score_does_not_depend_on_its_batch(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(range(len(WORK))), min_size=1, max_size=12))
    made = engine(
        "gemma2",
        batch_tokens=data.draw(st.sampled_from([1, 40, 200, 10_000])),
        vocabulary_chunk=data.draw(st.sampled_from([7, 100, 4096])),
        cache_bytes=data.draw(st.sampled_from([0, 20_000, 2**24])),
    )
    for _ in range(2):
        found = made.logprobs([WORK[i] for i in chosen])
        check(made, [WORK[i] for i in chosen], found, exact("gemma2"))


@settings(max_examples=25)
@given(st.data())
def test_any_split_into_context_and_target(data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(0, 699), min_size=3, max_size=40))
    at = data.draw(st.integers(1, len(ids) - 1))
    made = engine("qwen3")
    requests = [LogprobRequest("", tuple(ids[k:]), prefix=tuple(ids[:k])) for k in (at, 1)]
    found = made.logprobs(requests)
    check(made, requests, found, exact("qwen3"))
    np.testing.assert_allclose(found[0].logprobs, found[1].logprobs[at - 1 :], atol=1e-4)


def test_long_rows_with_sliding_windows_share_a_prefix_exactly() -> None:
    made = engine("gemma2")
    prompt = "the quick brown fox jumps over the lazy dog " * 4
    requests = [
        LogprobRequest(prompt, target, prefix=prefix) for target in (" five", " Rome is") for prefix in ("", " so")
    ]
    check(made, requests, made.logprobs(requests), exact("gemma2"))


class Counted:
    """Counts the tokens and rows that a module's forward pass sees."""

    def __init__(self, module: Any) -> None:
        self.calls = self.tokens = 0
        self.handle = module.register_forward_hook(self._count, with_kwargs=True)

    def _count(self, module: Any, args: Any, kwargs: Any, output: Any) -> None:
        self.calls += 1
        self.tokens += kwargs["input_ids"].numel()

    def __enter__(self) -> Counted:
        return self

    def __exit__(self, *_: object) -> None:
        self.handle.remove()


def test_a_group_runs_its_prompt_once() -> None:
    made = engine()
    prompt = "the quick brown fox jumps over the lazy dog " * 3
    requests = [LogprobRequest(prompt, " five", prefix=f" reasoning {i}") for i in range(8)]
    with Counted(made.head.decoder) as seen:
        found = made.logprobs(requests)
    size = len(tiny_tokenizer()(prompt)["input_ids"])
    assert size < seen.tokens < 3 * size
    check(made, requests, found, exact("llama"))


def test_equal_requests_are_computed_once() -> None:
    made = engine()
    with Counted(made.head.decoder) as seen:
        found = made.logprobs([WORK[0]] * 5)
    assert seen.calls == 1
    assert all((scores.logprobs == found[0].logprobs).all() for scores in found)


def test_a_prompt_is_known_in_the_next_call() -> None:
    made = engine(cache_bytes=2**24)
    prompt = "the quick brown fox jumps over the lazy dog " * 3
    first = [LogprobRequest(prompt, " five", prefix=f" reasoning {i}") for i in range(3)]
    second = [LogprobRequest(prompt, " five", prefix=f" thought {i}") for i in range(3)]
    made.logprobs(first)
    assert (made.store.hits, made.store.misses, len(made.store)) == (0, 1, 1)
    with Counted(made.head.decoder) as seen:
        found = made.logprobs(second)
    assert made.store.hits == 1
    assert made.store.tokens >= len(tiny_tokenizer()(prompt)["input_ids"])
    assert seen.calls == 1
    check(made, second, found, exact("llama"))
    # A prompt that goes on is run from where it is known, a single request finds its prompt too.
    further = [LogprobRequest(prompt + "and the lazy cat", " five"), LogprobRequest(prompt, " six")]
    check(made, further, made.logprobs(further), exact("llama"))


def test_nothing_is_kept_of_weights_that_change() -> None:
    made = LikelihoodEngine(copy.deepcopy(tiny_model()), tiny_tokenizer())
    requests = [LogprobRequest(ASK, "five", prefix=p) for p in (" a", " b")]
    before = made.logprobs(requests)
    with torch.no_grad():
        for parameter in made.model.parameters():
            parameter.mul_(1.1)
    after = made.logprobs(requests)
    assert len(made.store) == 0
    assert not np.allclose(before[0].logprobs, after[0].logprobs)
    check(made, requests, after, copy.deepcopy(made.model).double())


@pytest.mark.parametrize("kind", ["llama", "gemma2", "cohere", "gpt2", "falcon_h1"])
@pytest.mark.parametrize("tied", [True, False])
def test_gradients_are_those_of_full_logits(kind: str, tied: bool) -> None:
    model = copy.deepcopy(tiny_model(kind, tied=tied)).double()
    made = LikelihoodEngine(model, tiny_tokenizer(), vocabulary_chunk=100)
    scored = made.tensors(WORK, with_grad=True)
    loss: Any = 0.0
    expected: Any = 0.0
    for i, (request, one) in enumerate(zip(WORK, scored, strict=True)):
        assert isinstance(one, TokenTensors)
        logprobs, normaliser = reference(model, one.tokens, request.temperature)
        loss = loss + (i + 1) * one.logprobs.sum() + one.logsumexp.square().mean()
        expected = expected + (i + 1) * logprobs.sum() + normaliser.square().mean()
    parameters = list(model.parameters())
    ours = torch.autograd.grad(loss, parameters)
    theirs = torch.autograd.grad(expected, parameters)
    for found, exact_one in zip(ours, theirs, strict=True):
        # Norms, rotations and state-space layers of a float64 model are float32 inside.
        torch.testing.assert_close(found, exact_one, rtol=1e-4, atol=1e-5 * float(exact_one.abs().max()) + 1e-9)


def test_gradients_under_checkpointing() -> None:
    model = copy.deepcopy(tiny_model()).double()
    requests = [LogprobRequest(ASK, "five", prefix=p) for p in (" a", " b")]
    made = LikelihoodEngine(model, tiny_tokenizer())
    parameter = model.model.layers[0].self_attn.q_proj.weight

    def gradient() -> Any:
        scored = [one for one in made.tensors(requests, with_grad=True) if isinstance(one, TokenTensors)]
        return torch.autograd.grad(sum(one.logprobs.sum() for one in scored), parameter)[0]  # type: ignore[arg-type]

    plain = gradient()
    model.train()
    model.gradient_checkpointing_enable()
    torch.testing.assert_close(gradient(), plain, rtol=1e-4, atol=1e-5)
    assert model.training


def test_scoring_a_model_in_training_neither_drops_out_nor_changes_its_mode() -> None:
    model = copy.deepcopy(tiny_model("gpt2")).train()
    model.transformer.h[0].eval()
    modes = [module.training for module in model.modules()]
    made = LikelihoodEngine(model, tiny_tokenizer())
    check(made, WORK, made.logprobs(WORK), exact("gpt2"))
    assert [module.training for module in model.modules()] == modes


def test_bfloat16_weights_are_summed_in_float32() -> None:
    half = copy.deepcopy(tiny_model("qwen2")).bfloat16()
    made = LikelihoodEngine(half, tiny_tokenizer())
    assert made.head.kind == "weight"
    hidden = made.head.decoder(input_ids=torch.tensor([[5, 6, 7]])).last_hidden_state[0]
    targets, ones = torch.tensor([1, 2, 3]), torch.ones(3)
    found, _ = made.head.logprobs(hidden, targets, ones, 64)
    whole = torch.log_softmax(hidden.double() @ half.lm_head.weight.double().T, -1)[torch.arange(3), targets]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), whole, atol=1e-4, rtol=0)
    scores = made.logprobs(WORK)
    expected = LikelihoodEngine(copy.deepcopy(half).float(), tiny_tokenizer()).logprobs(WORK)
    means = [[float(s.logprobs.mean()) for s in each] for each in (scores, expected)]
    np.testing.assert_allclose(means[0], means[1], atol=0.3)


class _Wrapped(torch.nn.Module):
    """Output embeddings that are no plain linear layer."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner, self.weight = inner, inner.weight

    def forward(self, hidden: Any) -> Any:
        return self.inner(hidden) * 1.0


def test_other_heads_are_called_as_they_are() -> None:
    model = copy.deepcopy(tiny_model("granite", tied=False))
    model.lm_head = _Wrapped(model.lm_head)
    made = LikelihoodEngine(model, tiny_tokenizer())
    assert made.head.kind == "module"
    check(made, WORK, made.logprobs(WORK), exact("granite", False))


@pytest.mark.parametrize("keeps", [True, False])
def test_an_unknown_head_falls_back_on_the_models_own_logits(keeps: bool) -> None:
    class Odd(type(tiny_model())):  # type: ignore[misc]
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            found = super().forward(*args, **kwargs)
            found.logits = found.logits + torch.sin(found.logits)
            return found

    class Older(Odd):
        def forward(self, input_ids: Any, use_cache: bool = False) -> Any:
            return super().forward(input_ids=input_ids, use_cache=use_cache)

    model = copy.deepcopy(tiny_model())
    model.__class__ = Odd if keeps else Older
    made = LikelihoodEngine(model, tiny_tokenizer())
    assert made.head.kind == "model"
    assert not made.shares
    check(made, WORK, made.logprobs(WORK), copy.deepcopy(model).double())


def test_a_wrong_scale_is_noticed() -> None:
    model = tiny_model("cohere")
    probe = torch.arange(10).reshape(2, 5)
    assert heads.find_head(model, probe).scale == 0.25
    changed = copy.deepcopy(model)
    changed.config.logit_scale = 0.2
    changed.logit_scale = 0.3
    assert heads.find_head(changed, probe).scale == 0.3
    found = torch.randn(2, 3)
    assert heads.same(found, found)
    assert not heads.same(found * 1.01, found)
    assert not heads.same(found[:1], found)
    assert not heads.same(found * torch.nan, found)
    assert not heads.same((found * 1.02).bfloat16(), found.bfloat16())


def test_adapters_are_part_of_the_policy() -> None:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    config = LoraConfig(r=2, target_modules=["q_proj", "lm_head"], init_lora_weights=False)
    model = get_peft_model(copy.deepcopy(tiny_model(tied=False)), config).eval()
    made = LikelihoodEngine(model, tiny_tokenizer())
    assert made.head.kind == "module"
    check(made, WORK, made.logprobs(WORK), copy.deepcopy(model).double())
    with model.disable_adapter():
        check(made, WORK, made.logprobs(WORK), exact("llama", False))


def test_logits_that_are_no_numbers_are_a_typed_failure() -> None:
    model = copy.deepcopy(tiny_model(tied=False))
    made = LikelihoodEngine(model, tiny_tokenizer())
    with torch.no_grad():
        model.lm_head.weight[17] = torch.nan
    for scores in (*made.logprobs(WORK), *LikelihoodEngine(model, tiny_tokenizer()).logprobs(WORK[:2])):
        assert scores.outcome is Outcome.INSTRUMENT_ERROR
        assert len(scores) == 0


def test_what_cannot_be_scored_is_beside_what_can() -> None:
    made = engine()
    requests = [
        LogprobRequest(ASK, ""),
        WORK[0],
        LogprobRequest("the quick brown fox " * 100, "five"),
        LogprobRequest(ASK, (5, 9000)),
    ]
    found = made.logprobs(requests)
    assert [scores.outcome for scores in found] == [
        Outcome.MISSING_DATA,
        Outcome.SCORED,
        Outcome.TRUNCATED,
        Outcome.MISSING_DATA,
    ]
    check(made, requests[1:2], found[1:2], exact("llama"))
    assert made.logprobs([]) == []
    with pytest.raises(UserError, match="vision"):
        made.logprobs([LogprobRequest(ASK, "five", images=("image",))])


def test_rotations_that_depend_on_the_longest_row_are_run_row_by_row() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=700,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=16,
        initializer_range=0.4,
        rope_parameters={"rope_type": "dynamic", "factor": 8.0, "rope_theta": 10000.0},
    )
    model: Any = LlamaForCausalLM(config)
    model.eval()
    made = LikelihoodEngine(model, tiny_tokenizer(), limit=16)
    assert not made.shares
    requests = [LogprobRequest("The answer", target) for target in (" is", " is five", " I do not know")]
    check(made, requests, made.logprobs(requests), copy.deepcopy(model).double())


def test_an_encoder_decoder_is_refused() -> None:
    model = copy.deepcopy(tiny_model())
    model.config.is_encoder_decoder = True
    with pytest.raises(UserError, match="encoder-decoder"):
        LikelihoodEngine(model, tiny_tokenizer())


def test_a_description_loads_once_and_crosses_a_pickle(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path, "qwen3")
    lm = TransformersLM(folder, device="cpu", template_options={"opening": "x"}, vocabulary_chunk=64)
    again = pickle.loads(pickle.dumps(lm))
    assert lm == again
    assert hash(lm) == hash(again)
    assert lm.engine is again.engine
    found = lm.logprobs(WORK)
    check(lm.engine, WORK, found, exact("qwen3"))
    assert lm.engine.store.misses
    lm.logprobs(WORK)
    assert lm.engine.store.hits
    assert str(lm) == (
        f"TransformersLM(model={folder!r}, device='cpu', vocabulary_chunk=64, template_options={{'opening': 'x'}})"
    )
    unload(lm)
    limited = TransformersLM(folder, dtype="bfloat16", device="cpu", max_tokens=4)
    assert limited.logprobs(WORK[:1])[0].outcome is Outcome.TRUNCATED
    assert limited.engine.model.dtype == torch.bfloat16
    unload(limited)


def test_threads_share_a_model() -> None:
    made = engine(cache_bytes=60_000)
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda k: (k, made.logprobs(WORK[k:] + WORK[:k])), range(8)):
            check(made, WORK[found[0] :] + WORK[: found[0]], found[1], exact("llama"))


def test_a_reward_that_names_a_model_round_trips() -> None:
    from guerdon.rewards import Likelihood

    reward = Likelihood(TransformersLM("organisation/model", template_options={"enable_thinking": False}))
    assert from_spec(to_spec(reward)) == reward


def test_the_policy_is_the_model_in_training(tmp_path: Path) -> None:
    class Live(PolicyLM):
        def logprobs(self, requests: Sequence[LogprobRequest]) -> list[TokenScores]:
            return made.logprobs(requests)

    made = engine()
    with pytest.raises(UnboundPolicy):
        as_lm("policy").logprobs(WORK)
    with bound_policy(Live()):
        check(made, WORK, as_lm("policy").logprobs(WORK), exact("llama"))


def test_names_of_language_models() -> None:
    lm = TransformersLM("organisation/model")
    assert as_lm("organisation/model") == lm
    assert as_lm(lm) is lm
    assert as_lm("./folder") == TransformersLM("./folder")
    for wrong, said in (("gpt2", "TransformersLM"), ("http://host:8000", "VLLM"), (5, "int")):
        with pytest.raises(UserError, match=said):
            as_lm(wrong)  # type: ignore[arg-type]
    assert {"policy", "scripted", "transformers"} <= set(registered("lm"))


@pytest.mark.parametrize(
    "wrong", [{"dtype": "int3"}, {"batch_tokens": 0}, {"max_tokens": 1}, {"cache_bytes": -1}, {"model": ""}]
)
def test_a_description_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        TransformersLM(**{"model": "a/b", **wrong})


def test_a_model_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be loaded"):
        TransformersLM(str(tmp_path)).logprobs(WORK[:1])
