"""`report` writes one page, tells where it lies, and replaces nothing but pages."""

import json
from pathlib import Path

import pytest

from runner import manifest, metric_table
from runner.cli import main
from runner.manifest import Manifest
from runner.manifest.states import run_from
from tests.unit import report_bench as bench
from tests.unit.page_reading import read

OTHER = "20261121T113042Z-small-9b1c"


def kept(runs: Path, said: Manifest, *, whole: bool = True) -> Path:
    """Lay a run's folder out as a clone has it, or with its table and its answers."""
    folder = runs / said.run_id
    folder.mkdir(parents=True)
    manifest.write(said, folder / "manifest.json")
    if whole:
        metric_table.write(bench.points(), folder / metric_table.FILE_NAME)
        row = {
            "prompt": [{"role": "user", "content": "4 cakes?"}],
            "answer": "4",
            "ground_truth": "5",
            "seconds": 0.1,
        }
        (folder / "samples.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


def test_the_page_of_a_run_lies_in_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = kept(tmp_path, bench.manifest())
    assert main(["report", "latest", "--runs-dir", str(tmp_path)]) == 0
    page = folder / "report.html"
    assert capsys.readouterr().out == f"{page}\n"
    assert page.stat().st_mode & 0o777 == 0o600
    found = read(page.read_text(encoding="utf-8"))
    assert "4 cakes?" in found.text
    assert len(found.all("svg")) == 5


def test_the_page_of_several_runs_lies_beside_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(tmp_path, bench.manifest(), whole=False)
    kept(tmp_path, bench.manifest(run_id=OTHER), whole=False)
    words = [
        "report",
        bench.content()["run_id"],
        OTHER,
        OTHER,
        "--runs-dir",
        str(tmp_path),
        "--output",
        "json",
    ]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == [bench.content()["run_id"], OTHER]
    (page,) = tmp_path.glob("report-*.html")
    assert told["page"] == str(page)
    assert "2 runs compared" in page.read_text(encoding="utf-8")


def test_a_clone_gives_a_page_where_it_is_told_to(tmp_path: Path) -> None:
    kept(tmp_path / "runs", bench.manifest(), whole=False)
    page = tmp_path / "x.html"
    assert main(["report", "latest", "--runs-dir", str(tmp_path / "runs"), "-o", str(page)]) == 0
    assert "metrics.csv) is not in this folder" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["manifest.json", "missing/x.html", "x", "folder.html"])
def test_nothing_but_a_page_is_replaced(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = kept(tmp_path, bench.manifest(), whole=False)
    before = (folder / "manifest.json").read_bytes()
    (folder / "folder.html").mkdir()
    assert main(["report", "latest", "--runs-dir", str(tmp_path), "-o", str(folder / name)]) == 2
    assert "hint: " in capsys.readouterr().err
    assert (folder / "manifest.json").read_bytes() == before


def test_a_run_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    assert main(["report", "latest", "--runs-dir", str(tmp_path)]) == 2


def test_what_is_not_proven_gone_ends_the_report_with_its_own_code(tmp_path: Path) -> None:
    said = bench.content()
    said["alive"][1]["deletion"] = "asked"
    folder = kept(tmp_path, run_from(said), whole=False)
    assert main(["report", "latest", "--runs-dir", str(tmp_path)]) == 9
    assert (folder / "report.html").exists()


def test_the_log_of_a_run_that_failed_in_a_process_of_its_own_is_shown(tmp_path: Path) -> None:
    folder = kept(tmp_path, bench.failed(), whole=False)
    (folder / "console.log").write_bytes(b"x" * 70_000 + b"\nfinetune: out of memory\xff\n")
    assert main(["report", "latest", "--runs-dir", str(tmp_path)]) == 0
    text = read((folder / "report.html").read_text(encoding="utf-8")).text
    assert "finetune: out of memory\ufffd" in text


def test_a_table_that_is_none_is_said_so(tmp_path: Path) -> None:
    folder = kept(tmp_path, bench.manifest())
    (folder / metric_table.FILE_NAME).write_text("no,table\n1,2\n", encoding="utf-8")
    assert main(["report", "latest", "--runs-dir", str(tmp_path)]) == 2
    assert not (folder / "report.html").exists()
