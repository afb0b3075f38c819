"""Log-probabilities of a text given images: exact against the model's own full logits, on several architectures."""

from __future__ import annotations

import base64
import io
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon import from_spec, to_spec
from guerdon.errors import UserError
from guerdon.models.lm import LogprobRequest, TokenScores
from guerdon.models.lms import VisionLM
from guerdon.models.lms.vision_engine import VisionEngine
from guerdon.models.lms.vision_prompts import placed_images
from guerdon.registry import lookup
from guerdon.scores import Outcome
from tests.models.tiny_vlm import KINDS, PLACES, QUERY, SCENES, SHAPES, caption, picture, tiny_llava, trained_vlm

pytest.importorskip("PIL")
torch = pytest.importorskip("torch")

ASKED = [{"role": "user", "content": QUERY}]
PLACED = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUERY}]}]
RED, BLUE = SCENES[0], SCENES[30]


def pictures(seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    one, two, three = (picture(SCENES[k], rng) for k in (0, 9, 30))
    return [one, two, np.concatenate([three, two], axis=1)]  # one is wider


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> VisionLM:
    return VisionLM(tiny_llava(tmp_path_factory.mktemp("llava")), device="cpu")


@pytest.fixture(scope="module")
def seeing() -> VisionLM:
    return VisionLM(trained_vlm(), device="cpu")


@pytest.fixture(scope="module", params=KINDS)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VisionEngine:
    return VisionEngine(*KINDS[request.param](tmp_path_factory.mktemp(request.param)))


def reference(engine: VisionEngine, request: LogprobRequest, target: str) -> np.ndarray:
    """The target's log-probabilities in float64 from all logits of prompt and target, processed and tokenised as one text."""
    from guerdon.models.images import read_image

    processor = engine.maker.processor
    header = processor.apply_chat_template(PLACED, add_generation_prompt=True, tokenize=False)
    given = processor(text=[header + target], images=[[read_image(request.images[0])]], return_tensors="pt")
    with torch.no_grad():
        logits = engine.model(**given).logits[0].double().log_softmax(-1)
    ids, size = given["input_ids"][0], len(engine.tokenizer(target, add_special_tokens=False)["input_ids"])
    return logits[-size - 1 : -1].gather(1, ids[-size:, None])[:, 0].numpy()


def worst(left: list[TokenScores], right: list[TokenScores]) -> float:
    return max(float(np.abs(a.logprobs - b.logprobs).max()) for a, b in zip(left, right, strict=True))


def test_equals_full_logits_on_every_architecture(engine: VisionEngine) -> None:
    requests = [
        LogprobRequest(ASKED, caption(SCENES[k]), images=(image,)) for image in pictures() for k in (0, 5, 0, 30)
    ]
    together = engine.logprobs(requests)
    for request, scores in zip(requests, together, strict=True):
        assert np.abs(scores.logprobs - reference(engine, request, str(request.target))).max() < 1e-4
        assert len(scores.logsumexp) == len(scores) + 1
    alone = [engine.logprobs([request])[0] for request in requests]
    assert worst(together, alone) < 1e-5, "what a request scores does not depend on its neighbours"
    assert engine.shares, "contexts are run once for their targets"


def test_sharing_a_context_changes_nothing(engine: VisionEngine) -> None:
    requests = [
        LogprobRequest(ASKED, caption(SCENES[k]) + tail, prefix=prefix, images=(image,))
        for image in pictures(1)
        for k, tail, prefix in ((0, "", ""), (5, " and nothing else", "It shows "), (9, "", "hm, "))
    ]
    shared = engine.logprobs(requests)
    known, engine.shares = engine.shares, False
    try:
        assert worst(shared, engine.logprobs(requests)) < 1e-5
    finally:
        engine.shares = known


def test_small_batches_change_nothing(llava: VisionLM) -> None:
    requests = [LogprobRequest(ASKED, caption(s), images=(image,)) for image in pictures() for s in SCENES[:5]]
    small = VisionLM(llava.model, device="cpu", batch_tokens=90)
    assert worst(llava.logprobs(requests), small.logprobs(requests)) < 1e-5


def test_it_sees(seeing: VisionLM) -> None:
    rng = np.random.default_rng(5)
    scenes = [SCENES[k] for k in rng.choice(len(SCENES), 24, replace=False)]
    images = [picture(scene, rng) for scene in scenes]
    said = [LogprobRequest(ASKED, caption(scene), images=(im,)) for im in images for scene in scenes]
    table = np.array([scores.logprobs.mean() for scores in seeing.logprobs(said)]).reshape(24, 24)
    assert (table.argmax(axis=0) == np.arange(24)).mean() > 0.5, (
        "most captions are likeliest after their own picture; chance is 1 in 24"
    )
    assert {s for _, s, _ in scenes} == set(SHAPES) and {p for *_, p in scenes} == set(PLACES)


def test_equal_requests_are_computed_once(llava: VisionLM, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, images = llava.engine, pictures()
    engine.logprobs([LogprobRequest(ASKED, "a", images=(images[0],))])
    ran: list[int] = []
    forward = engine.model.forward
    monkeypatch.setattr(
        engine.model, "forward", lambda **given: ran.append(len(given["input_ids"])) or forward(**given)
    )
    copies = [LogprobRequest(ASKED, caption(RED), images=(image.copy(),)) for image in images[:2] for _ in range(4)]
    scores = engine.logprobs(copies)
    assert ran == [2] and worst(scores[:4], scores[:1] * 4) == 0


def test_a_target_is_tokenised_by_itself(llava: VisionLM) -> None:
    tokenizer = llava.engine.tokenizer
    for target in (" red", "red circle", "circle at the left", "\n\nred"):
        scores = llava.logprobs([LogprobRequest(ASKED, target, prefix="a", images=(pictures()[0],))])[0]
        assert scores.ids.tolist() == tokenizer(target, add_special_tokens=False)["input_ids"]
        assert scores.offsets is not None and scores.offsets[-1, 1] == len(target)
    ids = tuple(tokenizer(caption(RED), add_special_tokens=False)["input_ids"])
    by_ids, by_text = llava.logprobs(
        [LogprobRequest(ASKED, each, images=(pictures()[0],)) for each in (ids, caption(RED))]
    )
    assert worst([by_ids], [by_text]) == 0 and by_ids.offsets is None


def test_the_end_of_the_turn_is_scored_on_request(llava: VisionLM) -> None:
    request = LogprobRequest(ASKED, caption(RED), closed=True, images=(pictures()[0],))
    scores = llava.logprobs([request])[0]
    assert llava.engine.tokenizer.decode(scores.ids[scores.masks["closing"]]) == "<|im_end|>"
    bare = llava.logprobs([LogprobRequest(ASKED, caption(RED), images=(pictures()[0],))])[0]
    assert np.allclose(scores.logprobs[scores.masks["target"]], bare.logprobs, atol=1e-5)


def test_temperature_divides_logits(llava: VisionLM) -> None:
    warm, cold = llava.logprobs(
        [LogprobRequest(ASKED, caption(RED), temperature=t, images=(pictures()[0],)) for t in (1e6, 1.0)]
    )
    vocabulary = llava.engine.model.get_output_embeddings().weight.shape[0]
    assert np.allclose(warm.logprobs, -np.log(vocabulary), atol=1e-4) and not np.allclose(cold.logprobs, warm.logprobs)


def test_images_may_stand_in_messages_in_any_form(llava: VisionLM, tmp_path: Path) -> None:
    import PIL.Image

    pixels = pictures()[0]
    image = PIL.Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    data = buffer.getvalue()
    path = tmp_path / "image.png"
    path.write_bytes(data)
    address = "data:image/png;base64," + base64.b64encode(data).decode()
    forms: list[Any] = [pixels, image, data, path, str(path), address, {"bytes": data, "path": None}, pixels / 255.0]
    requests = [LogprobRequest(ASKED, caption(RED), images=(form,)) for form in forms]
    requests += [LogprobRequest(PLACED, caption(RED), images=(image,))]
    for part in (
        {"type": "image", "image": image},
        {"type": "image", "path": str(path)},
        {"type": "image", "url": address},
        {"type": "image", "base64": base64.b64encode(data).decode()},
        {"type": "image_url", "image_url": {"url": address}},
        {"type": "image", "image": pixels.tolist()},
    ):
        message = {"role": "user", "content": [part, {"type": "text", "text": QUERY}]}
        requests.append(LogprobRequest([message], caption(RED)))
    scores = llava.logprobs(requests)
    assert worst(scores, scores[:1] * len(scores)) < 1e-6


def test_several_images_keep_their_order(llava: VisionLM) -> None:
    one, two, _ = pictures()
    text = {"type": "text", "text": "before and after"}
    places = [{"role": "user", "content": [{"type": "image"}, text, {"type": "image"}]}]
    mixed = [{"role": "user", "content": [{"type": "image", "image": one}, text, {"type": "image"}]}]
    ab, ba, carried = llava.logprobs(
        [
            LogprobRequest(places, "a red", images=(one, two)),
            LogprobRequest(places, "a red", images=(two, one)),
            LogprobRequest(mixed, "a red", images=(two,)),
        ]
    )
    assert worst([ab], [carried]) < 1e-6 < worst([ab], [ba])


def test_text_with_the_models_own_image_token(llava: VisionLM) -> None:
    header = llava.engine.template.render(PLACED, open_turn=True)
    plain = LogprobRequest(header, caption(RED), images=(pictures()[0],))
    chat = LogprobRequest(PLACED, caption(RED), images=(pictures()[0],))
    assert worst(llava.logprobs([plain]), llava.logprobs([chat])) < 1e-6


def test_text_alone_is_scored_too(llava: VisionLM) -> None:
    seen, unseen = llava.logprobs(
        [LogprobRequest(ASKED, caption(RED), images=images) for images in ((pictures()[0],), ())]
    )
    assert unseen.outcome is Outcome.SCORED and worst([seen], [unseen]) > 1e-6


@pytest.mark.parametrize(
    "image",
    [
        None,
        b"",
        b"no image",
        "missing.png",
        "data:image/png;base64,AAAA",
        "https://example.org/a.png",
        np.zeros(3),
        {},
        7,
    ],
)
def test_no_readable_image_is_missing_data(llava: VisionLM, image: Any) -> None:
    good = LogprobRequest(ASKED, caption(RED), images=(pictures()[0],))
    bad, fine = llava.logprobs([LogprobRequest(ASKED, caption(RED), images=(image,)), good])
    assert bad.outcome is Outcome.MISSING_DATA and not len(bad) and bad.message
    assert fine.outcome is Outcome.SCORED


def test_what_else_cannot_be_scored(llava: VisionLM) -> None:
    image = pictures()[0]
    empty, place, long = llava.logprobs(
        [LogprobRequest(ASKED, target, images=(image,)) for target in ("", "an <image> here", "red " * 300)]
    )
    assert (empty.outcome, place.outcome) == (Outcome.MISSING_DATA, Outcome.MISSING_DATA)
    assert long.outcome is Outcome.TRUNCATED
    short = VisionLM(llava.model, device="cpu", max_tokens=30)
    assert short.logprobs([LogprobRequest(ASKED, "a red", images=(image,))])[0].outcome is Outcome.TRUNCATED


def test_logits_that_are_not_finite_are_the_instruments_fault(tmp_path: Path) -> None:
    lm = VisionLM(tiny_llava(tmp_path), device="cpu")
    engine = lm.engine
    engine.logprobs([LogprobRequest(ASKED, "a", images=(pictures()[0],))])
    with torch.no_grad():
        engine.head.module.weight[5] = torch.nan
    scores = engine.logprobs([LogprobRequest(ASKED, caption(RED), images=(pictures()[0],))])[0]
    assert scores.outcome is Outcome.INSTRUMENT_ERROR


def test_places_and_images_must_match(llava: VisionLM) -> None:
    image = pictures()[0]
    for images in ((), (image, image)):
        with pytest.raises(UserError, match=r"keeps 1 places for images.*images has"):
            llava.logprobs([LogprobRequest(PLACED, "a", images=images)])
    with pytest.raises(UserError, match=r"1 image tokens.*for 2 images"):
        llava.logprobs([LogprobRequest("<image> a", "b", images=(image, image))])
    sneaked = [{"role": "user", "content": "what is <image>?"}]
    with pytest.raises(UserError, match=r"2 image tokens.*for 1 images"):
        llava.logprobs([LogprobRequest(sneaked, "b", images=(image,))])


def test_a_model_that_reads_ahead_is_refused(tmp_path: Path) -> None:
    engine = VisionLM(tiny_llava(tmp_path), device="cpu").engine
    embed = engine.model.get_input_embeddings()
    leak = embed.register_forward_hook(lambda module, given, out: out + out.mean(dim=1, keepdim=True))
    try:
        with pytest.raises(UserError, match="see those after it"):
            engine.logprobs([LogprobRequest(ASKED, caption(RED), images=(pictures()[0],))])
    finally:
        leak.remove()


@cache
def _tree() -> list[dict[str, Any]]:
    return [{"role": "system", "content": "Look."}, {"role": "user", "content": "What?"}]


def test_placing_images() -> None:
    placed, found = placed_images(_tree(), ["a", "b"])
    assert [part["type"] for part in placed[1]["content"]] == ["image", "image", "text"] and found == ["a", "b"]
    assert placed_images("text <image>", ["a"]) == ("text <image>", ["a"])
    assert placed_images(_tree(), []) == (_tree(), [])
    with pytest.raises(UserError, match="no message"):
        placed_images([], ["a"])


def test_is_data(llava: VisionLM) -> None:
    lm = VisionLM("org/model", processor_options={"size": {"height": 4}}, dtype="bfloat16")
    assert from_spec(to_spec(lm)) == lm == pickle.loads(pickle.dumps(lm)) and hash(lm) == hash(
        pickle.loads(pickle.dumps(lm))
    )
    assert lookup("lm", "vision") is VisionLM
    assert llava.engine is VisionLM(llava.model, device="cpu").engine, "weights are loaded once"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"model": ""}, "model"),
        ({"dtype": "int4"}, "dtype"),
        ({"batch_tokens": 0}, "batch_tokens"),
        ({"max_tokens": 1}, "max"),
    ],
)
def test_bad_descriptions(options: dict[str, Any], match: str) -> None:
    with pytest.raises(UserError, match=match):
        VisionLM(**{"model": "org/model", **options})


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be loaded"):
        VisionLM(str(tmp_path / "none")).logprobs([LogprobRequest("a", "b")])


def test_half_precision(llava: VisionLM) -> None:
    half = VisionLM(llava.model, device="cpu", dtype="bfloat16")
    requests = [LogprobRequest(ASKED, caption(s), images=(image,)) for image in pictures() for s in (RED, BLUE)]
    assert worst(half.logprobs(requests), llava.logprobs(requests)) < 0.3


def test_padding_stands_for_no_image(engine: VisionEngine) -> None:
    from types import SimpleNamespace

    from guerdon.models.lms.vision_inputs import InputsMaker

    maker = InputsMaker(SimpleNamespace(config=SimpleNamespace(image_token_id=0)), engine.maker.processor)
    assert 0 in maker.image_ids and maker.padding not in maker.image_ids
    assert engine.maker.padding not in engine.maker.image_ids
