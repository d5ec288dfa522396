"""From a text to its one document, which has to be a mapping."""

from collections.abc import Iterator
from itertools import islice

import yaml

from runner.yaml12.characters import hidden_characters, mask
from runner.yaml12.composing import Composer
from runner.yaml12.conflicts import merge_conflicts
from runner.yaml12.document import Document, Value
from runner.yaml12.events import events
from runner.yaml12.findings import Findings
from runner.yaml12.places import START, position_of
from runner.yaml12.problems import Fault

# A binary file would have a finding on every line.
_MOST_ALIKE = 100

_OTHER_VERSION = Fault(
    "yaml-version", "another YAML version is asked for", "delete the %YAML line: YAML 1.2 is read"
)
_TAG_DIRECTIVE = Fault("tag", "tags are not allowed", "delete the %TAG line")
_NOT_A_MAPPING = Fault("not-a-mapping", "this is no mapping of `key: value` lines")
_SECOND_DOCUMENT = Fault("second-document", "a second document begins here", "keep one document in a file")


def parse(text: str) -> Document:
    """Parse one document that is a mapping. Raises nothing: whatever is wrong stands in `problems`."""
    conflicts = tuple(islice(merge_conflicts(text), _MOST_ALIKE))
    if conflicts:
        return Document(value=None, problems=conflicts, complete=False)
    hidden = list(islice(hidden_characters(text), _MOST_ALIKE))
    hidden_lines = {problem.position.line for problem in hidden}
    findings = Findings(problems=hidden)
    readable = mask(text)
    stream = events(readable, findings)
    composer = Composer(stream, findings, readable, hidden_lines)
    value = _only_document(stream, composer, findings)
    return findings.document(value)


def _only_document(
    stream: Iterator[yaml.Event], composer: Composer, findings: Findings
) -> dict[str, Value] | None:
    next(stream, None)  # the stream's own start
    start = next(stream, None)
    if isinstance(start, yaml.DocumentStartEvent):
        _check_directives(start, findings)
        start = next(stream, None)
    value = composer.compose(start, (), 1)
    _check_end(stream, findings)
    if isinstance(value, dict):
        return value
    if not findings.halted:
        position = position_of(start.start_mark) if isinstance(start, yaml.NodeEvent) else START
        findings.refuse(_NOT_A_MAPPING.at(position))
    return None


def _check_directives(start: yaml.DocumentStartEvent, findings: Findings) -> None:
    position = position_of(start.start_mark)
    if start.version is not None and tuple(start.version) != (1, 2):
        findings.refuse(_OTHER_VERSION.at(position))
    if start.tags:
        findings.refuse(_TAG_DIRECTIVE.at(position))


def _check_end(stream: Iterator[yaml.Event], findings: Findings) -> None:
    next(stream, None)  # the document's own end
    after = next(stream, None)
    if isinstance(after, yaml.DocumentStartEvent):
        findings.complete = False
        findings.refuse(_SECOND_DOCUMENT.at(position_of(after.start_mark)))
