"""Templates and values to a page: everything escaped, nothing undefined, and a policy that lets nothing in.

The page is text alone. Its policy forbids scripts, connections, forms and every style but its own, whose
digest it names, so that even what slipped through could do nothing.
"""

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from runner.report.timeline import duration
from runner.report.wording import shown

_FOLDER = "templates"
_STYLE = "report.css"


def render(template: str, **values: Any) -> str:  # noqa: ANN401 - what each template takes
    """Fill in a template."""
    style = _read(_STYLE)
    page = _environment().get_template(template)
    return page.render(style=Markup(style), policy=_policy(style), **values)  # noqa: S704 - a file of ours


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"duration": duration}
    return made


def _finalized(given: object) -> object:
    """See that a text reaches the page through `shown` only; what a template or a drawing made has been."""
    return shown(given) if isinstance(given, str) and not isinstance(given, Markup) else given


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(_FOLDER, name).read_text(encoding="utf-8")
