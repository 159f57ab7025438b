"""An explanation as one page: everything inside it, no network, readable on a telephone and with a keyboard."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

from torchweights.explanation import text
from torchweights.explanation.parts import Part, Share

#: what ``tw.explain`` returns, a floor above
Explanation = Any

# Text on white: #1b1f24 has a contrast of 16.6 to 1, #57606a one of 6.4 to 1; AA wants 4.5 to 1.
_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; margin-bottom: .3rem; }
.number { font-variant-numeric: tabular-nums; }
.note { color: #57606a; }
.wide { overflow-x: auto; }
.wide:focus { outline: 3px solid #0550ae; outline-offset: 2px; }
code { overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem .25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #d0d7de; white-space: nowrap; }
td:last-child { white-space: normal; min-width: 9rem; }
li { margin-bottom: .4rem; }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: .1rem .6rem; align-items: center; max-width: 40rem; }
.bar { height: .8rem; background: #0550ae; min-width: 1px; }
.bar.errors { background: #a40e26; } .bar.weight { background: #6e5494; } .bar.elements { background: #57606a; }
.bars .group { grid-column: 1 / -1; font-weight: 600; margin-top: .4rem; }
img { max-width: 100%; height: auto; }
"""


def page_of(explanation: Explanation) -> str:
    """The page as text."""
    body = [
        "<h1>Loss <span class='number' id='total'>" + text.number(explanation.total) + "</span></h1>",
        f"<p class='note'>Row <code>{html.escape(explanation.semantics)}</code>. Explained by torchweights.</p>",
        "<h2>Findings</h2>",
        "<ul id='findings'>"
        + "".join(f"<li>{html.escape(one)}</li>" for one in explanation.findings or ("nothing stands out.",))
        + "</ul>",
    ]
    if len(explanation.parts) + len(explanation.penalties) > 1:
        body += ["<h2>Outputs</h2>", _table("outputs", "Outputs", text.OUTPUTS, text.output_rows(explanation))]
    for place, part in enumerate(explanation.parts):
        body += _part(place, part)
    body += _picture(explanation)
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Loss {text.number(explanation.total)} explained</title><style>{_STYLE}</style></head>\n<body><main>\n"
        + "\n".join(body) + "\n</main></body></html>\n"
    )  # fmt: skip


def _part(place: int, part: Part) -> list[str]:
    lines = [f"<h2>{html.escape(part.output)}</h2>", f"<p><code>{html.escape(part.criterion)}</code></p>"]
    lines += ["<h3>The way of the number</h3>", _table(f"stages-{place}", "Stages", text.STAGES, text.stage_rows(part))]
    if part.classes:
        lines += [
            "<h3>Who pays</h3>",
            _bars(part.classes),
            _table(f"classes-{place}", "Shares by class", text.CLASSES, text.class_rows(part)),
        ]
    if part.sources:
        lines += [
            "<h3>Sources of weight</h3>",
            _table(f"sources-{place}", "Sources of weight", text.SOURCES, text.source_rows(part)),
        ]
    if part.samples:
        lines += [
            "<h3>Heaviest samples</h3>",
            _table(f"samples-{place}", "Heaviest samples", text.SAMPLES, text.sample_rows(part)),
        ]
    if part.heaviest:
        lines += [
            "<h3>Heaviest values</h3>",
            _table(f"heaviest-{place}", "Heaviest values", text.HEAVIEST, text.heavy_rows(part)),
        ]
    return lines


def _table(name: str, label: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls by itself, with the keyboard too, where the page is narrower."""
    head = "".join(f"<th scope='col'>{html.escape(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f"<div class='wide' role='region' tabindex='0' aria-label='{html.escape(label)}'><table id='{name}'>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _bars(classes: Sequence[Share]) -> str:
    """Errors, weight and loss of each class under each other; the table below says the same in numbers."""
    rows = []
    for one in classes:
        rows.append(f"<span class='group'>class {one.label}</span>")
        for name in ("elements", "errors", "weight", "loss"):
            share = getattr(one, name)
            if share is not None:
                width = min(abs(share), 1.0)
                rows.append(
                    f"<span>{name}</span><span class='bar {name}' style='width:{100 * width:.2f}%'></span><span>{text.percent(share)}</span>"
                )
    return "<div class='bars' aria-hidden='true'>" + "".join(rows) + "</div>"


def _picture(explanation: Explanation) -> list[str]:
    """The plot, where matplotlib is there to draw it."""
    if not any(part.map for part in explanation.parts):
        return []
    try:
        from torchweights.explanation.picture import draw
    except ImportError:
        return ["<p class='note'>Install torchweights[plot] for the map of the weighted loss.</p>"]
    file = io.BytesIO()
    draw(explanation).savefig(file, format="png", dpi=110, bbox_inches="tight")
    coded = base64.b64encode(file.getvalue()).decode()
    words = (
        "Shares of elements, errors, weight and loss by class, and the map of the weighted loss of the heaviest image."
    )
    return ["<h2>Where the loss is</h2>", f"<img alt='{words}' src='data:image/png;base64,{coded}'>"]
