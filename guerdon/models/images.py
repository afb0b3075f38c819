"""Reading images of any common form as RGB pictures, and what a request to a model needs of them: a key, a data URL."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from guerdon.errors import GuerdonError, MissingExtra

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_DOWNLOAD = 50_000_000
DOWNLOAD_SECONDS = 20.0

_REMOTE = re.compile(r"https?://", re.IGNORECASE)
# Where mappings keep an image: content parts of chat messages, and the undecoded images of Hugging Face datasets.
_KEYS = ("image", "image_url", "url", "bytes", "base64", "path")


class UnreadableImage(GuerdonError, ValueError):
    """There is no image, or what there is cannot be read as one."""


def read_image(value: Any, *, remote: bool = False) -> Image:
    """An RGB picture (Pillow) of ``value``; transparent parts are white, the camera's orientation is applied.

    ``value`` is a Pillow image, a path, bytes of an image file, a data URL, an array or tensor (H, W), (H, W, 1 | 3 | 4) or
    (1 | 3 | 4, H, W) of integers 0..255 or floats 0..1, or a mapping with one of these under ``image``, ``image_url``, ``url``,
    ``bytes``, ``base64`` or ``path``. An ``http(s)`` address is fetched only with ``remote=True``.

    Raises:
        UnreadableImage: none of these, a damaged or empty file, one of absurd size, an address that may not or cannot be fetched.
        MissingExtra: Pillow is not installed.

    >>> read_image(np.zeros((4, 6, 3), dtype=np.uint8)).size
    (6, 4)
    """
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingExtra("pillow", extra="lm") from error
    try:
        return _rgb(_opened(value, remote))
    except UnreadableImage:
        raise
    except (OSError, ValueError, TypeError, SyntaxError, OverflowError, MemoryError, EOFError) as error:
        raise UnreadableImage(f"{_shown(value)} cannot be read as an image: {error}") from error
    except PIL.Image.DecompressionBombError as error:
        raise UnreadableImage(f"{_shown(value)} has an absurd size: {error}") from error


def image_key(image: Image) -> bytes:
    """What is equal for equal pictures: a hash of mode, size and pixels."""
    head = f"{image.mode} {image.size}".encode()
    return hashlib.blake2b(head + image.tobytes(), digest_size=20).digest()


def data_url(image: Image, *, form: str = "JPEG", quality: int = 95) -> str:
    """A picture as a data URL, as chat models take it.

    >>> data_url(read_image(np.zeros((2, 2, 3), dtype=np.uint8)))[:23]
    'data:image/jpeg;base64,'
    """
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format=form, quality=quality)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def is_image_part(part: Any) -> bool:
    """Whether a content part of a chat message stands for an image.

    >>> is_image_part({"type": "image"}), is_image_part({"type": "text", "text": "image"})
    (True, False)
    """
    return isinstance(part, Mapping) and part.get("type") in ("image", "image_url", "input_image")


def image_of_part(part: Mapping[str, Any]) -> Any:
    """The image that a content part carries, in whatever form; None where it only keeps a place for one."""
    for key in _KEYS:
        if part.get(key) is not None:
            return part[key] if key != "base64" else _decoded(str(part[key]))
    return None


def _opened(value: Any, remote: bool) -> Image:
    import PIL.Image

    if value is None:
        raise UnreadableImage("there is no image")
    if isinstance(value, PIL.Image.Image):
        return value
    if isinstance(value, Mapping):
        found = image_of_part(value)
        if found is None:
            raise UnreadableImage(f"the mapping with {', '.join(map(str, value)) or 'nothing'} holds no image")
        return _opened(found, remote)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _loaded(bytes(value))
    if isinstance(value, str):
        if value[:5].lower() == "data:":
            return _loaded(_of_data_url(value))
        if _REMOTE.match(value):
            return _loaded(_fetched(value, remote))
    if isinstance(value, (str, os.PathLike)):
        return _loaded(Path(os.fspath(value)).expanduser().read_bytes())
    return _drawn(value)


def _loaded(data: bytes) -> Image:
    import PIL.Image

    if not data:
        raise UnreadableImage("the image has no bytes")
    image = PIL.Image.open(io.BytesIO(data))
    image.load()
    return image


def _rgb(image: Image) -> Image:
    import PIL.Image
    import PIL.ImageOps

    if not all(image.size):
        raise UnreadableImage(f"the image has size {image.size}")
    upright = PIL.ImageOps.exif_transpose(image)
    if upright.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in upright.info:
        layers = upright.convert("RGBA")
        white = PIL.Image.new("RGBA", layers.size, "white")
        return PIL.Image.alpha_composite(white, layers).convert("RGB")
    if upright.mode.startswith("I"):  # 16 bits, which Pillow would cut at 255
        return _drawn(np.asarray(upright, dtype=np.float64) / 65535.0)
    return upright.convert("RGB")


def _drawn(value: Any) -> Image:
    import PIL.Image

    array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "biuf" or array.ndim not in (2, 3) or not array.size:
        raise UnreadableImage(f"{_shown(value)} is no image: a {array.ndim}-dimensional array of {array.dtype}")
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4):
        raise UnreadableImage(f"an array of shape {array.shape} has no 1, 3 or 4 channels")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return _rgb(PIL.Image.fromarray(_bytes(array)))


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype.kind == "b":
        return np.asarray(array * np.uint8(255), dtype=np.uint8)
    if not np.isfinite(array).all():
        raise UnreadableImage("the array holds NaN or infinite values")
    low, high = float(array.min()), float(array.max())
    top = 1.0 if array.dtype.kind == "f" else 255.0
    if low < 0 or high > top * (1 + 1e-6):
        raise UnreadableImage(f"the array's values lie in [{low:g}, {high:g}], not in [0, {top:g}]")
    return np.asarray(np.rint(array * (255.0 / top)).clip(0, 255), dtype=np.uint8)


def _of_data_url(text: str) -> bytes:
    head, comma, body = text.partition(",")
    if not comma:
        raise UnreadableImage("the data URL has no data")
    return _decoded(body) if head.lower().endswith(";base64") else unquote_to_bytes(body)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise UnreadableImage(f"the base64 of the image is damaged: {error}") from error


def _fetched(address: str, remote: bool) -> bytes:
    if not remote:
        raise UnreadableImage(
            f"{address[:80]!r} is not fetched; allow it with remote_images=True, or load the image first"
        )
    import urllib.request

    request = urllib.request.Request(address, headers={"User-Agent": "guerdon"})
    with urllib.request.urlopen(request, timeout=DOWNLOAD_SECONDS) as response:
        data: bytes = response.read(LARGEST_DOWNLOAD + 1)
    if len(data) > LARGEST_DOWNLOAD:
        raise UnreadableImage(f"{address[:80]!r} is larger than {LARGEST_DOWNLOAD} bytes")
    return data


def _shown(value: Any) -> str:
    if isinstance(value, (str, os.PathLike)):
        return f"{os.fspath(value)!r:.80}"
    return f"a {type(value).__name__}"
