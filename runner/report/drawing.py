"""A Vega-Lite specification to an SVG that may stand in a page: known elements, names of its own, no style.

vl-convert draws without a browser and fetches nothing. What it gives is taken apart and put together again,
so that a page holds nothing but drawings whatever a later version would put in.
"""

import json
import re
from xml.etree import ElementTree as ET

from markupsafe import Markup

from runner.report.charts import Specification
from runner.report.wording import shown

_VEGA_LITE = "5.20"
_SVG = "http://www.w3.org/2000/svg"
_ELEMENTS = frozenset({"svg", "g", "path", "line", "rect", "text", "tspan", "circle", "defs", "clipPath"})
_ATTRIBUTES = frozenset(
    {"viewBox", "d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "r", "cx", "cy", "dx", "dy", "id"}
    | {
        "transform",
        "fill",
        "stroke",
        "opacity",
        "fill-opacity",
        "stroke-opacity",
        "stroke-width",
        "clip-path",
    }
    | {"stroke-dasharray", "stroke-miterlimit", "stroke-linejoin", "stroke-linecap", "text-anchor", "display"}
    | {"font-family", "font-size", "font-weight", "rx", "ry"}
)
_REFERENCE = re.compile(r"url\(#([A-Za-z0-9_-]+)\)")


def draw(specification: Specification, *, name: str, label: str) -> Markup:
    """Draw a chart. `name` is one that no other chart of the page has, `label` says what it shows."""
    import vl_convert  # noqa: PLC0415 - 40 MB that only a report needs

    told = json.dumps(specification, allow_nan=False)
    drawn = ET.fromstring(  # noqa: S314 - as above
        vl_convert.vegalite_to_svg(told, vl_version=_VEGA_LITE, allowed_base_urls=[])
    )
    names: dict[str, str] = {}
    root = _cleaned(drawn, name, names)
    root.attrib |= {"role": "img", "aria-label": shown(label), "class": "chart"}
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - written by an XML writer


def _cleaned(element: ET.Element, name: str, names: dict[str, str]) -> ET.Element:
    """Copy what is known; the names within count up from the chart's own, however many were drawn before."""
    clean = ET.Element(_local(element.tag), {})
    clean.text, clean.tail = element.text, element.tail
    for key, value in element.attrib.items():
        if key in _ATTRIBUTES:
            clean.set(key, _renamed(key, value, name, names))
    clean.extend(_cleaned(child, name, names) for child in element if _local(child.tag) in _ELEMENTS)
    return clean


def _local(tag: str) -> str:
    return tag.removeprefix(f"{{{_SVG}}}")


def _renamed(key: str, value: str, name: str, names: dict[str, str]) -> str:
    if key == "id":
        return names.setdefault(value, f"{name}-{len(names) + 1}")
    return _REFERENCE.sub(lambda met: f"url(#{names.setdefault(met[1], f'{name}-{len(names) + 1}')})", value)
