"""Small charts as inline SVG: lines over steps, histograms side by side."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import numpy as np

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TITLE, TOP, BOTTOM = 46, 12, 15, 42, 30
COLORS = ("#8a8f98", "#c8782a", "#2f6fb7", "#2a8a57", "#9254a8", "#b5354c")

Series = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def lines(title: str, series: Series, *, smooth: int = 1, span: tuple[float, float] | None = None) -> str:
    """Each named (x, y) series as a line; ``smooth`` averages over so many points and shows the raw line pale behind."""
    points = {name: _finite(*xy) for name, xy in series.items()}
    points = {name: xy for name, xy in points.items() if xy[0]}
    if not points:
        return ""
    xs = [x for x_, _ in points.values() for x in x_]
    ys = [y for _, y_ in points.values() for y in y_]
    x0, x1 = min(xs), max(xs)
    y0, y1 = span or _padded(min(ys), max(ys))
    parts = [_frame(title, (x0, x1), (y0, y1))]
    for (x, y), color in zip(points.values(), COLORS * 3, strict=False):
        if smooth > 1 and len(y) > smooth:
            parts.append(_path(x, y, (x0, x1), (y0, y1), color, 0.25))
            y = _moving_average(y, smooth)
        parts.append(_path(x, y, (x0, x1), (y0, y1), color, 1.0))
    return _svg(title, [*parts, _legend(list(points))])


def histograms(title: str, samples: Mapping[str, Sequence[float]], *, bins: int = 24) -> str:
    """The distributions of several named samples as outlines over common bins."""
    found = {
        name: np.asarray([v for v in values if math.isfinite(v)], dtype=np.float64) for name, values in samples.items()
    }
    found = {name: values for name, values in found.items() if len(values)}
    if not found:
        return ""
    low, high = min(v.min() for v in found.values()), max(v.max() for v in found.values())
    edges = np.linspace(low, high if high > low else low + 1.0, bins + 1)
    shares = {name: np.histogram(values, edges)[0] / len(values) for name, values in found.items()}
    top = max(float(share.max()) for share in shares.values())
    parts = [_frame(title, (edges[0], edges[-1]), (0.0, top))]
    for share, color in zip(shares.values(), COLORS * 3, strict=False):
        x = np.repeat(edges, 2)[1:-1]
        parts.append(
            _path(x.tolist(), np.repeat(share, 2).tolist(), (edges[0], edges[-1]), (0.0, top), color, 1.0, fill=True)
        )
    return _svg(title, [*parts, _legend(list(shares))])


def _finite(x: Sequence[float], y: Sequence[float]) -> tuple[list[float], list[float]]:
    kept = [(float(a), float(b)) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
    return [a for a, _ in kept], [b for _, b in kept]


def _padded(low: float, high: float) -> tuple[float, float]:
    pad = 0.05 * (high - low) or 0.5
    return low - pad, high + pad


def _moving_average(values: Sequence[float], size: int) -> list[float]:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - size, 0)
    return ((sums[ends] - sums[starts]) / (ends - starts)).tolist()  # type: ignore[no-any-return]


def _place(value: float, span: tuple[float, float], start: float, end: float) -> float:
    low, high = span
    return start + (end - start) * ((value - low) / (high - low) if high > low else 0.5)


def _path(
    x: Sequence[float],
    y: Sequence[float],
    xs: tuple[float, float],
    ys: tuple[float, float],
    color: str,
    opacity: float,
    *,
    fill: bool = False,
) -> str:
    points = [
        (_place(a, xs, LEFT, WIDTH - RIGHT), _place(b, ys, HEIGHT - BOTTOM, TOP)) for a, b in zip(x, y, strict=True)
    ]
    said = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    body = ""
    if fill:
        floor = HEIGHT - BOTTOM
        area = f"{points[0][0]:.1f},{floor} {said} {points[-1][0]:.1f},{floor}"
        body = f'<polygon points="{area}" fill="{color}" opacity="0.15"/>'
    return f'{body}<polyline points="{said}" fill="none" stroke="{color}" stroke-width="1.6" opacity="{opacity}"/>'


def _frame(title: str, xs: tuple[float, float], ys: tuple[float, float]) -> str:
    floor, top = HEIGHT - BOTTOM, TOP
    ticks = []
    for k in range(5):
        value = ys[0] + (ys[1] - ys[0]) * k / 4
        y = _place(value, ys, floor, top)
        ticks.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        ticks.append(f'<text x="{LEFT - 6}" y="{y + 3:.1f}" text-anchor="end">{value:.3g}</text>')
    for k in range(5):
        value = xs[0] + (xs[1] - xs[0]) * k / 4
        x = _place(value, xs, LEFT, WIDTH - RIGHT)
        ticks.append(f'<text x="{x:.1f}" y="{floor + 16}" text-anchor="middle">{value:.3g}</text>')
    return f'<text x="{LEFT}" y="{TITLE}" class="title">{html.escape(title)}</text>{"".join(ticks)}'


def _legend(names: Sequence[str]) -> str:
    parts, x = [], float(LEFT)
    for name, color in zip(names, COLORS * 3, strict=False):
        parts.append(f'<text x="{x:.0f}" y="{TITLE + 15}" fill="{color}" class="key">{html.escape(name)}</text>')
        x += 6.2 * len(name) + 14
    return "".join(parts) if len(names) > 1 else ""


def _svg(title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )
