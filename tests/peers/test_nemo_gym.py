"""NeMo Gym: a resources server of its own that asks ``guerdon serve``, answered in NeMo Gym's own types."""

from __future__ import annotations

from typing import Any

import httpx
from fastapi.testclient import TestClient
from nemo_gym.base_resources_server import (
    BaseMultiRewardVerifyResponse,
    BaseResourcesServerConfig,
    BaseVerifyRequest,
    SimpleResourcesServer,
)
from nemo_gym.server_utils import ServerClient
from pydantic import ConfigDict

SUM = (
    "{reward: combine, name: both, rule: weighted_sum, options: {weights: [1, 0.5]}, "
    "terms: [{reward: token_f1}, {reward: given, score_column: quality}]}"
)


class Request(BaseVerifyRequest):
    """A task with fields of its own."""

    model_config = ConfigDict(extra="allow")


class Response(BaseMultiRewardVerifyResponse):
    """With the parts as fields, of which NeMo Gym makes metrics."""

    model_config = ConfigDict(extra="allow")


class Server(SimpleResourcesServer):
    """A resources server whose ``verify()`` passes on what guerdon answers."""

    config: BaseResourcesServerConfig
    url: str

    async def verify(self, body: Request) -> Response:
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.post(f"{self.url}/verify", json=body.model_dump(mode="json", exclude_unset=True))
        answer.raise_for_status()
        return Response.model_validate(answer.json())


def rollout(said: str, **fields: Any) -> dict[str, Any]:
    text = {"type": "output_text", "text": said, "annotations": []}
    message = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
    response = {
        "id": "r",
        "object": "response",
        "created_at": 0,
        "model": "policy",
        "output": [message],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
    }
    return {"responses_create_params": {"input": [{"role": "user", "content": "q"}]}, "response": response, **fields}


def asked(url: str, body: dict[str, Any]) -> dict[str, Any]:
    config = BaseResourcesServerConfig(host="127.0.0.1", port=1, entrypoint="app.py", name="guerdon", domain="other")
    server = Server(config=config, server_client=ServerClient.model_construct(), url=url)
    answer = TestClient(server.setup_webserver()).post("/verify", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_verify(served: Any) -> None:
    with served(SUM) as url:
        answer = asked(url, rollout("x z", reference="x y", quality=0.5))
        lost = httpx.post(f"{url}/verify", json=rollout("x z", reference="x y", quality=None), timeout=60).json()
    assert answer["reward"] == 0.75 == sum(answer["reward_components"].values())
    assert answer["reward_components"] == {"token_f1": 0.5, "given": 0.25}
    assert (answer["token_f1"], answer["given"], answer["reference"]) == (0.5, 0.5, "x y")
    assert lost["reward"] == 0.0 and lost["_ng_failure_class"] == "judge_failed"
    assert "missing_data" in lost["_ng_failure_judge_error"]
    assert lost["reward_components"].keys() == answer["reward_components"].keys()
