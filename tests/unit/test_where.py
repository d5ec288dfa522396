"""The conditions of `runner runs --where`: what they mean, and that nothing else is read, or executed."""

import pytest

from runner.errors import UsageError
from runner.index.where import Facts, keys_of, parsed

RUN: Facts = {
    "status": "succeeded",
    "metrics.eval_loss": 1.5,
    "metrics.epoch": 3,
    "finetune.parameters.apply_lora": True,
    "finetune.parameters.precision": "16",
    "tags.cost-center": "llm-lab",
    "alive": ("endpoint e", "compute c"),
    "started": "2026-11-21T08:23:00.000Z",
}


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("metrics.eval_loss < 2", True),
        ("metrics.eval_loss<1.5", False),
        ("  2 >= metrics.eval_loss ", True),
        ("metrics.epoch == 3.0", True),
        ("1 < metrics.eval_loss < 2", True),
        ("1 < metrics.eval_loss < 1.2", False),
        ("metrics.eval_loss > -1e-5", True),
        ("status == 'succeeded' and not metrics.eval_loss > 2", True),
        ('status != "failed" and metrics["eval_loss"] == 1.5', True),
        ('tags["cost-center"] == "llm-lab"', True),
        ("finetune.parameters.apply_lora == true", True),
        ("finetune.parameters.apply_lora == True", True),
        ("finetune.parameters.apply_lora == 1", False),
        ("finetune.parameters.precision == 16", False),
        ("finetune.parameters.precision != 16", True),
        ("finetune.parameters.precision < 17", None),
        ("started > '2026-11-21' and started < '2026-11-22'", True),
        ("status in ('failed', 'succeeded')", True),
        ("status not in ['failed']", True),
        ("'ceed' in status", True),
        ("'endpoint e' in alive", True),
        ("'endpoint' in alive", False),
        ("alive", True),
        ("not alive", False),
        ("alive == true", True),
        ("alive != true", False),
        ("alive == ''", None),
        ("alive != ''", None),
        ("has(metrics.eval_loss) and not has(metrics['test_loss'])", True),
        ("not has(baseline.name)", True),
        ("has(tags['cost-center']) and alive and status == 'failed'", False),
        ("3 in status", None),
        ("nothing == 1", None),
        ("not nothing == 1", None),
        ("nothing != 1", None),
        ("nothing == 1 or status == 'succeeded'", True),
        ("nothing == 1 and status == 'failed'", False),
        ("nothing == 1 and status == 'succeeded'", None),
        ("(status == 'failed' or metrics.epoch == 3)\n and true == finetune.parameters.apply_lora", True),
    ],
)
def test_a_condition_holds_does_not_or_is_unknown(text: str, truth: object) -> None:
    assert parsed(text).holds(RUN) is truth


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("", 1, "a comparison"),
        ("status", 1, "a comparison"),
        ("status = 'x'", 8, "a comparison"),
        ("a < 1 and b", 11, "a comparison"),
        ("has()", 1, "has(metrics.eval_loss)"),
        ("not has(a, b)", 5, "has(metrics.eval_loss)"),
        ("has('a')", 1, "has(metrics.eval_loss)"),
        ("has(a, b=1)", 1, "has(metrics.eval_loss)"),
        ("has(open('x').y)", 5, "a key"),
        ("has(a) == true", 1, "a number, a text"),
        ("  a < 1 and b", 13, "a comparison"),
        ("'é' == a and b", 14, "a comparison"),
        ("a <", 4, "a comparison"),
        ("a < (1", 5, "a comparison"),
        ("1 < 2", 1, "a key"),
        ("a is 1", 1, "== or !="),
        ("a == None", 6, "a number, a text"),
        ("a == 1j", 6, "a number, a text"),
        ("a == b'x'", 6, "a number, a text"),
        ("a == 1 + 1", 6, "a number, a text"),
        ("a == -'x'", 6, "a number, a text"),
        ("a == (1, 2)", 6, "a number, a text"),
        ("a in 3", 6, "values in parentheses"),
        ("tags[0] == 1", 6, "as in tags"),
        ("tags[a] == 1", 1, "a key"),
        ("open('x') == 1", 1, "a number, a text"),
        ("a.b() == 1", 1, "a number, a text"),
        ("a().b == 1", 1, "a key"),
        ("(lambda: 1) == a", 2, "a number, a text"),
        ("[a for a in b] == c", 1, "a number, a text"),
        ("__import__('os').system('x') == 1", 1, "a number, a text"),
        ("(a := 1) == a", 2, "a number, a text"),
        ("f'{a}' == a", 1, "a number, a text"),
        ("a == 1; b == 2", 7, "a comparison"),
        ("a == '\x00'", 9, "a comparison"),
    ],
)
def test_a_mistake_names_its_column_and_what_was_expected(text: str, column: int, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(text)
    assert caught.value.message.startswith(f"--where, column {column}: ")
    assert f"expected {expected}" in caught.value.message or expected in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "a == " + "- " * 990 + "1",
        "(" * 900 + "a == 1" + ")" * 900,
        "a." * 990 + "a == 1",
        "a == 1 and " * 5000 + "a == 1",
    ],
)
def test_what_is_nested_or_long_without_end_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--where, column .*(too long|too deeply|cannot be read)"):
        parsed(text)


def test_many_words_are_read() -> None:
    assert parsed("not " * 300 + "a == 1").holds({"a": 1}) is True
    assert parsed("a == 1 and " * 150 + "a == 1").holds({"a": 1}) is True


def test_where_nothing_is_alive_the_list_is_empty_and_not_unknown() -> None:
    nothing: Facts = {"alive": ()}
    assert parsed("alive").holds(nothing) is False
    assert parsed("not 'endpoint e' in alive").holds(nothing) is True
    assert parsed("alive").holds({}) is None


def test_every_key_that_is_asked_for_is_known() -> None:
    asked = parsed("a < b and not has(c.d) or alive")
    assert keys_of(asked) == ("a", "b", "c.d", "alive")
