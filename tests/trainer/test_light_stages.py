from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainer.conftest import Trainer

ROW = {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "secret words"}]}


def test_the_bundled_model_and_data_pass_validation(
    trainer: Trainer, base_model: Path, chat_data: Path
) -> None:
    data = {"train_file_path": chat_data / "train.jsonl", "test_file_path": chat_data / "test.jsonl"}
    trainer.inputs = {"apply_deepspeed": "true", "precision": "16"}
    ended = trainer.run("validate", {"mlflow_model_path": base_model, **data})
    assert (ended.code, ended.last_line) == (0, "validation passed")
    assert "apply_deepspeed=true (there is no GPU here, so DeepSpeed is not used)" in ended.log
    assert "precision=16" in ended.log


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (b"", "train_file_path: has no rows"),
        (b"\xff\n", "train_file_path: not UTF-8 at byte 0"),
        (b'{"messages": [}', "line 1: is not JSON"),
        (b"[" * 100_000, "line 1: is not JSON"),
        (b'["secret words"]', "line 1: must be an object with the key messages"),
        (b'{"text": "secret words"}', "line 1: must be an object with the key messages"),
        (b'{"messages": []}', "line 1: messages must be a list with at least one message"),
        (b'{"messages": ["secret words"]}', "line 1: messages[0] must be an object with role and content"),
        (
            b'{"messages": [{"role": "secret words", "content": ""}]}',
            "line 1: messages[0].role must be one of",
        ),
        (b'{"messages": [{"role": "user", "content": 7}]}', "line 1: messages[0].content must be text"),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', "line 1: messages[0].content holds half"),
        (
            b'{"messages": [{"role": "user", "content": "secret words"}]}',
            "line 1: messages must hold an answer",
        ),
        (json.dumps(ROW).encode() + b"\n\nsecret words", "line 3: is not JSON"),
    ],
)
def test_a_wrong_row_is_told_by_its_line_and_never_shown(
    trainer: Trainer, base_model: Path, tmp_path: Path, rows: bytes, sentence: str
) -> None:
    (tmp_path / "train.jsonl").write_bytes(rows)
    paths = {"mlflow_model_path": base_model, "train_file_path": tmp_path / "train.jsonl"}
    ended = trainer.run("validate", paths)
    assert ended.code == 1
    assert ended.last_line.startswith("ERROR DataInvalid: train_file_path")
    assert sentence in ended.last_line
    assert "secret words" not in ended.log


def test_a_table_or_a_folder_without_mlmodel_is_refused(
    trainer: Trainer, base_model: Path, tmp_path: Path
) -> None:
    ended = trainer.run("validate", {"mlflow_model_path": tmp_path, "train_file_path": tmp_path})
    assert ended.last_line.startswith("ERROR ModelInvalid: mlflow_model_path has no file MLmodel")
    ended = trainer.run("validate", {"mlflow_model_path": base_model, "train_mltable_path": tmp_path})
    assert ended.last_line.startswith("ERROR ParameterInvalid: train_mltable_path is refused")


def test_a_wrong_parameter_ends_validation(trainer: Trainer, base_model: Path) -> None:
    trainer.inputs = {"lora_r": "0"}
    ended = trainer.run("validate", {"mlflow_model_path": base_model})
    assert (ended.code, ended.last_line[:40]) == (1, "ERROR ParameterInvalid: lora_r must be f")


def test_pickled_weights_are_refused(trainer: Trainer, base_model: Path, tmp_path: Path) -> None:
    shutil.copytree(base_model, tmp_path / "base")
    (tmp_path / "base" / "data" / "model" / "pytorch_model.bin").write_bytes(b"")
    ended = trainer.run(
        "import_model", {"mlflow_model_path": tmp_path / "base"}, {"output_dir": tmp_path / "out"}
    )
    assert ended.last_line.startswith("ERROR ModelInvalid: pytorch_model.bin is refused")


@pytest.mark.parametrize("keep", [0, 7, 5000])
def test_cut_weights_are_refused(trainer: Trainer, base_model: Path, tmp_path: Path, keep: int) -> None:
    shutil.copytree(base_model, tmp_path / "base")
    weights = tmp_path / "base" / "data" / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    ended = trainer.run(
        "import_model", {"mlflow_model_path": tmp_path / "base"}, {"output_dir": tmp_path / "out"}
    )
    assert ended.last_line == "ERROR ModelInvalid: model.safetensors is not a whole safetensors file"


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ((), (80, 10, 10)),
        (("test",), (80, 20, 5)),
        (("validation",), (80, 5, 20)),
        (("validation", "test"), (100, 5, 5)),
    ],
)
def test_missing_splits_come_out_of_train(
    trainer: Trainer, base_model: Path, tmp_path: Path, given: tuple[str, ...], sizes: tuple[int, int, int]
) -> None:
    paths = {
        "model_selector_output": base_model,
        "train_file_path": _rows(tmp_path / "train.jsonl", 100),
    }
    paths |= {f"{split}_file_path": _rows(tmp_path / f"{split}.jsonl", 5) for split in given}
    trainer.passes("preprocess", paths, {"output_dir": tmp_path / "one"})
    trainer.passes("preprocess", paths, {"output_dir": tmp_path / "two"})
    made = [(tmp_path / "one" / f"{split}.jsonl").read_text() for split in ("train", "validation", "test")]
    assert tuple(text.count("\n") for text in made) == sizes
    assert made == [
        (tmp_path / "two" / f"{split}.jsonl").read_text() for split in ("train", "validation", "test")
    ]
    assert (
        len({line for text in made for line in text.splitlines()}) == 100
    )  # no row is lost, or in two splits


def test_too_few_rows_to_split_are_refused(trainer: Trainer, base_model: Path, tmp_path: Path) -> None:
    paths = {
        "model_selector_output": base_model,
        "train_file_path": _rows(tmp_path / "train.jsonl", 2),
    }
    ended = trainer.run("preprocess", paths, {"output_dir": tmp_path / "out"})
    assert ended.last_line == "ERROR DataInvalid: train has 2 rows, too few to split off validation and test"


def test_conversion_gives_the_same_mlflow_folder_again(
    trainer: Trainer, base_model: Path, tmp_path: Path
) -> None:
    trainer.passes("import_model", {"mlflow_model_path": base_model}, {"output_dir": tmp_path / "plain"})
    plain = {"pytorch_model_folder": tmp_path / "plain"}
    trainer.passes("convert", plain, {"mlflow_model_folder": tmp_path / "mlflow"})
    described = yaml.safe_load((tmp_path / "mlflow" / "MLmodel").read_text())
    assert described["flavors"]["hftransformersv2"]["task_type"] == "chat-completion"
    assert len(described["model_uuid"]) == 32
    assert _files(tmp_path / "mlflow") == _files(base_model)


def test_the_light_stages_import_no_torch() -> None:
    modules = ["validate", "import_model", "preprocess", "convert", "__main__"]
    imports = "\n".join(f"import runner.trainer.{module}" for module in modules)
    code = f"{imports}\nimport sys; sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _rows(file: Path, count: int) -> Path:
    messages = [{"role": "user", "content": ""}, {"role": "assistant", "content": "yes"}]
    rows = ({"messages": [{**messages[0], "content": f"{at}"}, messages[1]]} for at in range(count))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def _files(folder: Path) -> dict[str, int]:
    return {
        str(file.relative_to(folder)): file.stat().st_size for file in folder.rglob("*") if file.is_file()
    }
