"""A line chart as SVG, in a screenful: what one picture in docs/proof/ needs, without a plotting library in everybody's environment."""

from __future__ import annotations

WIDTH, HEIGHT, LEFT, TOP = 900, 260, 60, 30
COLOURS = ("#c0392b", "#2471a3", "#1e8449", "#b9770e", "#7d3c98")


def chart(title: str, at: list[float], lines: dict[str, list[float | None]], marks: dict[str, float]) -> str:
    """Named lines over `at` (seconds), with vertical marks; None is a gap."""
    highest = max((value for line in lines.values() for value in line if value is not None), default=1) or 1
    longest = max([*at, *marks.values(), 1])

    def x(moment: float) -> float:
        return round(LEFT + moment / longest * (WIDTH - LEFT - 10), 1)

    def y(value: float) -> float:
        return round(HEIGHT - 30 - value / highest * (HEIGHT - 30 - TOP), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="18">{title}</text>',
    ]
    for part in (0, 0.5, 1):
        parts.append(f'<text x="{LEFT - 6}" y="{y(highest * part) + 4}" text-anchor="end">{highest * part:.3g}</text>')
        parts.append(
            f'<text x="{x(longest * part)}" y="{HEIGHT - 10}" text-anchor="{"end" if part == 1 else "middle"}">{longest * part:.0f} s</text>'
        )
        parts.append(f'<path d="M{LEFT} {y(highest * part)}H{WIDTH - 10}" stroke="#ddd"/>')
    for name, moment in marks.items():
        parts.append(f'<path d="M{x(moment)} {TOP}V{HEIGHT - 30}" stroke="black" stroke-dasharray="3"/>')
        parts.append(f'<text x="{x(moment) + 3}" y="{TOP + 10}">{name}</text>')
    for number, (name, line) in enumerate(lines.items()):
        path, pen = "", "M"
        for moment, value in zip(at, line, strict=True):
            path += "" if value is None else f"{pen}{x(moment)} {y(value)}"
            pen = "M" if value is None else "L"
        parts.append(f'<path d="{path}" fill="none" stroke="{COLOURS[number]}" stroke-width="1.5"/>')
        parts.append(f'<text x="{WIDTH - 60 - 80 * (len(lines) - number - 1)}" y="18" fill="{COLOURS[number]}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])
