"""Tiny vision-language models: one trained in this process to tell shapes, colours and places; random ones of other kinds."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

COLOURS = {"red": (220, 30, 30), "green": (30, 170, 40), "blue": (40, 60, 220), "yellow": (235, 215, 40)}
SHAPES = ("circle", "square", "triangle")
PLACES = {"left": (9, 16), "right": (23, 16), "top": (16, 9), "bottom": (16, 23)}
SIDE, PATCH = 32, 8
QUERY = "Describe this image in detail."

# What a caption says: (colour, shape, place).
Scene = tuple[str, str, str]
SCENES: tuple[Scene, ...] = tuple((c, s, p) for c in COLOURS for s in SHAPES for p in PLACES)

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for part in m['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
    "{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|pad|>", "<|im_start|>", "<|im_end|>", "<image>")


def caption(scene: Scene) -> str:
    """The words for a scene."""
    colour, shape, place = scene
    return f"a {colour} {shape} at the {place}"


def picture(scene: Scene, rng: np.random.Generator) -> Any:
    """A (32, 32, 3) uint8 picture of a scene, its place and size shaken, on a noisy dark ground."""
    colour, shape, place = scene
    x0, y0 = PLACES[place]
    x0, y0 = x0 + rng.integers(-1, 2), y0 + rng.integers(-1, 2)
    radius = rng.uniform(5.5, 7.5)
    y, x = np.mgrid[:SIDE, :SIDE]
    if shape == "circle":
        inside = (x - x0) ** 2 + (y - y0) ** 2 <= radius**2
    elif shape == "square":
        inside = (abs(x - x0) <= radius * 0.85) & (abs(y - y0) <= radius * 0.85)
    else:
        inside = (y - y0 <= radius * 0.8) & (y - y0 + radius >= 2 * abs(x - x0))
    canvas = rng.integers(0, 60, (SIDE, SIDE, 3))
    canvas[inside] = np.clip(np.array(COLOURS[colour]) + rng.integers(-20, 21, (int(inside.sum()), 3)), 0, 255)
    return canvas.astype(np.uint8)


def save_tokenizer(folder: Path, *, extra: tuple[str, ...] = ()) -> Any:
    """A byte-level BPE tokenizer trained on captions, written to ``folder``."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        show_progress=False,
        special_tokens=[*SPECIAL, *extra],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    corpus = [caption(scene) for scene in SCENES] + [QUERY, "user assistant system\n"] * 20
    raw.train_from_iterator(corpus, trainer)
    fast: Any = PreTrainedTokenizerFast
    tokenizer = fast(tokenizer_object=raw, pad_token="<|pad|>", eos_token="<|im_end|>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    return tokenizer


UPDATES = 240


@cache
def trained_vlm() -> str:
    """A folder with the tiny LLaVA trained to caption scenes (about 15 s on one core), made once per machine and version."""
    import torch
    import transformers

    recipe = Path(__file__).read_bytes() + f"{torch.__version__} {transformers.__version__}".encode()
    user = os.getuid() if hasattr(os, "getuid") else 0
    place = Path(tempfile.gettempdir()) / f"guerdon-tiny-vlm-{user}-{hashlib.sha256(recipe).hexdigest()[:16]}"
    if not place.is_dir():
        made = Path(tempfile.mkdtemp(dir=place.parent))
        tiny_llava(made, updates=UPDATES)
        with contextlib.suppress(OSError):  # another process was faster
            made.rename(place)
        shutil.rmtree(made, ignore_errors=True)
    return str(place)


def tiny_llava(folder: Path, *, updates: int = 0, seed: int = 0) -> str:
    """A LLaVA of about 0.2M parameters in ``folder``, trained for so many updates to caption scenes; the path as text."""
    import torch
    from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer = save_tokenizer(folder)
    size = {"height": SIDE, "width": SIDE}
    half: Any = [0.5, 0.5, 0.5]
    images: Any = CLIPImageProcessorPil(
        size=size, crop_size=size, do_resize=True, do_center_crop=False, image_mean=half, image_std=half
    )
    processor = LlavaProcessor(
        images,
        tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
    processor.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlavaConfig(
        vision_config={
            "model_type": "clip_vision_model",
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": SIDE,
            "initializer_factor": 4.0,
            "initializer_range": 0.08,
            "patch_size": PATCH,
        },
        text_config={
            "model_type": "llama",
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "max_position_embeddings": 256,
            "initializer_range": 0.08,
            "pad_token_id": 0,
            "eos_token_id": 2,
        },
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
        image_seq_length=(SIDE // PATCH) ** 2,
    )
    model = LlavaForConditionalGeneration(config)
    if updates:
        _train(model, processor, updates, seed)
    model.eval().save_pretrained(folder)
    return str(folder)


def _train(model: Any, processor: Any, updates: int, seed: int, size: int = 48) -> None:
    """Adam on the captions of random pictures; every scene's text has the same number of tokens in front of it."""
    import torch

    rng = np.random.default_rng(seed)
    message = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUERY}]}]
    header = processor.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
    said = {scene: processor.tokenizer(caption(scene), add_special_tokens=False)["input_ids"] for scene in SCENES}
    context = processor(text=header, images=picture(SCENES[0], rng), return_tensors="pt")["input_ids"][0]
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=updates, pct_start=0.15)
    longest = max(map(len, said.values()))
    for _ in range(updates):
        scenes = [SCENES[k] for k in rng.integers(0, len(SCENES), size)]
        pixels = np.stack([picture(scene, rng) for scene in scenes])
        values = torch.tensor((pixels / 255.0 - 0.5) / 0.5, dtype=torch.float32).permute(0, 3, 1, 2)
        targets = torch.full((size, longest), -100)
        for row, scene in enumerate(scenes):
            targets[row, : len(said[scene])] = torch.tensor(said[scene])
        ids = torch.cat([context.expand(size, -1), targets.clamp(min=0)], dim=1)
        labels = torch.cat([torch.full((size, len(context)), -100), targets], dim=1)
        loss = model(input_ids=ids, pixel_values=values, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        plan.step()


def _random(config: Any) -> Any:
    """A model whose weights are spread enough that its log-probabilities differ by token and image."""
    import torch
    from transformers import AutoModelForImageTextToText

    torch.manual_seed(0)
    model: Any = AutoModelForImageTextToText.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.2)
    return model.eval()


def _text(tokenizer: Any, **options: Any) -> dict[str, Any]:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    ends = {"bos_token_id": None, "eos_token_id": 2, "pad_token_id": 0}
    more = {"num_key_value_heads": 2, "max_position_embeddings": 512, "vocab_size": len(tokenizer)}
    return {**sizes, **ends, **more, **options}


_SIGHT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": SIDE,
    "patch_size": PATCH,
}


def tiny_gemma3(folder: Path) -> tuple[Any, Any]:
    """Sees the tokens of an image both ways and slides over text: token types decide."""
    from transformers import Gemma3Config, Gemma3Processor
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

    tokenizer = save_tokenizer(folder, extra=("<boi>", "<eoi>", "<soft>"))
    tokenizer.boi_token, tokenizer.eoi_token, tokenizer.image_token = "<boi>", "<eoi>", "<soft>"
    begin, end, soft = (tokenizer.convert_tokens_to_ids(token) for token in ("<boi>", "<eoi>", "<soft>"))
    tokenizer.image_token_id, tokenizer.boi_token_id = soft, begin
    images: Any = Gemma3ImageProcessorPil(size={"height": SIDE, "width": SIDE})
    template = TEMPLATE.replace("<image>", "<boi>")
    processor = Gemma3Processor(images, tokenizer, chat_template=template, image_seq_length=4)
    config = Gemma3Config(
        text_config=_text(tokenizer, head_dim=8, sliding_window=16),
        vision_config={"model_type": "siglip_vision_model", **_SIGHT},
        mm_tokens_per_image=4,
        image_token_index=soft,
        boi_token_index=begin,
        eoi_token_index=end,
    )
    return _random(config), processor


def tiny_idefics3(folder: Path) -> tuple[Any, Any]:
    """Cuts large images into pieces, so that images differ in their number of tokens."""
    from transformers import Idefics3Config, Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    tokenizer = save_tokenizer(folder, extra=("<fake_token_around_image>", "<end_of_utterance>", "<global-img>"))
    images: Any = Idefics3ImageProcessorPil(size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE})
    processor = Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=TEMPLATE)
    config = Idefics3Config(
        text_config=_text(tokenizer, model_type="llama"),
        vision_config=_SIGHT,
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=0,
    )
    return _random(config), processor


def tiny_qwen2_vl(folder: Path) -> tuple[Any, Any]:
    """Takes images in their own size and rotates by row and column."""
    from transformers import Qwen2VLConfig, Qwen2VLProcessor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    class WithoutVideo(Qwen2VLProcessor):
        """Its video processor needs torchvision."""

        def check_argument_for_proper_class(self, name: str, argument: Any) -> type:
            return type(argument)

    begin, end, image, video = "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
    tokenizer = save_tokenizer(folder, extra=(begin, end, image, video))
    images: Any = Qwen2VLImageProcessorPil(patch_size=4, merge_size=2, min_pixels=256, max_pixels=2048)
    nothing: Any = None
    processor = WithoutVideo(
        images, tokenizer, nothing, chat_template=TEMPLATE.replace("<image>", f"{begin}{image}{end}")
    )
    rotation = {"rope_type": "default", "type": "mrope", "mrope_section": [2, 1, 1], "rope_theta": 10_000.0}
    number = tokenizer.convert_tokens_to_ids
    config = Qwen2VLConfig(
        text_config=_text(tokenizer, rope_parameters=rotation),
        vision_config={
            "depth": 2,
            "embed_dim": 32,
            "hidden_size": 32,
            "num_heads": 4,
            "patch_size": 4,
            "spatial_merge_size": 2,
            "mlp_ratio": 2,
        },
        image_token_id=number(image),
        video_token_id=number(video),
        vision_start_token_id=number(begin),
        vision_end_token_id=number(end),
    )
    return _random(config), processor


KINDS = {"gemma3": tiny_gemma3, "idefics3": tiny_idefics3, "qwen2_vl": tiny_qwen2_vl}
