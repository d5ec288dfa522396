"""What a plan says of the rows, and what the dataset step records of them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from runner.dataset import PreparedSplit, silent
from runner.errors import StepFailed
from runner.execute.waiting import Interrupted
from runner.facts import TargetKind
from runner.recipe import Dataset, Model, Recipe, Sampling
from runner.statistics import from_json
from runner.steps import seen
from runner.steps.dataset import DatasetStep
from runner.steps.seen import asked, figures

if TYPE_CHECKING:
    from runner.steps.step import Context

HUB = Dataset(huggingface="lab/chat", train="train_sft", test="test_sft")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"percent": 5.0}, "5% of lab/chat"),
        ({"percent": 12.5, "sample": Sampling.RANDOM}, "a random 12.5% of lab/chat"),
        ({"sample": Sampling.RANDOM}, "100% of lab/chat"),
        ({"rows": 1000}, "the first 1,000 rows of lab/chat"),
        (
            {"rows": 1000, "sample": Sampling.RANDOM, "validation": "10%"},
            "1,000 random rows of lab/chat; 10% of them to validate on",
        ),
        (
            {"validation": "10%", "test": "2.5%"},
            "100% of lab/chat; 10% of them to validate on; 2.5% of them to test on",
        ),
    ],
)
def test_a_plan_says_how_much_of_which_data_set_is_taken(changed: dict[str, Any], said: str) -> None:
    assert asked(replace(HUB, **changed)) == said


def split(folder: Path, role: str, dropped: dict[str, int]) -> PreparedSplit:
    path = folder / f"{role}.jsonl"
    path.write_bytes(b"{}\n")
    return PreparedSplit(
        role=role,
        source="lab/chat",
        revision="c" * 40,
        path=path,
        source_rows=9,
        rows=1,
        bytes=3,
        sha256="d" * 64,
        turns=2,
        characters=5,
        dropped=dropped,
    )


def test_what_the_training_will_see_is_recorded_estimated_where_there_is_no_tokenizer(tmp_path: Path) -> None:
    def refused(*_: str) -> object:
        raise StepFailed("HTTP 403")

    rows = '{"messages": [{"role": "user", "content": "how?"}, {"role": "assistant", "content": "so"}]}\n'
    one = split(tmp_path, "train", {})
    one.path.write_text(rows, encoding="utf-8")
    context = SimpleNamespace(
        facts=SimpleNamespace(
            model=SimpleNamespace(name="Phi-4", version="8"), target=TargetKind.EMULATOR, today=None
        ),
        cloud=SimpleNamespace(registry=SimpleNamespace(model_files=refused)),
        effective=None,
        progress=silent,
    )
    told = figures(cast("Context", context), {"train": one})
    assert told is not None
    assert (told["basis"], told["splits"][0]["rows"]) == ("estimated", 1)
    assert from_json(told) is not None


def test_a_run_counts_the_tokens_of_less_than_people_may_wait_for_and_ends_when_it_is_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def to_stop(*_: object) -> None:
        raise Interrupted

    one = split(tmp_path, "train", {})
    rows = (
        '{"messages": [{"role": "user", "content": "how?"}, {"role": "assistant", "content": "so"}]}\n' * 200
    )
    one.path.write_text(rows, encoding="utf-8")
    prepared = {"train": replace(one, rows=200, bytes=len(rows))}
    context = SimpleNamespace(
        facts=SimpleNamespace(model=SimpleNamespace(name="Phi-4", version="8"), target=TargetKind.EMULATOR),
        cloud=SimpleNamespace(registry=SimpleNamespace(model_files=lambda *_: {})),
        effective=None,
        progress=silent,
    )
    assert seen.MOST_BYTES <= 8 * 1024 * 1024
    monkeypatch.setattr(seen, "MOST_BYTES", len(rows) // 2)
    told = figures(cast("Context", context), prepared)
    assert told is not None
    assert told["splits"][0]["looked_at"] == 100
    context.progress = to_stop
    with pytest.raises(Interrupted):
        figures(cast("Context", context), prepared)


def test_what_was_left_out_is_recorded_by_what_was_wrong_and_told(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    bad = {"train": {"empty-content": 1, "unknown-role": 3}, "test": {"empty-content": 1}}
    prepared = {role: split(tmp_path / "elsewhere", role, dropped) for role, dropped in bad.items()}
    (tmp_path / "elsewhere" / "dropped.jsonl").write_bytes(b"{}\n" * 4)
    recipe = Recipe(name="small", version=1, model=Model(name="Phi-4"), experiment="small", dataset=HUB)
    known = SimpleNamespace(
        recipe=recipe,
        facts=SimpleNamespace(model=None),
        cloud=SimpleNamespace(sources=None),
        run_folder=tmp_path / "run",
        prepared=prepared,
    )
    intent = DatasetStep().intend(cast("Context", known))
    assert {role: asset["dropped"] for role, asset in intent["assets"].items()} == bad
    assert intent["warnings"] == [
        "4 bad rows left out of train: 3 unknown-role, 1 empty-content",
        "1 bad row left out of test: 1 empty-content",
    ]
    assert (tmp_path / "run" / "data" / "dropped.jsonl").read_bytes() == b"{}\n" * 4
