"""Draws what bench.py measured: for each capture a bar for each program, from the yardstick's one line to what it costs."""
import math
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 960, 310, 130, 92, 44
ROW, BAR, GAP = 19, 11, 20
TICKS = (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

STYLE = """
	.page { fill: #fbfcfe; }
	.title { fill: #16233a; font-size: 16px; font-weight: 650; }
	.under { fill: #4a5a73; font-size: 12px; }
	.capture { fill: #16233a; font-size: 14px; font-weight: 650; }
	.program { fill: #4a5a73; font-size: 12px; text-anchor: end; }
	.ours-name { fill: #0b6e6e; font-weight: 650; }
	.value { fill: #16233a; font-size: 12px; font-variant-numeric: tabular-nums; }
	.memory, .tick { fill: #4a5a73; font-size: 12px; font-variant-numeric: tabular-nums; }
	.tick { text-anchor: middle; }
	.grid { stroke: #dde4ee; stroke-width: 1; }
	.one { stroke: #4a5a73; stroke-width: 1.5; }
	.ours { fill: #0b6e6e; }
	.peer { fill: #9aa9bf; }
	@media (prefers-color-scheme: dark) {
		.page { fill: #10161f; }
		.title, .capture, .value { fill: #e8eef7; }
		.under, .program, .memory, .tick { fill: #a7b5c9; }
		.ours-name { fill: #5cc9c4; }
		.grid { stroke: #253143; }
		.one { stroke: #a7b5c9; }
		.ours { fill: #2aa19d; }
		.peer { fill: #5a6b84; }
	}
"""


def range_of(ratios):
    """The ticks that hold all values between the first and the last of them."""
    least, most = min([1, *ratios]), max([2, *ratios])
    first = max([0, *(i for i, tick in enumerate(TICKS) if tick <= least)])
    last = min([len(TICKS) - 1, *(i for i, tick in enumerate(TICKS) if tick >= most)])
    return TICKS[first:last + 1]


def draw(measured, yardstick):
    ratios = [one["ratio"] for programs in measured.values() for name, one in programs.items() if one and name != yardstick]
    ticks = range_of(ratios)
    span = WIDTH - LEFT - RIGHT

    def x_of(ratio):
        return LEFT + span * math.log(ratio / ticks[0]) / math.log(ticks[-1] / ticks[0])

    bars, y = [], TOP
    for capture, programs in measured.items():
        y += GAP
        bars.append(f'<text class="capture" x="24" y="{y + 10}">{escape(capture)}</text>')
        for name, one in programs.items():
            if name == yardstick or not one:
                continue
            kind = "ours" if name.startswith("overhear") else "peer"
            begin, end = sorted((x_of(1), x_of(max(one["ratio"], ticks[0]))))
            bars.append(f'<text class="program{" ours-name" * (kind == "ours")}" x="{LEFT - 10}" y="{y + 10}">{escape(name)}</text>')
            bars.append(f'<rect class="{kind}" x="{begin:.1f}" y="{y}" width="{max(end - begin, 1.5):.1f}" height="{BAR}" rx="1.5"/>')
            bars.append(f'<text class="value" x="{end + 6:.1f}" y="{y + 10}">{one["ratio"]:.1f}x'
                        f'<tspan class="memory" dx="8">{one["memory"] / 1e6:,.0f} MB</tspan></text>')
            y += ROW
    bottom = y + 4
    grid = []
    for tick in ticks:
        x = x_of(tick)
        grid.append(f'<line class="{"one" if tick == 1 else "grid"}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
        grid.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 18}">{tick:g}x</text>')
    height = bottom + BOTTOM
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title description" '
        'font-family="system-ui, -apple-system, \'Segoe UI\', Roboto, sans-serif">',
        '<title id="title">What reading a capture costs</title>',
        f'<desc id="description">{escape(described(measured, yardstick))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        '<text class="title" x="24" y="36">What reading a capture costs</text>',
        f'<text class="under" x="24" y="58">CPU time as a multiple of what tcpdump -w /dev/null takes for the same file, and the most '
        'memory held.</text>',
        '<text class="under" x="24" y="76">Less is better. The scale is logarithmic: a step to the right multiplies.</text>',
        *grid, *bars, "</svg>", ""])


def described(measured, yardstick):
    return " ".join(f"{capture}: " + ", ".join(f"{name} {one['ratio']:.1f} times" for name, one in programs.items() if one and name != yardstick) + "."
                    for capture, programs in measured.items())
