"""Turns a file into a Recipe, or into everything that is wrong with it, each at its line and column.

The YAML, the schema and the rules between sections are checked in one pass: a mistake of one kind never
hides one of another where it can still be seen. No value is ever repeated in a message, since nobody knows
what was pasted there.
"""

import difflib
import hashlib
import importlib.resources
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import parameters
from runner.catalog import component
from runner.errors import Diagnostic, RecipeInvalid, Severity
from runner.recipe import (
    Cleanup,
    Compute,
    Dataset,
    Deployment,
    Endpoint,
    Finetune,
    Model,
    Probe,
    Recipe,
    Register,
    Sample,
    Tier,
    Workspace,
)
from runner.redact import redact
from runner.yaml12 import (
    START,
    Document,
    Key,
    Position,
    Problem,
    Unreadable,
    Value,
    decode,
    parse,
    read_bytes,
    resolve,
)

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

__all__ = [
    "Loaded",
    "Position",
    "Source",
    "UnsetVariable",
    "interpolate",
    "load",
    "load_bytes",
    "read_schema",
    "resolve_workspace",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The file a recipe came from: `path` as it was given, `folder` where relative paths start.

    `digest` is the SHA-256 of its bytes in hex. `positions` says where each value stands, `key_positions`
    where each key does.
    """

    path: str
    folder: Path
    text: str
    digest: str
    positions: Mapping[Key, Position]
    key_positions: Mapping[Key, Position]

    def locate(self, key: Key) -> Position:
        """Give the position of a value; of what should hold it, if it is absent."""
        nearest = (key[:length] for length in range(len(key), -1, -1))
        return next((self.positions[path] for path in nearest if path in self.positions), START)

    def diagnostic(  # noqa: PLR0913 - these are a Diagnostic's own fields
        self,
        key: Key,
        *,
        code: str,
        message: str,
        expected: str = "",
        mend: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Diagnostic:
        """Make a diagnostic about the value at `key`."""
        mistake = _Mistake(
            key=key, code=code, message=message, expected=expected, mend=mend, severity=severity
        )
        return _placed(mistake, self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A recipe that can be meant as written; `notices` (warnings, too) do not refuse it."""

    recipe: Recipe
    source: Source
    notices: tuple[Diagnostic, ...] = ()


class UnsetVariable(Exception):
    """A text asks for a variable that the environment does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the environment variable {name} is not set")
        self.name = name


def load(path: Path) -> Loaded:
    """Read a recipe. Raises RecipeInvalid with every diagnostic, in the order of the file."""
    try:
        content = read_bytes(path)
    except Unreadable as unreadable:
        raise _invalid(str(path), [_from_problem(unreadable.problem, str(path))]) from unreadable
    return load_bytes(content, path)


def load_bytes(content: bytes, path: Path) -> Loaded:
    """Do as `load` does with a recipe that was read before, such as the one kept in a manifest.

    `path` says where it came from; no file need be there any more.
    """
    try:
        text = decode(content)
    except Unreadable as unreadable:
        raise _invalid(str(path), [_from_problem(unreadable.problem, str(path))]) from unreadable
    document = parse(text)
    source = Source(
        path=str(path),
        folder=path.resolve().parent,
        text=text,
        digest=hashlib.sha256(content).hexdigest(),
        positions=document.places,
        key_positions=document.key_places,
    )
    diagnostics = sorted(_diagnostics(document, source), key=_place)
    if document.value is None or any(found.severity is Severity.ERROR for found in diagnostics):
        raise _invalid(source.path, diagnostics)
    return Loaded(recipe=_recipe(document.value), source=source, notices=tuple(diagnostics))


def interpolate(text: str, environment: Mapping[str, str]) -> str:
    """Fill in every `${env:NAME}`. Raises UnsetVariable; an empty variable counts as unset."""

    def value(match: re.Match[str]) -> str:
        found = environment.get(match["name"], "")
        if not found:
            raise UnsetVariable(match["name"])
        return found

    return _REFERENCE.sub(value, text)


def resolve_workspace(loaded: Loaded, environment: Mapping[str, str]) -> Workspace:
    """Fill in the workspace section; raises RecipeInvalid placed at each value that cannot be had.

    Only for a recipe that has the section: ValueError for one that has not.
    """
    workspace = loaded.recipe.workspace
    if workspace is None:
        raise ValueError("the recipe has no workspace section")
    values: dict[str, str] = {}
    diagnostics = []
    for field in fields(workspace):
        text = getattr(workspace, field.name)
        try:
            if text is not None:
                values[field.name] = interpolate(text, environment)
        except UnsetVariable as unset:
            mend = f"export {unset.name}, or run with --target emulator"
            diagnostics.append(
                loaded.source.diagnostic(
                    ("workspace", field.name), code="env-unset", message=str(unset), mend=mend
                )
            )
    if diagnostics:
        raise _invalid(loaded.source.path, diagnostics)
    return replace(workspace, **values)


def read_schema(name: str) -> Mapping[str, Any]:
    """Read a schema by its file's name, from the installed package or from the checkout."""
    installed = importlib.resources.files("runner").joinpath("schemas", name)
    checkout = Path(__file__).parent.parent / "schemas" / name
    text = installed.read_text("utf-8") if installed.is_file() else checkout.read_text("utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema


# --- from findings to diagnostics ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mistake:
    """A finding before it has a place. `at_key`: it is shown at the key, not at its value."""

    key: Key
    code: str
    message: str
    expected: str = ""
    mend: str = ""
    severity: Severity = Severity.ERROR
    at_key: bool = False


# What is concluded from something not being there; not to be said of a file that was read in part.
_FROM_ABSENCE = frozenset(
    {"missing-key", "needs-section", "one-source", "workspace-incomplete", "traffic-sum"}
)


def _diagnostics(document: Document, source: Source) -> Iterator[Diagnostic]:
    for problem in document.problems:
        yield _from_problem(problem, source.path)
    if document.value is None:
        return
    texts = [*_misplaced_references(document.value), *_secrets(document.value)]
    spoken_of = {mistake.key for mistake in texts}
    others = [
        mistake
        for mistake in [*_schema_mistakes(document.value), *_rule_mistakes(document.value)]
        if (document.complete or mistake.code not in _FROM_ABSENCE)
        and (mistake.at_key or mistake.key not in spoken_of)
    ]
    for mistake in [*texts, *others]:
        if not _is_under(mistake.key, document.spoiled):
            yield _placed(mistake, source)


def _is_under(key: Key, paths: frozenset[Key]) -> bool:
    return any(key[:length] in paths for length in range(len(key) + 1))


def _placed(mistake: _Mistake, source: Source) -> Diagnostic:
    position = source.locate(mistake.key)
    if mistake.at_key:
        position = source.key_positions.get(mistake.key, position)
    return Diagnostic(
        path=source.path,
        line=position.line,
        column=position.column,
        code=mistake.code,
        key=_dotted(mistake.key),
        message=mistake.message,
        expected=mistake.expected,
        mend=mistake.mend,
        severity=mistake.severity,
    )


def _from_problem(problem: Problem, path: str) -> Diagnostic:
    return Diagnostic(
        path=path,
        line=problem.position.line,
        column=problem.position.column,
        code=problem.code,
        key=_dotted(problem.key),
        message=problem.message,
        expected=problem.expected,
        mend=problem.mend,
    )


def _dotted(key: Key) -> str:
    return ".".join(_short(str(part)) for part in key)


def _short(text: str) -> str:
    shown = redact(text[:_LONGEST_SHOWN])
    return shown if len(text) <= _LONGEST_SHOWN else f"{shown}…"


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    return diagnostic.line, diagnostic.column


def _invalid(path: str, diagnostics: Iterable[Diagnostic]) -> RecipeInvalid:
    return RecipeInvalid(f"{path} is not a recipe that can be run", tuple(diagnostics))


_LONGEST_SHOWN = 64

# --- the schema ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Violation:
    """What jsonschema found, less its message: that repeats the value."""

    key: Key
    keyword: str
    wanted: Any
    value: Any
    schema: Mapping[str, Any]
    of_name: bool


@cache
def _validator() -> "Validator":
    """Build the validator, without any way to a schema elsewhere and without Python's idea of integers."""
    # jsonschema takes a tenth of a second to import: only who loads a recipe pays for it.
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    extend: Callable[..., type[Validator]] = validators.extend
    strict = extend(Draft202012Validator, validators={"pattern": _check_pattern}, type_checker=checker)
    return strict(read_schema("recipe.schema.json"), registry=Registry())


def _is_integer(_checker: object, instance: object) -> bool:
    return isinstance(instance, int) and not isinstance(instance, bool)


def _check_pattern(
    _validator: object, pattern: str, instance: object, schema: Mapping[str, Any]
) -> Iterator["ValidationError"]:
    """Match the whole text: Python's `$` lets a newline follow. Too long a text is not matched at all."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - as above

    if not isinstance(instance, str) or len(instance) > schema.get("maxLength", len(instance)):
        return
    if not re.fullmatch(pattern, instance):
        yield ValidationError("")


def _schema_mistakes(tree: Value) -> list[_Mistake]:
    """Give one mistake a value, in our own words; unknown and missing keys each their own."""
    found: dict[tuple[Key, str], _Mistake] = {}
    for violation in _violations(tree):
        for mistake in _in_our_words(violation):
            kind = mistake.code if mistake.code in {"unknown-key", "missing-key"} else "value"
            found.setdefault((mistake.key, kind), mistake)
    return list(found.values())


def _violations(tree: Value) -> Iterator[_Violation]:
    for error in _validator().iter_errors(tree):
        known: Any = error
        yield _Violation(
            key=tuple(known.absolute_path),
            keyword=known.validator,
            wanted=known.validator_value,
            value=known.instance,
            schema=known.schema,
            of_name="propertyNames" in known.absolute_schema_path,
        )


def _in_our_words(violation: _Violation) -> Iterable[_Mistake]:
    if violation.of_name:
        return [_bad_name(violation)]
    several = {"additionalProperties": _unknown_keys, "required": _missing_keys}
    if violation.keyword in several:
        return several[violation.keyword](violation)
    return [_wrong_type(violation) if violation.keyword == "type" else _wrong_value(violation)]


def _bad_name(violation: _Violation) -> _Mistake:
    key = (*violation.key, violation.value)
    expected = f"must be {violation.schema['x-rule']}"
    return _Mistake(key=key, code="bad-key", message="no such name", expected=expected, at_key=True)


def _missing_keys(violation: _Violation) -> Iterator[_Mistake]:
    for name in violation.wanted:
        if name not in violation.value:
            yield _Mistake(key=(*violation.key, name), code="missing-key", message="is missing")


def _unknown_keys(violation: _Violation) -> Iterator[_Mistake]:
    known = list(violation.schema["properties"])
    for name in violation.value:
        if name not in known:
            key, mend = (*violation.key, name), _mend_unknown(name, known)
            yield _Mistake(key=key, code="unknown-key", message="no such key", mend=mend, at_key=True)


def _mend_unknown(name: str, known: list[str]) -> str:
    close = _closest(name, known)
    if close:
        return f"did you mean {close}?"
    if _SECRET_LIKE.search(name[:_LONGEST_SHOWN]):
        return "keep secrets out of recipes: sign in with `az login`, or name a variable of the environment"
    homes = [section for section, keys in _keys_of_sections().items() if name in keys]
    return f"it belongs to {' or '.join(homes)}" if homes else f"known here: {', '.join(known)}"


@cache
def _keys_of_sections() -> Mapping[str, frozenset[str]]:
    sections = read_schema("recipe.schema.json")["properties"]
    return {name: frozenset(section.get("properties", ())) for name, section in sections.items()}


def _closest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name[:_LONGEST_SHOWN].lower(), list(known), n=1)
    return close[0] if close else ""


_SECRET_LIKE = re.compile(r"(?i)password|secret|token|credential|api_?key|access_?key|connection_?string")
_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
}


def _wrong_type(violation: _Violation) -> _Mistake:
    wanted = [violation.wanted] if isinstance(violation.wanted, str) else violation.wanted
    return _Mistake(
        key=violation.key,
        code="wrong-type",
        message=f"is {_kind(violation.value)}",
        expected=f"must be {' or '.join(_KINDS[name] for name in wanted)}",
        mend=_mend_type(violation.value, wanted),
    )


def _kind(value: Value) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, float):
        return "a number with a fraction or exponent"
    kinds: dict[type, str] = {int: "a number", str: "text", list: "a list", dict: "a mapping"}
    return kinds[type(value)]


def _mend_type(value: Value, wanted: list[str]) -> str:
    if value is None:
        return "fill it in, or delete the line"
    if "string" in wanted and isinstance(value, bool | int | float):
        return "put it in quotes"
    if isinstance(value, str) and {"integer", "number"}.intersection(wanted) and _reads_as_number(value):
        return "write it without quotes"
    return ""


def _reads_as_number(text: str) -> bool:
    try:
        return isinstance(resolve(text), int | float)
    except (ValueError, OverflowError):
        return False


# The code and the sentence of each keyword of the schema; `enum`, `type` and those about keys have their own.
_SENTENCES = {
    "const": ("not-allowed-value", "must be {}"),
    "minimum": ("out-of-range", "must be at least {}"),
    "maximum": ("out-of-range", "must be at most {}"),
    "exclusiveMinimum": ("out-of-range", "must be above {}"),
    "minProperties": ("wrong-length", "must have at least {} entry"),
    "maxProperties": ("wrong-length", "must have at most {} entries"),
    "minLength": ("wrong-length", "must be at least {} characters long"),
    "maxLength": ("wrong-length", "must be at most {} characters long"),
}


def _wrong_value(violation: _Violation) -> _Mistake:
    if violation.keyword == "enum":
        return _not_allowed(violation)
    if isinstance(violation.value, str) and "x-rule" in violation.schema:
        message = f"must be {violation.schema['x-rule']}"
        return _Mistake(key=violation.key, code="wrong-form", message=message)
    code, sentence = _SENTENCES[violation.keyword]
    return _Mistake(key=violation.key, code=code, message=sentence.format(violation.wanted))


def _not_allowed(violation: _Violation) -> _Mistake:
    close = _closest(violation.value, violation.wanted) if isinstance(violation.value, str) else ""
    return _Mistake(
        key=violation.key,
        code="not-allowed-value",
        message=f"must be one of {', '.join(violation.wanted)}",
        mend=f"did you mean {close}?" if close else "",
    )


# --- texts --------------------------------------------------------------------------------------------------

_REFERENCE = re.compile(r"\$\{env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
_ENV = "${env:"


def _texts(value: Value, key: Key = ()) -> Iterator[tuple[Key, str]]:
    """Walk over every text in the tree."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, (*key, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*key, index))


def _misplaced_references(tree: Value) -> Iterator[_Mistake]:
    for key, text in _texts(tree):
        if key[0] != "workspace":
            if _ENV in text:
                mend = "write the value itself"
                message = "only the workspace section may take values from the environment"
                yield _Mistake(key=key, code="env-not-allowed-here", message=message, mend=mend)
        elif "${" in _REFERENCE.sub("", text):
            message = "is no reference to the environment"
            yield _Mistake(key=key, code="bad-env-reference", message=message, mend="write ${env:NAME}")


def _secrets(tree: Value) -> Iterator[_Mistake]:
    """Find what has a secret's shape: the recipe is copied into manifests and committed."""
    for key, text in _texts(tree):
        if redact(text) != text:
            mend = "delete it here and revoke it: the file may already be in git"
            yield _Mistake(key=key, code="secret-in-recipe", message="looks like a secret", mend=mend)


# --- the rules between sections -----------------------------------------------------------------------------

Tree = Mapping[str, Value]

# What each section works on, and why it cannot do without.
_NEEDS: Mapping[str, Mapping[str, str]] = {
    "finetune": {"compute": "a cluster to train on", "dataset": "rows to train on"},
    "register": {"finetune": "a model that was fine-tuned"},
    "deployment": {"endpoint": "an endpoint to stand behind", "register": "a registered model to serve"},
    "traffic": {"deployment": "a deployment to lead to"},
    "sample": {
        "dataset": "a test split to take prompts from",
        "deployment": "a deployment that answers",
        "traffic": "traffic that leads to the deployment",
    },
}
_SOURCES = ("huggingface", "path", "azureml")
_WORKSPACE_IDS = ("subscription_id", "resource_group", "workspace_name")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ALL_TRAFFIC = 100
_MOST_PARAMETERS = 200  # the schema refuses more; looking up close names for thousands takes seconds


def _rule_mistakes(tree: Tree) -> Iterator[_Mistake]:
    for rule in _RULES:
        yield from rule(tree)


def _section(tree: Tree, *names: str) -> Mapping[str, Value]:
    """Give a section's mapping; an empty one where there is none, since the schema speaks of that."""
    value: Value = dict(tree)
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _needed_sections(tree: Tree) -> Iterator[_Mistake]:
    for section, needs in _NEEDS.items():
        for needed, reason in needs.items():
            if section in tree and needed not in tree:
                yield _Mistake(
                    key=(section,),
                    code="needs-section",
                    message=f"needs the section {needed}: {reason}",
                    mend=f"add {needed}, or leave {section} out",
                    at_key=True,
                )


def _one_source(tree: Tree) -> Iterator[_Mistake]:
    dataset = _section(tree, "dataset")
    given = [name for name in _SOURCES if name in dataset]
    if dataset and not given:
        message = "says nowhere where the rows come from"
        expected = "exactly one of huggingface, path, azureml"
        yield _Mistake(key=("dataset",), code="one-source", message=message, expected=expected)
    for name in given[1:]:
        message = f"a second source beside {given[0]}"
        yield _Mistake(
            key=("dataset", name), code="two-sources", message=message, mend="keep one", at_key=True
        )
    if "revision" in dataset and given == ["path"]:
        message = "goes with huggingface or azureml only"
        yield _Mistake(
            key=("dataset", "revision"), code="no-revision", message=message, mend="delete it", at_key=True
        )


def _same_split(tree: Tree) -> Iterator[_Mistake]:
    dataset = _section(tree, "dataset")
    for name in ("validation", "test"):
        if name in dataset and dataset[name] == dataset.get("train"):
            yield _Mistake(
                key=("dataset", name),
                code="same-split",
                message="is the split that is trained on: its figures will flatter",
                severity=Severity.WARNING,
            )


def _whole_workspace(tree: Tree) -> Iterator[_Mistake]:
    workspace = _section(tree, "workspace")
    if "workspace" not in tree or not isinstance(tree["workspace"], dict):
        return
    given = [name for name in _WORKSPACE_IDS if name in workspace]
    absent = [name for name in _WORKSPACE_IDS if name not in workspace]
    if "config_file" in workspace:
        for name in given:
            message = "config_file says this already"
            yield _Mistake(
                key=("workspace", name), code="two-workspaces", message=message, mend="keep one", at_key=True
            )
    elif absent:
        message = f"lacks {', '.join(absent)}"
        mend = "give all three ids or config_file; leave the section out for the emulator"
        yield _Mistake(key=("workspace",), code="workspace-incomplete", message=message, mend=mend)


def _subscription(tree: Tree) -> Iterator[_Mistake]:
    value = _section(tree, "workspace").get("subscription_id")
    if isinstance(value, str) and "${" not in value and not _GUID.fullmatch(value):
        yield _Mistake(
            key=("workspace", "subscription_id"),
            code="unusual-subscription",
            message="is no subscription id as Azure gives them (is it the name?)",
            expected="8-4-4-4-12 hexadecimal digits",
            severity=Severity.WARNING,
        )


def _instances(tree: Tree) -> Iterator[_Mistake]:
    compute = _section(tree, "compute")
    least, most = compute.get("min_instances", 0), compute.get("max_instances", 1)
    if not isinstance(least, int) or not isinstance(most, int):
        return
    if least > most:
        message = f"must be at most max_instances, which is {most}"
        yield _Mistake(key=("compute", "min_instances"), code="out-of-range", message=message)
    nodes = _section(tree, "finetune", "parameters").get("num_nodes_finetune")
    if isinstance(nodes, int) and nodes > most and compute:
        message = f"must be at most compute.max_instances, which is {most}: the job would wait forever"
        yield _Mistake(
            key=("finetune", "parameters", "num_nodes_finetune"), code="out-of-range", message=message
        )


def _liveness(tree: Tree) -> Iterator[_Mistake]:
    if _section(tree, "deployment", "liveness_probe").get("success_threshold", 1) != 1:
        yield _Mistake(
            key=("deployment", "liveness_probe", "success_threshold"),
            code="not-allowed-value",
            message="must be 1 for the liveness probe",
        )


def _lower_case(tree: Tree) -> Iterator[_Mistake]:
    name = _section(tree, "deployment").get("name")
    if isinstance(name, str) and name != name.lower():
        yield _Mistake(
            key=("deployment", "name"),
            code="lower-cased",
            message="Azure ML turns deployment names to lower case",
            severity=Severity.NOTICE,
        )


def _traffic(tree: Tree) -> Iterator[_Mistake]:
    """Check names without regard to case: the service turns them to lower case."""
    traffic, name = _section(tree, "traffic"), _section(tree, "deployment").get("name")
    if isinstance(name, str):
        for stranger in traffic:
            if stranger.lower() != name.lower():
                message = "is not the recipe's deployment"
                yield _Mistake(
                    key=("traffic", stranger),
                    code="unknown-deployment",
                    message=message,
                    expected=f"must be {_short(name)}",
                    at_key=True,
                )
    shares = [share for share in traffic.values() if isinstance(share, int)]
    if shares and len(shares) == len(traffic) and sum(shares) not in {0, _ALL_TRAFFIC}:
        message = "must add up to 100, or to 0"
        yield _Mistake(key=("traffic",), code="traffic-sum", message=message)
    elif "sample" in tree and shares and not any(shares):
        message = "no traffic leads to the deployment"
        yield _Mistake(
            key=("sample",),
            code="sample-without-traffic",
            message=message,
            mend="give it 100 percent, or leave sample out",
            at_key=True,
        )


def _parameters(tree: Tree) -> Iterator[_Mistake]:
    finetune = _section(tree, "finetune")
    task, version = finetune.get("task"), finetune.get("component_version", "latest")
    known = component(task) if isinstance(task, str) else None
    if known is None:
        return
    checked = version in {"latest", known.version}
    given = _section(tree, "finetune", "parameters")
    for name, value in islice(given.items(), _MOST_PARAMETERS):
        key = ("finetune", "parameters", name)
        if _is_derived(name) and (name in known.inputs or not checked):
            yield _derived(key, name)
        elif checked and isinstance(value, str | int | float):
            yield from _checked(key, parameters.check(name, value, known))
    if not checked:
        yield _Mistake(
            key=("finetune", "component_version"),
            code="parameters-unchecked",
            message=f"the parameters were not checked: only the inputs of {known.version} are known offline",
            severity=Severity.NOTICE,
        )


def _checked(key: Key, finding: parameters.Finding | None) -> Iterator[_Mistake]:
    if finding is not None:
        yield _Mistake(
            key=key,
            code=finding.code,
            message=finding.message,
            expected=finding.expected,
            mend=finding.mend,
            at_key=finding.code == "unknown-parameter",
        )


def _is_derived(name: str) -> bool:
    return parameters.is_derived(name) or name.startswith("instance_type_")


def _derived(key: Key, name: str) -> _Mistake:
    return _Mistake(
        key=key,
        code="derived-parameter",
        message="follows from other sections",
        mend=f"delete it here and set {_origin(name)}",
        at_key=True,
    )


def _origin(name: str) -> str:
    """Name the place in a recipe that decides an input the recipe may not set."""
    if name.startswith("compute_"):
        return "compute.name"
    if name.startswith("instance_type_"):
        return "compute.size"
    if name == "number_of_gpu_to_use_finetuning":
        return "compute.gpus_per_node"
    if name.endswith(("_file_path", "_mltable_path")):
        return "dataset"
    return "model"


_RULES: tuple[Callable[[Tree], Iterator[_Mistake]], ...] = (
    _needed_sections,
    _one_source,
    _same_split,
    _whole_workspace,
    _subscription,
    _instances,
    _liveness,
    _lower_case,
    _traffic,
    _parameters,
)

# --- the recipe ---------------------------------------------------------------------------------------------


def _recipe(tree: Mapping[str, Any]) -> Recipe:
    """Make the values; the tree has passed every check."""
    values = {**tree, "experiment": tree.get("experiment", tree["name"])}
    for name, build in _SECTIONS.items():
        if name in values:
            values[name] = build(values[name])
    return Recipe(**values)


def _compute(section: dict[str, Any]) -> Compute:
    return Compute(**{**section, "tier": Tier(section.get("tier", Tier.DEDICATED))})


def _dataset(section: dict[str, Any]) -> Dataset:
    return Dataset(**{**section, "percent": float(section.get("percent", 100))})


def _deployment(section: dict[str, Any]) -> Deployment:
    probes: dict[str, Any] = {
        name: Probe(**section[name]) for name in ("liveness_probe", "readiness_probe") if name in section
    }
    return Deployment(**{**section, **probes})


def _model(section: dict[str, Any]) -> Model:
    return Model(**{**section, "version": str(section.get("version", "latest"))})


_SECTIONS: Mapping[str, Callable[[Any], object]] = {
    "workspace": lambda section: Workspace(**section),
    "model": _model,
    "compute": _compute,
    "dataset": _dataset,
    "finetune": lambda section: Finetune(**section),
    "register": lambda section: Register(**section),
    "endpoint": lambda section: Endpoint(**section),
    "deployment": _deployment,
    "sample": lambda section: Sample(**section),
    "cleanup": Cleanup,
}
