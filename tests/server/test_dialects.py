"""Each trainer's way of asking, answered over real HTTP as its own client reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from guerdon import Sum
from guerdon.rewards import ExactMatch, Given, TokenF1
from tests.server.served import Gap, Lost, Running, Slow, served


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    rewards = {"exact": ExactMatch(), "f1": TokenF1(), "both": ExactMatch() + 0.5 * TokenF1(), "lost": Lost()}
    with served(rewards | {"bare": Slow(0.0), "gap": Gap()}) as running:
        yield running


def test_openrlhf(server: Running) -> None:
    asked = {"query": ["2+2? 4", "2+2? 5"], "prompts": ["2+2? ", "2+2? "], "labels": ["4", "4"]}
    answer = server.post("/exact/get_reward", asked).json()
    assert answer["rewards"] == answer["scores"] == [1.0, 0.0]
    assert answer["extra_logs"] == {"exact_match": [1.0, 0.0], "unscored": [0.0, 0.0]}
    several = {"query": ["q a"], "prompts": ["q "], "labels": [json.dumps({"reference": "a"})]}
    assert server.post("/both/get_reward", several).json()["rewards"] == [1.5]
    assert server.post("/both/get_reward", several).json()["scores"] == [1.0]


def test_openrlhf_by_its_own_client_code(server: Running) -> None:
    """The request its RemoteRewardModel makes per rollout, and how it reads the answer: tensors of one element."""
    body = {"query": ["<s>2+2?</s>4"], "prompts": ["<s>2+2?</s>"], "labels": ["4"]}
    info = server.post("/exact/get_reward", body).json()
    rewards = info["rewards"]
    assert isinstance(rewards, list) and rewards[0] == 1.0
    assert {key: values[0] for key, values in info["extra_logs"].items()} == {"exact_match": 1.0, "unscored": 0.0}


def test_slime(server: Running) -> None:
    asked = {"prompt": "2+2?", "response": "4", "label": "4"}
    assert server.post("/exact/remote_rm", asked).json() == 1.0
    assert server.post("/exact/remote_rm", asked | {"full": True}).json() == {"reward": 1.0, "exact_match": 1.0}
    named = {"prompt": "q", "response": "a", "label": "", "metadata": {"reference": "a"}}
    assert server.post("/exact/remote_rm", named).json() == 1.0


def test_llama_factory(server: Running) -> None:
    answer = server.post("/bare/v1/score/evaluation", {"model": "model", "messages": ["abc", "abcd"]}).json()
    assert answer["scores"] == [3.0, 4.0] and answer["object"] == "score.evaluation"
    assert server.post("/v1/score/evaluation", {"model": "bare", "messages": ["a"]}).json()["scores"] == [1.0]


def test_classify_as_verl_reads_it(server: Running) -> None:
    answer = server.post("/classify", {"model": "bare", "input": "abc", "use_activation": False}).json()
    assert answer["data"][-1]["probs"][-1] == 3.0
    assert len(server.post("/bare/classify", {"model": "x", "input": ["a", "b"]}).json()["data"]) == 2


def _rollout(text: str, **fields: Any) -> dict[str, Any]:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    return {
        "responses_create_params": {"input": [{"role": "user", "content": "2+2?"}]},
        "response": {"id": "r", "output": [{"type": "reasoning", "summary": []}, said]},
        **fields,
    }


@pytest.mark.parametrize("missing", ["drop", "zero"])
def test_components_of_a_sum_with_terms_that_are_missing(missing: str) -> None:
    reward = Sum(TokenF1(), Given(score_column="quality"), weights=(1, 0.5), missing=missing)
    with served({"sum": reward}) as running:
        for reference, quality in (("x y", None), (None, 0.5), (None, None), ("x y", 0.5)):
            answer = running.post("/verify", _rollout("x z", reference=reference, quality=quality)).json()
            assert sum(answer["reward_components"].values()) == pytest.approx(answer["reward"], abs=1e-12)
            assert answer["reward_components"].keys() == {"token_f1", "given"}
            assert reference or not answer["reward_components"]["token_f1"]


def test_nemo_gym(server: Running) -> None:
    answer = server.post("/both/verify", _rollout("4", reference="4")).json()
    assert answer["reward"] == pytest.approx(1.5) == sum(answer["reward_components"].values())
    assert set(answer["reward_components"]) == {"exact_match", "token_f1"} or len(answer["reward_components"]) == 2
    assert answer["response"]["id"] == "r" and answer["reference"] == "4"
    failed = server.post("/lost/verify", _rollout("lost")).json()
    assert failed["reward"] == 0.0 and failed["_ng_failure_class"] == "judge_failed"


def test_native_siblings_within_and_across_requests(server: Running) -> None:
    samples = [{"completion": "x" * n, "prompt": "q"} for n in (1, 3)]
    assert server.post("/v1/score", {"reward": "gap", "samples": samples}).json()["values"] == [-1.0, 1.0]
    import concurrent.futures

    def one(n: int) -> float:
        sample = {"completion": "x" * n, "prompt": "p", "siblings": 4, "id": n}
        return float(server.post("/gap/v1/score", {"samples": [sample]}).json()["values"][0])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, [1, 2, 3, 4, 1, 2])) == [-1.5, -0.5, 0.5, 1.5, -1.5, -0.5]


def test_native_details_and_notes(server: Running) -> None:
    asked = {"samples": [{"completion": "lost"}, {"completion": "x"}], "detail": "full"}
    answer = server.post("/lost/v1/score", asked).json()
    assert answer["values"] == [None, 1.0] and answer["parts"] == {"lost": [None, 1.0]}
    assert answer["steps"] == [None, None] == answer["tokens"]
    assert "parts" not in server.post("/lost/v1/score", asked | {"detail": "values"}).json()


def test_what_cannot_be_scored_is_never_a_number_made_up(server: Running) -> None:
    refused = server.post("/lost/get_reward", {"query": ["lost"], "prompts": [""], "labels": [None]})
    assert refused.status_code == 503 and "--fallback" in refused.json()["error"]
    with served(Lost(), fallback=-1.0) as running:
        answer = running.post("/get_reward", {"query": ["lost", "x"]}).json()
        assert answer["rewards"] == [-1.0, 1.0] and answer["extra_logs"]["unscored"] == [1.0, 0.0]
        assert 'guerdon_fallbacks_total{reward="lost"} 1.0' in running.get("/metrics").text


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/exact/get_reward", {"query": "2"}, 422, "list"),
        ("/exact/get_reward", {"query": [2]}, 422, "text"),
        ("/exact/get_reward", {"query": ["a"], "prompts": ["a", "b"]}, 422, "items"),
        ("/exact/remote_rm", {"prompt": "x"}, 422, "response"),
        ("/exact/classify", {"input": ["x"]}, 422, "columns"),
        ("/exact/verify", {"response": 3}, 422, "response"),
        ("/exact/v1/score", {"samples": [{}]}, 422, "completion"),
        ("/exact/v1/score", {"samples": [{"completion": 3}]}, 422, "completion"),
        ("/exact/v1/score", {"samples": [{"completion": "a", "reference": "a"}]}, 422, "columns"),
        ("/exact/v1/score", {"samples": [{"completion": "a"}]}, 422, "reference"),
        ("/exact/v1/score", {"samples": [{"completion": "a", "siblings": 0}]}, 422, "siblings"),
        ("/exact/v1/score", {"samples": [{"completion": "a", "id": {}}]}, 422, "id"),
        ("/exact/v1/score", {"samples": [], "detail": "all"}, 422, "detail"),
        ("/exact/v1/score", {"samples": [], "step": "x"}, 422, "step"),
        ("/gap/v1/score", {"samples": [{"completion": []}]}, 200, ""),
        ("/v1/score", {"samples": []}, 404, "which reward"),
        ("/v1/score", {"reward": "../etc/passwd", "samples": []}, 404, "not served"),
        ("/nobody/v1/score", {"samples": []}, 404, "nothing"),
        ("/exact/v1/score", {"samples": []}, 200, ""),
    ],
)
def test_wrong_requests_are_told_what_is_wrong(server: Running, path: str, body: Any, status: int, said: str) -> None:
    answer = server.post(path, body)
    assert answer.status_code == status, answer.text
    assert said in answer.text
