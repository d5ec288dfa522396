"""Texts that would be more than text in a page that lets them, and a run that has them in every place."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from runner.manifest.states import run_from
from runner.metric_table import Point
from runner.report.subject import Sample, Subject
from tests.unit import report_bench as bench

HARMLESS = "harmless"
_ACT = "window.hacked=1"
_TAGS: tuple[str, ...] = (
    "img",
    "svg",
    "body",
    "video",
    "audio",
    "details",
    "iframe",
    "input",
    "a",
    "object",
    "embed",
    "math",
    "form",
)
_TAGS += ("marquee", "select", "textarea", "style", "link", "base", "meta")
_EVENTS = ("onload", "onerror", "onfocus", "onmouseover", "ontoggle", "onbegin", "onanimationend")
_QUOTES = ("", "'", '"', "`")
_BREAKS = (
    "",
    '"',
    "'",
    '">',
    "'>",
    "`>",
    "</title>",
    "</style>",
    "</pre>",
    "</text>",
    "</svg>",
    "-->",
    "]]>",
    "</textarea>",
)
_SCHEMES: tuple[str, ...] = (
    "javascript:",
    "JaVaScRiPt:",
    "java\tscript:",
    "java\nscript:",
    " javascript:",
    "\x01javascript:",
    "vbscript:",
)
_SCHEMES += (
    "data:text/html,",
    "data:text/html;base64,",
    "javascript&colon;",
    "&#106;avascript:",
    "//evil.example/",
    "blob:",
)
_SINGLE = (
    *(
        "{{7*7}}",
        "{% raw %}",
        "{{ ''.__class__.__mro__ }}",
        "${7*7}",
        "#{7*7}",
        "<%= 7*7 %>",
        "{#",
        "{{",
        "}}",
        "{%",
        "%}",
    ),
    *(
        "<!--",
        "-->",
        "<!-->",
        "<!--><script>",
        "<![CDATA[",
        "]]>",
        "<![CDATA[><script>",
        "<?xml version='1.0'?>",
        "<?php",
    ),
    *(
        "<!DOCTYPE html>",
        "<!ENTITY x SYSTEM 'file:///etc/passwd'>",
        "&x;",
        "&lt;script&gt;",
        "&#60;script&#62;",
        "&#x3c",
    ),
    *(
        "</script>",
        "</style>",
        "</title>",
        "</textarea>",
        "</html>",
        "</body>",
        "</svg>",
        "</details>",
        "</table>",
        "</p>",
    ),
    *(
        "*{background:url(//evil.example)}",
        "@import '//evil.example/x.css';",
        "expression(alert(1))",
        "}</style><x>",
    ),
    *(
        "\x00",
        "<scr\x00ipt>",
        "<\x00script>",
        "\x1b[31m",
        "\x1b]8;;http://evil.example\x07x",
        "\x9b31m",
        "\r\n\r\n",
        "\x0c",
    ),
    *(
        "\u202egnp.exe",
        "\u2066x\u2069",
        "\u200fabc",
        "\u2028",
        "\u2029",
        "\ufeff<script>",
        "\ufffe",
        "\uffff",
        "\ud800",
    ),
    *(
        "\uff1cscript\uff1e",
        "\u2039script\u203a",
        "<\u017fcript>",
        "<\uff33\uff23\uff32\uff29\uff30\uff34>",
        "%3Cscript%3E",
        "\\u003cscript\\u003e",
        "\\x3cscript\\x3e",
    ),
    *(
        "+ADw-script+AD4-",
        "<script/x>",
        "<script\n>",
        "<script\t>",
        "<<script>",
        "<script<",
        "<",
        ">",
        '"',
        "'",
        "`",
        "&",
        "=",
    ),
    *(
        "<a href=https://evil.example>x</a>",
        "https://ml.azure.com.evil.example/",
        "https://evil.example/ml.azure.com",
    ),
    *(
        "<xss style=x:expression(1)>",
        "<noscript><p title='</noscript><img src=x>'>",
        "<math><mtext></table><style>",
    ),
    *(
        "<svg><foreignObject><body>",
        "<svg><a xlink:href='javascript:1'>",
        "<svg><use href='data:x'>",
        "<svg><animate>",
    ),
    *(
        "<template><script>",
        "<slot>",
        "<plaintext>",
        "<xmp>",
        "<noembed>",
        "<listing>",
        "<frameset>",
        "<image src=x>",
    ),
)


def _payloads() -> Iterator[str]:
    yield from _SINGLE
    for tag, event, quote in product(_TAGS, _EVENTS, _QUOTES[:3]):
        yield f"<{tag} src=x {event}={quote}{_ACT}{quote}>"
    for breaking, inner in product(
        _BREAKS, (f"<script>{_ACT}</script>", f"<img src=x onerror={_ACT}>", f" onfocus={_ACT} x=")
    ):
        yield breaking + inner
    for scheme, quote in product(_SCHEMES, _QUOTES[:3]):
        yield f"<a href={quote}{scheme}{_ACT}{quote}>x</a>"
        yield f"{scheme}{_ACT}"
    for breaking in _BREAKS:
        yield f"{breaking}<style>*{{display:none}}</style>"
        yield f"{breaking}<meta http-equiv=refresh content=0;url=//evil.example>"


PAYLOADS: Sequence[str] = tuple(dict.fromkeys(_payloads()))

# What a program of ours chose, or what decides how the page is laid out.
_OURS = frozenset(
    {"status", "action", "origin", "started", "ended", "since", "kind", "format", "size", "instance_type"}
)
_OURS |= {"studio", "tier"}
# A drawing takes time; a test of their own gives all of the texts to drawings.
_LINES, _CHARTS = 40, 3


def poisoned(texts: Sequence[str]) -> list[Subject]:
    """Give two runs that have each text in every place that takes many, and all of them in the others."""
    return [_run(texts, "1"), _second(texts)]


def single(text: str) -> Subject:
    """Give a small run that has the text in each place, without drawings, which take time."""
    said = _filled(bench.content(status="failed", steps={}), text)
    return bench.subject(run_from(said), points=(), samples=_samples([text]), log=(text,))


def _run(texts: Sequence[str], name: str) -> Subject:
    whole = "\n".join(texts)
    said = _filled(bench.content(), whole)
    said["run_id"] = f"{texts[0]}{name}"
    said["parameters"] = [_parameter(text) for text in texts]
    said["alive"] = [
        {"step": text, "kind": text, "name": text, "since": "", "deletion": text} for text in texts
    ]
    said["pins"] = {f"{place}": text for place, text in enumerate(texts)}
    said["recipe"]["values"] = {f"{place}{text}": f"{text}{name}" for place, text in enumerate(texts)}
    said["steps"]["finetune"] |= {"error": whole, "outputs": {"studio": texts[0], "stand_in": whole}}
    said["target"]["kind"] = "emulator"
    points = [*_points("loss", texts[:_LINES], name), *_metrics(texts[:_CHARTS])]
    return bench.subject(run_from(said), points=tuple(points), samples=_samples(texts), log=tuple(texts))


def _second(texts: Sequence[str]) -> Subject:
    """Give a run that the first differs from in each value; beyond that it has little."""
    said = bench.content(run_id=f"{texts[0]}2", steps={}, alive=[])
    said["recipe"]["values"] = {f"{place}{text}": f"{text}2" for place, text in enumerate(texts)}
    return bench.subject(run_from(said), points=None, samples=None)


def _filled(tree: Any, text: str) -> Any:  # noqa: ANN401 - JSON may be anything
    """Put a text in the place of every other one."""
    if isinstance(tree, dict):
        return {key: each if key in _OURS else _filled(each, text) for key, each in tree.items()}
    if isinstance(tree, list):
        return [_filled(each, text) for each in tree]
    return text if isinstance(tree, str) else tree


def _parameter(text: str) -> dict[str, str]:
    return {"name": text, "value": text, "origin": "recipe", "detail": text}


def _samples(texts: Sequence[str]) -> tuple[Sample, ...]:
    return tuple(
        Sample(prompt=[{"role": text, "content": text}], answer=text, ground_truth=text, base_answer=text)
        for text in texts
    )


def _points(metric: str, jobs: Sequence[str], name: str) -> list[Point]:
    numbered = [f"{place}{job}{name}" for place, job in enumerate(jobs)]
    return [
        Point(job=job, metric=metric, step=step, value=1.0, time="") for job in numbered for step in (1, 2)
    ]


def _metrics(names: Sequence[str]) -> list[Point]:
    return [
        Point(job="job", metric=f"{place:04}{name}", step=step, value=float(step), time="")
        for place, name in enumerate(names)
        for step in (1, 2)
    ]
