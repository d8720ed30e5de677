"""Charts of losses and trends, as plotly draws them; grounds, texts and grids come from the stylesheet."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from domain.plant.losses import ParetoBar, WaterfallStep
from ui.theme.tokens import CHART_BAR, CHART_LINES

Figure: TypeAlias = dict[str, object]

ACCENT = CHART_LINES[0]
HOUR_S = 3600
DECIMAL_MARKS = {"de": ",."}
CONFIG = {"displayModeBar": False, "responsive": True}


def waterfall_chart(
    steps: Sequence[WaterfallStep], total_s: Decimal, *, words: Mapping[str, str], total: str, left: str, lang: str
) -> Figure:
    """Draw the way from all planned time (`total`) down to the time of good pieces (`left`), in hours."""
    shown = [step for step in steps if step.lost_s]
    names = [total, *(words[step.cause.value] for step in shown), left]
    values = [_hours(total_s), *(-_hours(step.lost_s) for step in shown), 0.0]
    return {
        "data": [
            {
                "type": "waterfall",
                "x": names,
                "y": values,
                "measure": ["absolute", *("relative" for _ in shown), "total"],
                "connector": {"line": {"color": CHART_BAR, "width": 1}},
                "decreasing": {"marker": {"color": CHART_BAR}},
                "increasing": {"marker": {"color": CHART_LINES[2]}},
                "totals": {"marker": {"color": ACCENT}},
                "hovertemplate": "%{x}: %{y:.2f} h<extra></extra>",
            }
        ],
        "layout": {**_layout(lang), "yaxis": {"ticksuffix": " h", "rangemode": "tozero", "automargin": True}},
        "config": CONFIG,
    }


def pareto_chart(bars: Sequence[ParetoBar[str]], *, cumulated: str, none: str, lang: str) -> Figure:
    """Draw losses from the longest to the shortest in minutes, with cumulated shares; without losses say `none`."""
    if not bars:
        return _sentence(none, lang)
    names = [bar.key for bar in bars]
    return {
        "data": [
            {
                "type": "bar",
                "x": names,
                "y": [float(bar.lost_s) / 60 for bar in bars],
                "marker": {"color": ACCENT},
                "hovertemplate": "%{x}: %{y:.1f} min<extra></extra>",
                "showlegend": False,
            },
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": cumulated,
                "x": names,
                "y": [100 * float(bar.cumulative_share) for bar in bars],
                "yaxis": "y2",
                "line": {"color": CHART_LINES[1], "width": 2},
                "hovertemplate": "%{y:.0f} %<extra></extra>",
                "showlegend": False,
            },
        ],
        "layout": {
            **_layout(lang),
            "yaxis": {"ticksuffix": " min", "rangemode": "tozero", "automargin": True},
            "yaxis2": {
                "overlaying": "y", "side": "right", "range": [0, 105], "ticksuffix": " %", "showgrid": False,
                "automargin": True,
            },
        },
        "config": CONFIG,
    }  # fmt: skip


def trend_chart(times: Sequence[str], lines: Mapping[str, Sequence[Decimal | None]], *, lang: str) -> Figure:
    """Draw ratios over time in percent, a line each; what is not defined leaves a gap."""
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": list(times),
                "y": [None if value is None else 100 * float(value) for value in values],
                "line": {"color": color, "width": 2 if number else 3},
                "hovertemplate": "%{x}: %{y:.1f} %<extra>" + name + "</extra>",
            }
            for number, ((name, values), color) in enumerate(zip(lines.items(), CHART_LINES, strict=False))
        ],
        "layout": {
            **_layout(lang),
            "yaxis": {"ticksuffix": " %", "rangemode": "tozero", "automargin": True},
            "xaxis": {"type": "category", "automargin": True, "nticks": 16},
            "legend": {"orientation": "h", "y": 1.14, "x": 0},
        },
        "config": CONFIG,
    }


def _sentence(words: str, lang: str) -> Figure:
    hidden = {"visible": False, "fixedrange": True}
    place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    layout = {**_layout(lang), "xaxis": hidden, "yaxis": hidden, "annotations": [{"text": words, **place}]}
    return {"data": [], "layout": layout, "config": CONFIG}


def _hours(seconds: Decimal) -> float:
    return float(seconds) / HOUR_S


def _layout(lang: str) -> Figure:
    return {
        "margin": {"l": 48, "r": 16, "t": 16, "b": 40},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "inherit", "size": 13},
        "separators": DECIMAL_MARKS.get(lang, ".,"),
        "xaxis": {"automargin": True, "fixedrange": True},
        "dragmode": False,
    }
