"""How estimates and grades look: three digits, and a small picture of the interval."""

from __future__ import annotations

import math

ESTIMATE_MIME = "application/vnd.causalrec.estimate+json"
GRADE_MIME = "application/vnd.causalrec.grade+json"


def number(x: float | None) -> str:
    """Three significant digits: what stays the same between machines."""
    if x is None or math.isnan(x):
        return "–"
    if x == 0 or not math.isfinite(x):
        return "0" if x == 0 else ("∞" if x > 0 else "-∞")
    decimals = min(max(2 - math.floor(math.log10(abs(x))), 0), 12)
    text = f"{x:,.{decimals}f}"
    return text if float(text.replace(",", "")) != 0 else "0"


def picture(value: float, ci: tuple[float, float], truth: float = math.nan) -> str:
    """The interval as a line, the estimate as a dot, the truth as a dashed line."""
    points = [x for x in (*ci, value, truth) if math.isfinite(x)]
    low, high = min(points, default=0.0), max(points, default=0.0)
    width = (high - low) or 1.0

    def at(x: float) -> int:
        return round(6 + 108 * (x - low) / width)

    parts = []
    if all(map(math.isfinite, ci)):
        parts.append(
            f'<path d="M{at(ci[0])} 9H{at(ci[1])}" stroke="currentColor" stroke-width="2"/>'
        )
    if math.isfinite(value):
        parts.append(f'<circle cx="{at(value)}" cy="9" r="4" fill="currentColor"/>')
    if math.isfinite(truth):
        dashed = 'stroke="#d55e00" stroke-width="2" stroke-dasharray="3 2"'
        parts.append(f'<path d="M{at(truth)} 1V17" {dashed}/>')
    return (
        '<svg width="120" height="18" viewBox="0 0 120 18" role="img" '
        f'aria-label="interval picture">{"".join(parts)}</svg>'
    )
