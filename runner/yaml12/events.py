"""PyYAML's events of a text, as far as it can be read."""

from collections.abc import Iterator

import yaml

from runner.yaml12.blame import is_to_blame
from runner.yaml12.findings import Findings
from runner.yaml12.syntax import syntax_problem

_PARSER: type[yaml.CLoader] | type[yaml.Loader] = getattr(yaml, "CLoader", yaml.Loader)


def events(text: str, findings: Findings) -> Iterator[yaml.Event]:
    """Give the events one by one, until reading is halted; a syntax error halts it."""
    last: yaml.Event | None = None
    try:
        parser = _PARSER(text)
        while not findings.halted and (event := parser.get_event()) is not None:
            last = event if isinstance(event, yaml.NodeEvent) else last
            yield event
    except (yaml.YAMLError, ValueError) as error:
        problem = syntax_problem(error, text, last)
        findings.halt(problem)
        if is_to_blame(last, problem.position):
            findings.spoil(findings.latest)
