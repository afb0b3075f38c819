"""Reading images: every form, transparency, orientation, and what cannot be read."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guerdon.models.images import UnreadableImage, data_url, image_key, image_of_part, is_image_part, read_image

PIL = pytest.importorskip("PIL")
Image = pytest.importorskip("PIL.Image")

PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3) * 3


def encoded(image: Any, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options)
    return buffer.getvalue()


DATA = encoded(Image.fromarray(PIXELS))
NOISE = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)))


@pytest.mark.parametrize(
    "value",
    [
        Image.fromarray(PIXELS),
        PIXELS,
        PIXELS.transpose(2, 0, 1),
        PIXELS.tolist(),
        PIXELS.astype(np.int64),
        PIXELS / 255.0,
        (PIXELS / 255.0).astype(np.float32),
        DATA,
        bytearray(DATA),
        "data:image/png;base64," + base64.b64encode(DATA).decode(),
        "DATA:image/png;base64," + base64.b64encode(DATA).decode(),
        {"type": "image", "image": PIXELS},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + base64.b64encode(DATA).decode()}},
        {"bytes": DATA, "path": "of no use.png"},
        {"base64": base64.encodebytes(DATA).decode()},
    ],
)
def test_every_form_gives_the_same_picture(value: Any) -> None:
    image = read_image(value)
    assert image.mode == "RGB" and np.array_equal(np.asarray(image), PIXELS)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(DATA)
    for value in (path, str(path), {"path": str(path), "bytes": None}):
        assert np.array_equal(np.asarray(read_image(value)), PIXELS)


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    assert np.array_equal(np.asarray(read_image(torch.from_numpy(PIXELS).permute(2, 0, 1) / 255.0)), PIXELS)


def test_grey_black_and_deep() -> None:
    assert np.asarray(read_image(np.array([[0, 128]], dtype=np.uint8))).tolist() == [[[0] * 3, [128] * 3]]
    assert np.asarray(read_image(np.array([[False, True]]))).tolist() == [[[0] * 3, [255] * 3]]
    deep = Image.fromarray(np.array([[0, 65535, 32768]], dtype=np.uint16))
    assert np.asarray(read_image(deep))[0, :, 0].tolist() == [0, 255, 128]


def test_transparent_parts_are_white() -> None:
    clear = np.zeros((2, 2, 4), dtype=np.uint8)
    assert (np.asarray(read_image(clear)) == 255).all()
    palette = Image.fromarray(np.zeros((2, 2), dtype=np.uint8)).convert("P")
    assert (np.asarray(read_image(encoded(palette, transparency=0))) == 255).all()


def test_the_cameras_orientation_is_applied() -> None:
    marks = Image.Exif()
    marks[0x0112] = 6
    assert read_image(encoded(Image.fromarray(PIXELS), "JPEG", exif=marks)).size == (4, 6)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (None, "no image"),
        ("nowhere.png", "nowhere"),
        ("", "cannot be read"),
        ("\x00", "cannot be read"),
        (b"", "no bytes"),
        (b"text", "cannot be read"),
        (NOISE[: len(NOISE) // 2], "cannot be read"),
        ("data:image/png;base64,%%%", "base64"),
        ("data:image/png", "no data"),
        ("http://127.0.0.1:9/a.png", "remote_images=True"),
        ("HTTPS://example.org/a.png", "remote_images=True"),
        ({}, "holds no image"),
        ({"type": "image"}, "holds no image"),
        (3, "no image"),
        (object(), "no image"),
        (np.zeros((0, 4, 3)), "no image"),
        (np.zeros((5, 5, 5)), "channels"),
        (np.full((2, 2), np.nan), "NaN"),
        (np.full((2, 2), 7.5), "not in"),
        (np.full((2, 2), 256), "not in"),
        (np.full((2, 2), -1), "not in"),
        (["a", "b"], "no image"),
        ([[1, 2], [3]], "cannot be read"),
    ],
)
def test_what_cannot_be_read(value: Any, match: str) -> None:
    with pytest.raises(UnreadableImage, match=match):
        read_image(value)


def test_a_picture_of_absurd_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(UnreadableImage, match="absurd size"):
        read_image(encoded(Image.new("RGB", (10, 10))))


def test_an_address_is_fetched_where_allowed(tmp_path: Path) -> None:
    import threading
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    (tmp_path / "image.png").write_bytes(DATA)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/image.png"
        assert np.array_equal(np.asarray(read_image(address, remote=True)), PIXELS)
        with pytest.raises(UnreadableImage, match="404"):
            read_image(address + "x", remote=True)
    finally:
        server.shutdown()
        server.server_close()


def test_keys_tell_pictures_apart() -> None:
    one, same, turned = read_image(PIXELS), read_image(DATA), read_image(PIXELS.transpose(1, 0, 2))
    assert image_key(one) == image_key(same) != image_key(turned)


def test_data_urls_come_back() -> None:
    assert np.array_equal(np.asarray(read_image(data_url(read_image(PIXELS), form="PNG"))), PIXELS)


def test_parts() -> None:
    assert not is_image_part({"type": "text", "image": PIXELS}) and not is_image_part("image")
    assert image_of_part({"type": "image"}) is None
