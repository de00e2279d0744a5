"""A bar for each target, as SVG that follows the reader's choice of light or dark."""

from __future__ import annotations

from html import escape

from platter_bench.bars import OWN
from platter_bench.figures import Metric, Rounds, number, spread

_WIDTH, _ROW, _TOP = 720, 30, 56
_LEFT, _RIGHT = 130, 110
_STYLE = """\
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.quiet { fill: #656d76; font-size: 12px }
.bar { fill: #afb8c1 } .own { fill: #0969da } .direct { fill: #d8dee4 }
.spread { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .quiet { fill: #8d96a0 }
  .bar { fill: #57606a } .own { fill: #4493f8 } .direct { fill: #373e47 }
  .spread { stroke: #e6edf3 }
}
</style>"""


def draw(title: str, metric: Metric, rounds: Rounds) -> str | None:
    """None when there is nothing to draw."""
    spreads = {target: spread(metric, own) for target, own in rounds.items()}
    known = {target: found for target, found in spreads.items() if found is not None}
    most = max((found.most or found.median or 0 for found in known.values()), default=0)
    if not known or most <= 0:
        return None
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    height = _TOP + _ROW * len(known) + 8
    word = "more is better" if metric.is_higher_better else "less is better"
    unit = f", {metric.unit}" if metric.unit else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" aria-label="{escape(title, quote=True)}">',
        _STYLE,
        f'<text class="title" x="8" y="20">{escape(title)}</text>',
        f'<text class="quiet" x="8" y="40">{escape(metric.title + unit)}; {word}</text>']
    for row, (target, found) in enumerate(known.items()):
        middle = _TOP + row * _ROW + _ROW / 2
        parts.append(
            f'<text x="{_LEFT - 8}" y="{middle + 4:.0f}" text-anchor="end">{escape(target)}</text>')
        if found.median is None:
            parts.append(f'<text class="quiet" x="{_LEFT}" y="{middle + 4:.0f}">never</text>')
            continue
        kind = "own" if target == OWN else "direct" if target == "direct" else "bar"
        end = _LEFT + found.median * scale
        parts.append(
            f'<rect class="{kind}" x="{_LEFT}" y="{middle - 9:.0f}" rx="2" '
            f'width="{max(1.0, found.median * scale):.1f}" height="18"/>')
        if found.least is not None and found.most is not None and found.most > found.least:
            low, high = _LEFT + found.least * scale, _LEFT + found.most * scale
            parts.append(
                f'<path class="spread" d="M{low:.1f} {middle:.0f}H{high:.1f}M{low:.1f} {middle - 4:.0f}v8'
                f'M{high:.1f} {middle - 4:.0f}v8"/>')
            end = max(end, high)
        parts.append(f'<text x="{end + 8:.0f}" y="{middle + 4:.0f}">{number(found.median)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
