"""`runner data`: what a training would see, shown; the rows kept where that is asked for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner import catalog
from runner import opening as openings
from runner.cli import main
from runner.clock import SystemClock
from runner.console.reading import Reading
from runner.errors import CloudUnavailable
from tests.unit.bench import AZURE

RECIPE = """\
version: 1
name: small
model:
  name: Phi-4
compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset:
  path: rows
  train: train
  validation: valid
  test: test
finetune:
  task: chat_completion
  parameters: {num_train_epochs: 2, per_device_train_batch_size: 4, max_seq_length: 512}
"""
BASE = Path(__file__).parents[2] / "runner" / "emulator" / "data" / "base_model" / "data"


def row(number: int, answer: str = "It is so.") -> dict[str, Any]:
    asked = {"role": "user", "content": f"What is {number}?"}
    return {"messages": [asked, {"role": "assistant", "content": answer}]}


def write(folder: Path, **splits: list[Any]) -> None:
    (folder / "rows").mkdir(exist_ok=True)
    for name, rows in splits.items():
        text = "".join(json.dumps(each) + "\n" for each in rows)
        (folder / "rows" / f"{name}.jsonl").write_text(text, encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(RECIPE, encoding="utf-8")
    write(tmp_path, train=[row(n) for n in range(8)], valid=[row(8), row(9)], test=[row(10)])
    return tmp_path


@dataclass
class Told:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON may be anything
        return json.loads(self.out)


@dataclass
class Runner:
    """Calls the verb, and reads what it said."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Told:
        self.capsys.readouterr()
        code = main(["data", "small.yaml", "--target", "azure", *words])
        return Told(code, *self.capsys.readouterr())


@pytest.fixture
def runner(capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(capsys)


def connect(monkeypatch: pytest.MonkeyPatch, files: Mapping[str, bytes] | None) -> None:
    """Have a registry with Phi-4, of which it hands the files out, or not."""

    def model_files(name: str, version: str) -> Mapping[str, bytes]:
        if files is None:
            raise CloudUnavailable(f"the files of {name} {version} cannot be reached")
        return files

    cloud = SimpleNamespace(
        target=AZURE,
        location="",
        registry=SimpleNamespace(
            model=lambda *_: catalog.model("azureml", "Phi-4"),
            component=lambda *_: catalog.component("chat_completion"),
            model_files=model_files,
        ),
        computes=SimpleNamespace(sizes=dict, get=lambda _: None, quota=lambda: ()),
    )
    monkeypatch.setattr(openings, "where", lambda *_: AZURE)
    monkeypatch.setattr(openings, "connected", lambda *_: cloud)


def of_the_base_model() -> dict[str, bytes]:
    files = [*BASE.glob("tokenizer/*"), BASE / "model" / "config.json"]
    return {file.name: file.read_bytes() for file in files}


def test_offline_tokens_are_an_estimate_and_the_steps_are_told(runner: Runner) -> None:
    told = runner("--offline")
    assert told.code == 0
    assert told.out.startswith("small on Azure\n\nrows\n  train       8 rows  16 turns  ")
    assert "\ntokens (estimated); the training takes in 512 of a row\n" in told.out
    assert (
        "\n  steps    about 4: 2 epochs of 2, 4 rows each (batch 4 x accumulation 1 x GPUs 1)\n" in told.out
    )
    assert "  note: tokens are an estimate, without the model's tokenizer (offline)" in told.out


def test_with_the_model_s_tokenizer_tokens_are_counted(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, of_the_base_model())
    said = runner("--output", "json").json
    figures = said["statistics"]
    assert (figures["basis"], figures["longest"]) == ("counted", 512)
    assert figures["origin"].startswith("Phi-4 ")
    assert figures["training"]["steps"] == 4
    assert figures["training"]["tokens"] == 2 * figures["splits"][0]["tokens"]
    assert [*said["splits"]] == ["train", "validation", "test"]
    assert said["preview"] == []
    told = runner()
    assert "\ntokens (counted, by the tokenizer of Phi-4 " in told.out
    assert f"  tokens   {figures['training']['tokens']:,} in all, " in told.out
    assert "  padding  " in told.out
    assert " of all positions with batches in random order; it would be " in told.out
    assert "  packing  " not in told.out
    told = runner("--set", "finetune.parameters.pad_to_max_length=true")
    assert "  packing  1 row of 512 tokens would save " in told.out


def test_what_depends_on_an_unknown_limit_is_not_known(runner: Runner) -> None:
    asked = ("--set", "model.name=Other", "--set", "finetune.parameters.max_seq_length=null")
    told = runner(*asked, "--offline")
    [train] = [line for line in told.out.splitlines() if line.startswith("  train") and "not known" in line]
    assert train.count("not known") == 2


def test_where_max_steps_decide_it_is_said(runner: Runner) -> None:
    told = runner("--offline", "--set", "finetune.parameters.max_steps=1")
    assert "  steps    about 1: max_steps decides, which makes 0.5 epochs of 2, 4 rows each " in told.out


def test_a_registry_that_does_not_hand_the_tokenizer_out_leaves_an_estimate(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, None)
    told = runner()
    assert told.code == 0
    assert "without the model's tokenizer (the files of Phi-4 " in told.out
    assert "; the training takes in 512 of a row" in told.out


def test_rows_alone_are_prepared_and_checked_without_asking_anyone(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openings, "reached", None)
    told = runner("--rows-only", "--output", "json")
    assert told.code == 0
    assert told.json["statistics"] is None
    assert told.json["splits"]["train"]["rows"] == 8
    assert len(told.json["splits"]["train"]["sha256"]) == 64


def test_bad_rows_are_told_and_nothing_is_kept(runner: Runner, folder: Path) -> None:
    write(folder, train=[row(1), {"messages": []}])
    told = runner("--rows-only", "--into", "kept")
    assert told.code == 3
    assert "messages-empty" in told.err
    assert "train.jsonl:2" in told.err
    assert not (folder / "kept").exists()


def test_rows_are_shown_escaped_and_cut(runner: Runner, folder: Path) -> None:
    write(folder, train=[row(1, "\x1b[31mred\x9b" + "x" * 500), row(2)])
    told = runner("--offline", "--preview", "1")
    assert "row 1 of train\n  user       What is 1?\n  assistant  \\x1b[31mred\\x9bxxx" in told.out
    assert "xxx… (509 characters)\n" in told.out
    assert "What is 2?" not in told.out
    assert "\x1b" not in told.out
    shown = runner("--offline", "--preview", "2", "--output", "json").json["preview"]
    assert [len(each[1]["content"]) < 430 for each in shown] == [True, True]


def test_without_being_asked_for_no_row_is_shown(runner: Runner) -> None:
    assert "What is" not in runner("--offline").out
    assert "What is" not in runner("--offline", "--output", "json").out


@pytest.mark.parametrize("asked", ["21", "-1", "two", "9" * 5000])
def test_more_rows_than_can_be_read_are_a_mistake_of_usage(runner: Runner, asked: str) -> None:
    with pytest.raises(SystemExit) as ended:
        runner("--preview", asked)
    assert ended.value.code == 2


def test_prepared_files_are_kept_and_equal_ones_stay(runner: Runner, folder: Path) -> None:
    assert runner("--rows-only", "--into", "kept").code == 0
    kept = {path.name: path.read_bytes() for path in (folder / "kept").iterdir()}
    assert sorted(kept) == ["test.jsonl", "train.jsonl", "validation.jsonl"]
    assert len(kept["train.jsonl"].splitlines()) == 8
    told = runner("--rows-only", "--into", "kept")
    assert told.code == 0
    assert told.out.endswith("\nkept in kept\n")


def test_the_list_of_rows_that_were_left_out_is_kept_with_the_others(runner: Runner, folder: Path) -> None:
    write(folder, train=[row(1), row(2), {"messages": []}])
    asked = ("--rows-only", "--into", "kept", "--set", "dataset.max_bad_rows=1")
    assert runner(*asked).code == 0
    listed = (folder / "kept" / "dropped.jsonl").read_bytes()
    assert [json.loads(line)["row"] for line in listed.splitlines()] == [3]
    assert runner(*asked).code == 0
    assert (folder / "kept" / "dropped.jsonl").read_bytes() == listed


def test_a_folder_with_other_files_of_those_names_is_left_as_it_is(runner: Runner, folder: Path) -> None:
    (folder / "kept").mkdir()
    (folder / "kept" / "test.jsonl").write_text("mine\n", encoding="utf-8")
    told = runner("--rows-only", "--into", "kept")
    assert told.code == 2
    assert "kept/test.jsonl is there and is not what was prepared" in told.err
    assert [path.name for path in (folder / "kept").iterdir()] == ["test.jsonl"]
    assert (folder / "kept" / "test.jsonl").read_text(encoding="utf-8") == "mine\n"


@pytest.mark.parametrize("name", ["validation.jsonl", "dropped.jsonl"])
def test_files_of_another_look_do_not_stay_beside_those_of_this_one(
    runner: Runner, folder: Path, name: str
) -> None:
    (folder / "kept").mkdir()
    (folder / "kept" / name).write_text("{}\n", encoding="utf-8")
    told = runner("--rows-only", "--into", "kept", "--set", "dataset.validation=null")
    assert told.code == 2
    assert f"kept/{name} is there and is not what was prepared" in told.err
    assert [path.name for path in (folder / "kept").iterdir()] == [name]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (RECIPE + "sweep: {grid: {finetune.parameters.lora_r: [1, 2]}}\n", "each point of the sweep"),
        ("version: 1\nname: small\nmodel: {name: Phi-4}\n", "no dataset section"),
    ],
)
def test_a_recipe_of_which_there_is_nothing_to_see_is_refused(
    runner: Runner, folder: Path, text: str, why: str
) -> None:
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    told = runner("--offline")
    assert (told.code, told.out) == (2, "")
    assert why in told.err


def test_rows_of_a_workspace_are_not_looked_at_offline(runner: Runner, folder: Path) -> None:
    text = RECIPE.replace("path: rows", 'azureml: chat\n  revision: "3"')
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    told = runner("--offline")
    assert told.code == 2
    assert "the rows are in the workspace, which --offline does not ask" in told.err


def test_rows_that_are_not_trained_on_are_told(runner: Runner, folder: Path) -> None:
    write(
        folder,
        train=[
            row(1),
            {"messages": [{**row(2)["messages"][0], "content": "word " * 5000}, *row(2)["messages"][1:]]},
        ],
    )
    told = runner("--offline")
    assert "  train: not trained on, since no answer is left within 512 tokens: 1 of 2 rows\n" in told.out


class Ticking(SystemClock):
    """A clock that a test sets."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at


def test_how_far_rows_are_is_said_now_and_then() -> None:
    clock = Ticking()
    said: list[str] = []
    reading = Reading(said.append, clock)
    reading("fetching train", 1_000_000, 9_000_000)
    clock.at = 2.5
    reading("fetching train", 4_500_000, 9_000_000)
    reading("fetching train", 5_000_000, 9_000_000)
    clock.at = 5.0
    reading("fetching train", 6_000_000, None)
    assert said == ["fetching train: 4.5 of 9.0 MB", "fetching train: 6.0 MB"]
