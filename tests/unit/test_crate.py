"""`runner export`: a run as an RO-Crate that another program reads, and nothing in it that was not asked for.

What a crate has to have is written here from the specifications, not from the code: RO-Crate 1.1
(https://w3id.org/ro/crate/1.1, "Root Data Entity", "Data Entities") and Process Run Crate 0.5
(https://w3id.org/ro/wfrun/process/0.5, "Requirements"), both read 2026-11-21.
"""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from rocrate.rocrate import ROCrate

from runner import manifest_file
from runner.cli import main
from runner.journal import Json
from tests.unit.past_run import ANSWERS, MODEL_FILE, ROWS, RUN_ID, WORKSPACE, copied, past_run, sealed_again

ROOT = Path(__file__).parents[2]
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
ACTIONS = {"CreateAction", "ActivateAction", "UpdateAction"}
SOFTWARE = {"SoftwareApplication", "SoftwareSourceCode", "ComputationalWorkflow"}

Graph = Mapping[str, Mapping[str, Json]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run that a test leaves as it was."""
    return past_run(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return copied(whole, tmp_path)


@pytest.fixture
def crate(run: Path, tmp_path: Path) -> Path:
    return exported(run, tmp_path / "crate")


def exported(run: Path, target: Path, *words: str) -> Path:
    assert main(["export", str(run), "-o", str(target), *words]) == 0
    return target


def graph(crate: Path) -> Graph:
    document = json.loads((crate / "ro-crate-metadata.json").read_bytes())
    found = {each["@id"]: each for each in document["@graph"]}
    assert len(found) == len(document["@graph"])  # RO-Crate 1.1, "RO-Crate JSON-LD": no two of one @id
    return found


def listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [] if value is None else [value]


def ids(value: Json) -> list[str]:
    return [each["@id"] for each in listed(value)]


def all_ids(value: Json) -> set[str]:
    """Give what a value refers to."""
    found = {value["@id"]} if isinstance(value, dict) and set(value) == {"@id"} else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found.union(*(all_ids(each) for each in inner))


# --- what the specifications say it MUST have ---------------------------------------------------------------


def check_musts(crate: Path) -> None:
    """Hold a crate against RO-Crate 1.1 and Process Run Crate 0.5."""
    entities = graph(crate)
    _check_root(entities)
    _check_data_entities(entities, crate)
    _check_processes(entities)
    _check_references(entities)


def _check_root(entities: Graph) -> None:
    """See to RO-Crate 1.1, "RO-Crate Metadata File Descriptor" and "Direct properties of the Root"."""
    descriptor = entities["ro-crate-metadata.json"]
    assert descriptor["@type"] == "CreativeWork"
    assert ids(descriptor["conformsTo"]) == ["https://w3id.org/ro/crate/1.1"]
    root = entities[ids(descriptor["about"])[0]]
    assert root["@type"] == "Dataset"
    assert root["@id"].endswith("/")
    assert root["name"]
    assert root["description"]
    assert root["license"]
    assert datetime.fromisoformat(root["datePublished"])
    # Process Run Crate 0.5: it MUST reference a CreativeWork whose @id is the profile's versioned permalink.
    assert PROFILE in ids(root["conformsTo"])
    assert entities[PROFILE]["@type"] == "CreativeWork"


def _check_data_entities(entities: Graph, crate: Path) -> None:
    """See to RO-Crate 1.1, "Data Entities": each is linked from the root, and is there or has a URI."""
    parts = set(ids(entities["./"]["hasPart"]))
    files = {each["@id"] for each in entities.values() if "File" in listed(each["@type"])}
    assert files == parts
    here = [each for each in files if not urlsplit(each).scheme]
    assert here
    for each in here:
        content = (crate / unquote(each)).read_bytes()
        assert entities[each]["contentSize"] == str(len(content))
        assert entities[each]["sha256"] == hashlib.sha256(content).hexdigest()
    written = {path.relative_to(crate).as_posix() for path in crate.rglob("*") if path.is_file()}
    assert written == {*map(unquote, here), "ro-crate-metadata.json"}


def _check_processes(entities: Graph) -> None:
    """See to Process Run Crate 0.5, "Requirements"."""
    done = [each for each in entities.values() if each["@type"] in ACTIONS]
    assert done
    mentioned = ids(entities["./"]["mentions"])
    for each in done:
        tools = [entities[tool] for tool in ids(each["instrument"])]
        assert tools
        assert all(SOFTWARE & set(listed(tool["@type"])) for tool in tools)
        assert all(tool["name"] and tool["version"] for tool in tools)
        assert each["@id"] in mentioned
        assert each["name"]
        assert each["description"]
        assert each["@type"] != "CreateAction" or each["result"]
        assert "error" not in each or ids(each["actionStatus"]) == ["http://schema.org/FailedActionStatus"]


def _check_references(entities: Graph) -> None:
    """See that every reference leads to an entity, or is a word of schema.org's or a specification's."""
    known = {*entities, "https://w3id.org/ro/crate/1.1"}
    assert {each for each in all_ids(list(entities.values())) - known if "schema.org" not in each} == set()
    assert all(each["@type"] for each in entities.values())


def test_a_crate_has_all_that_the_specifications_ask_for(crate: Path) -> None:
    check_musts(crate)


def test_a_crate_with_everything_asked_for_is_one_too(run: Path, tmp_path: Path) -> None:
    check_musts(exported(run, tmp_path / "crate", "--with-samples", "--with-data", "--license", "CC0-1.0"))


@pytest.mark.parametrize("name", ["crate", "crate.zip"])
def test_the_library_reads_a_crate_back(run: Path, tmp_path: Path, name: str) -> None:
    read = ROCrate(exported(run, tmp_path / name))
    assert read.name == f"Fine-tuning run {RUN_ID} of the recipe small"
    (done,) = (each for each in read.get_by_type("CreateAction") if each.id == f"#{RUN_ID}")
    assert done["instrument"]["name"] == "runner"
    assert done["instrument"]["version"] == "0.1.0"
    assert {each.id for each in done["result"]} >= {"manifest.json", "metrics.csv", "#registered-model"}


# --- what it tells ------------------------------------------------------------------------------------------


def test_each_step_is_an_action_with_what_it_used_and_made(crate: Path) -> None:
    entities = graph(crate)
    training = entities[f"#{RUN_ID}/finetune"]
    assert training["@type"] == "CreateAction"
    assert ids(training["instrument"]) == ["#component/chat_completion_pipeline"]
    assert set(ids(training["object"])) >= {"azureml://registries/azureml/models/Phi-4/versions/7"}
    assert ids(training["result"]) == ["#trained-model", "metrics.csv", "#metric/loss"]
    assert entities["#metric/loss"]["value"] == 2.0
    assert entities["#parameter/learning_rate"]["value"] == 5e-6
    assert entities[f"#{RUN_ID}/compute"]["@type"] == "ActivateAction"
    assert ids(entities[f"#{RUN_ID}/register"]["object"]) == ["#trained-model"]
    assert entities["#registered-model"]["identifier"] == f"{WORKSPACE}/models/small-chat/versions/3"
    for each in (training, entities[f"#{RUN_ID}"]):
        assert ids(each["actionStatus"]) == ["http://schema.org/CompletedActionStatus"]
        assert each["startTime"] <= each["endTime"]


def test_a_base_model_that_was_served_has_used_the_registrys(run: Path, tmp_path: Path) -> None:
    (run / "journal.jsonl").unlink()
    served = json.loads((run / "manifest.json").read_bytes())["steps"]["compute"]
    sealed_again(run, {"steps.baseline": served})
    entities = graph(exported(run, tmp_path / "crate"))
    used = entities[f"#{RUN_ID}/baseline"]["object"]
    assert ids(used) == ["azureml://registries/azureml/models/Phi-4/versions/7"]


def test_rows_and_model_files_are_told_by_their_digests(crate: Path) -> None:
    by_digest = {each["sha256"]: each for each in graph(crate).values() if "sha256" in each}
    train = by_digest[hashlib.sha256(ROWS["train"]).hexdigest()]
    assert (train["contentSize"], train["alternateName"]) == ("44", "data/train.jsonl")
    assert by_digest[str(MODEL_FILE["sha256"])]["alternateName"] == "model.safetensors"
    assert hashlib.sha256(ANSWERS).hexdigest() in by_digest


def test_the_environment_is_told(crate: Path) -> None:
    entities = graph(crate)
    needed = {
        entities[each]["name"]: entities[each]["version"]
        for each in ids(entities["#runner"]["softwareRequirements"])
    }
    assert needed == {"azure-ai-ml": "1.35.2", "python": "3.11.7", "torch": "2.13.0"}
    assert entities["#git-commit"]["value"] == "0123456789abcdef0123456789abcdef01234567"
    assert entities["#git-commit"]["description"] == "Files differed from it"


def test_a_run_on_the_emulator_says_so_and_one_on_azure_does_not(run: Path, tmp_path: Path) -> None:
    (run / "journal.jsonl").unlink()
    said = {}
    for kind in ("emulator", "azure"):
        sealed_again(run, {"target.kind": kind})
        entities = graph(exported(run, tmp_path / kind))
        said[kind] = (entities["./"]["description"], entities[f"#{RUN_ID}"]["description"])
    assert all("EMULATOR" in each for each in said["emulator"])
    assert not any("EMULATOR" in each or "emulator" in each for each in said["azure"])


def test_nobody_is_made_up(crate: Path) -> None:
    entities = graph(crate)
    assert not any("agent" in each or "author" in each for each in entities.values())
    assert not {"Person", "Organization"} & {each["@type"] for each in entities.values()}


def test_a_licence_is_told_where_one_is_given(run: Path, tmp_path: Path) -> None:
    said = graph(exported(run, tmp_path / "a", "--license", "https://spdx.org/licenses/CC0-1.0"))
    assert said["./"]["license"] == "https://spdx.org/licenses/CC0-1.0"
    assert "None was stated" in graph(exported(run, tmp_path / "b"))["./"]["license"]


@pytest.mark.parametrize(
    ("status", "told"),
    [("failed", "FailedActionStatus"), ("running", "ActiveActionStatus"), ("canceled", "FailedActionStatus")],
)
def test_how_a_run_ended_is_told(run: Path, tmp_path: Path, status: str, told: str) -> None:
    (run / "journal.jsonl").unlink()
    broken = {"status": "failed", "error": "no quota", "outputs": {}, "metrics": {}}
    changes = {f"steps.finetune.{key}": value for key, value in broken.items()}
    sealed_again(run, {"status": status, "ended": None, **changes})
    (run / "metrics.csv").unlink()
    crate = exported(run, tmp_path / "crate")
    check_musts(crate)
    entities = graph(crate)
    assert ids(entities[f"#{RUN_ID}"]["actionStatus"]) == [f"http://schema.org/{told}"]
    assert (entities[f"#{RUN_ID}/finetune"]["error"], "#trained-model" in entities) == ("no quota", False)
    assert "endTime" not in entities[f"#{RUN_ID}"]


def test_a_step_that_failed_has_failed_although_it_was_cleaned_up(run: Path, tmp_path: Path) -> None:
    (run / "journal.jsonl").unlink()
    sealed_again(run, {"steps.register.status": "deleted", "steps.compute.status": "deleted"})
    sealed_again(run, {"steps.compute.error": "no quota", "steps.sample.status": "running"})
    sealed_again(run, {"steps.sample.error": "once"})
    crate = exported(run, tmp_path / "crate")
    check_musts(crate)
    entities = graph(crate)
    status = {
        step: ids(entities[f"#{RUN_ID}/{step}"]["actionStatus"])[0].rpartition("/")[2]
        for step in ("register", "compute", "sample")
    }
    assert status == {
        "register": "CompletedActionStatus",
        "compute": "FailedActionStatus",
        "sample": "ActiveActionStatus",
    }
    assert "what it made is gone again" in entities[f"#{RUN_ID}/register"]["description"]


def test_model_files_of_equal_bytes_are_one_thing_with_two_names(run: Path, tmp_path: Path) -> None:
    (run / "journal.jsonl").unlink()
    md5 = {"bytes": 3, "md5": "CY9rzUYh03PK3k6DJie09g=="}
    sealed_again(run, {"steps.finetune.outputs.files": {"a": MODEL_FILE, "b": MODEL_FILE, "c d": md5}})
    crate = exported(run, tmp_path / "crate")
    check_musts(crate)
    entities = graph(crate)
    twice, other = ids(entities["#trained-model"]["hasPart"])
    assert entities[twice]["alternateName"] == ["a", "b"]
    assert (other, entities[other]["md5"]) == ("#trained-model/c%20d", "098f6bcd4621d373cade4e832627b4f6")


def test_outputs_of_another_shape_break_no_export(run: Path, tmp_path: Path) -> None:
    """A clone has no rows that would show it, and no schema says what a step puts out."""
    for name in ("journal.jsonl", "samples.jsonl", "data/train.jsonl", "data/test.jsonl"):
        (run / name).unlink()
    odd = {"name": "n", "version": "1", "file": "data/train.jsonl", "bytes": 1, "sha256": "no digest"}
    sealed_again(
        run,
        {
            "steps.dataset.intent.assets": {"train": odd},
            "steps.dataset.outputs.assets": {"train": odd},
            "steps.finetune.outputs.files": {"a": {"sha256": 7}, "b": {"md5": "?"}},
            "steps.sample.outputs": {"sha256": "no digest"},
        },
    )
    crate = exported(run, tmp_path / "crate", "--with-data")
    check_musts(crate)
    assert "no digest" not in json.dumps(list(graph(crate).values()))


def test_half_characters_break_no_export(run: Path, tmp_path: Path) -> None:
    (run / "journal.jsonl").unlink()
    sealed_again(
        run,
        {
            "run_id": "\ud800",
            "parameters.0.name": "a\ud800",
            "steps.finetune.metrics": {"\ud800": 1.0},
            "recipe.path": "\ud800.yaml",
        },
    )
    check_musts(exported(run, tmp_path / "crate"))


def test_a_recipe_of_several_parts_has_each_of_them(run: Path, tmp_path: Path) -> None:
    (run / "journal.jsonl").unlink()
    texts = {"extends": ("../../base dir/base.yaml", "a: 1\n"), "--set": ("--set", "b: 2\n")}
    parts = [
        {"kind": kind, "path": path, "text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        for kind, (path, text) in texts.items()
    ]
    sealed_again(run, {"recipe.parts": parts})
    crate = exported(run, tmp_path / "crate")
    check_musts(crate)
    assert (crate / "recipe/parts/1-base.yaml").read_text(encoding="utf-8") == "a: 1\n"
    assert (crate / "recipe/parts/2-set.yaml").read_text(encoding="utf-8") == "b: 2\n"


# --- what must not get out ----------------------------------------------------------------------------------


def test_no_row_and_no_answer_is_in_a_crate_unless_asked_for(run: Path, crate: Path, tmp_path: Path) -> None:
    def everything(folder: Path) -> bytes:
        return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())

    assert b"canary-answer" not in everything(crate)
    assert b'{"messages"' not in everything(crate)
    asked = exported(run, tmp_path / "asked", "--with-samples")
    assert b"canary-answer" in everything(asked)
    assert b'{"messages"' not in everything(asked)
    assert b'{"messages"' in everything(exported(run, tmp_path / "rows", "--with-data"))


def _with_a_secret(run: Path) -> None:
    """Put one where runner would not have written it."""
    path = run / "manifest.json"
    said = json.loads(path.read_bytes())
    said["steps"]["finetune"]["detail"] = "AccountKey=c2VjcmV0LWNhbmFyeQ=="
    said["digest"] = manifest_file.digest(said)
    path.write_text(json.dumps(said, indent=2), encoding="utf-8")


def test_what_looks_like_a_secret_goes_nowhere(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "journal.jsonl").unlink()
    _with_a_secret(run)
    assert main(["export", str(run), "-o", str(tmp_path / "crate")]) == 2
    told = capsys.readouterr().err
    assert "manifest.json holds what looks like a secret" in told
    assert "c2VjcmV0" not in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "small.yaml"]


def test_answers_that_look_like_a_secret_keep_samples_in(run: Path, tmp_path: Path) -> None:
    (run / "journal.jsonl").unlink()
    leaking = ANSWERS.replace(b"canary-answer", b"sig= password=12345678")
    (run / "samples.jsonl").write_bytes(leaking)
    sealed_again(run, {"steps.sample.outputs.sha256": hashlib.sha256(leaking).hexdigest()})
    assert main(["export", str(run), "-o", str(tmp_path / "crate"), "--with-samples"]) == 2
    assert main(["export", str(run), "-o", str(tmp_path / "crate")]) == 0


@pytest.mark.parametrize("name", ["data/train.jsonl", "samples.jsonl", "journal.jsonl"])
def test_a_run_that_is_not_as_it_was_recorded_is_not_exported(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (run / name).write_bytes(b"other\n")
    assert main(["export", str(run), "-o", str(tmp_path / "crate")]) == 5
    refusal = capsys.readouterr().err
    assert f"first in {name}" in refusal
    assert f"hint: runner verify {run} tells all" in refusal
    assert not (tmp_path / "crate").exists()


def test_every_file_of_a_crate_is_listed(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crate = exported(run, tmp_path / "crate")
    listed = {line.strip() for line in capsys.readouterr().out.splitlines()[1:]}
    assert listed == {str(path.relative_to(crate)) for path in crate.rglob("*") if path.is_file()}


def test_rows_keep_to_their_readers(run: Path, tmp_path: Path) -> None:
    (run / "samples.jsonl").chmod(0o600)
    crate = exported(run, tmp_path / "crate", "--with-samples")
    assert (crate / "samples.jsonl").stat().st_mode & 0o777 == 0o600


# --- the file -----------------------------------------------------------------------------------------------


def test_a_zip_is_the_same_every_time(run: Path, tmp_path: Path) -> None:
    one = exported(run, tmp_path / "one.zip", "--with-data")
    for path in run.rglob("*"):
        os.utime(path, (1, 1))
    other = exported(run, tmp_path / "other.zip", "--with-data")
    assert one.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(archive.namelist())
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        archive.extractall(tmp_path / "unpacked")
    check_musts(tmp_path / "unpacked")


@pytest.mark.parametrize(
    ("target", "said"), [("there", "is there already"), ("no/crate", "there is no folder")]
)
def test_nothing_is_written_over(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str, said: str
) -> None:
    (tmp_path / "there").mkdir()
    assert main(["export", str(run), "-o", str(tmp_path / target)]) == 2
    assert said in capsys.readouterr().err
    assert list((tmp_path / "there").iterdir()) == []


def test_what_was_written_is_told(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exported(run, tmp_path / "crate.zip", "--output", "json")
    said = json.loads(capsys.readouterr().out)
    assert said["run_id"] == RUN_ID
    assert said["files"] == [
        "manifest.json",
        "metrics.csv",
        "recipe/in_force.yaml",
        "recipe/small.yaml",
        "ro-crate-metadata.json",
    ]


def test_neither_verb_imports_a_cloud(run: Path, tmp_path: Path) -> None:
    script = (
        "import json, sys; from runner.cli import main\n"
        f"codes = [main(['verify', {str(run)!r}]), main(['export', {str(run)!r}, '-o', 'crate'])]\n"
        "heavy = {'azure', 'datasets', 'pandas', 'pyarrow', 'torch', 'transformers', 'mlflow'}\n"
        "found = sorted(heavy & {each.split('.')[0] for each in sys.modules})\n"
        "sys.stderr.write(json.dumps([codes, found]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    assert json.loads(done.stderr) == [[0, 0], []]
