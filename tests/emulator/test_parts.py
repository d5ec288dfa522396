"""The emulator's parts, each through its own door: certificates, store, tokens, rules, catalog."""

import ipaddress
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from runner.emulator import endpoint_rules, tls
from runner.emulator.blobs import Blobs
from runner.emulator.catalog import Catalog
from runner.emulator.clock import Clock
from runner.emulator.errors import ArmError
from runner.emulator.pipeline import parse
from runner.emulator.routes.compute import NAME
from runner.emulator.store import Kind, Store
from runner.emulator.tokens import Tokens
from tests.emulator.emulated import ROOT


def test_the_authority_is_for_loopback_and_a_week(tmp_path: Path) -> None:
    files = tls.issue(tmp_path)
    authority = x509.load_pem_x509_certificate(files.ca_file.read_bytes())
    allowed = authority.extensions.get_extension_for_class(x509.NameConstraints)
    names = {name.value for name in allowed.value.permitted_subtrees or []}
    loopback = {ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")}
    assert names == {"localhost", *loopback}
    assert allowed.critical
    assert (authority.not_valid_after_utc - authority.not_valid_before_utc).days <= 7


def test_each_start_has_an_authority_of_its_own(tmp_path: Path) -> None:
    first = tls.issue(tmp_path).ca_file.read_bytes()
    assert tls.issue(tmp_path).ca_file.read_bytes() != first


def test_the_store_keeps_order_and_forgets_case(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    for name in ("/WS/b", "/ws/a", "/ws/B"):
        store.put(Kind.MODEL, name, {"name": name})
    assert [body["name"] for body in store.below(Kind.MODEL, "/Ws/")] == ["/ws/B", "/ws/a"]
    assert store.get(Kind.DATA, "/ws/a") is None
    assert store.delete(Kind.MODEL, "/WS/A")
    store.close()


def test_the_store_survives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    code = (
        "import os, sys; from pathlib import Path; from runner.emulator.store import Kind, Store\n"
        "Store(Path(sys.argv[1])).put(Kind.JOB, 'a', {'n': 1}); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=False)
    store = Store(path)
    assert store.get(Kind.JOB, "A") == {"n": 1}
    store.close()


def test_a_prefix_is_text_and_no_pattern(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    store.put(Kind.DATA, "/ws_1/x", {})
    assert store.below(Kind.DATA, "/ws%1/") == []
    assert store.below(Kind.DATA, "/wsa1/") == []
    store.close()


def test_a_token_is_good_at_the_emulator_that_issued_it() -> None:
    mine, other = Tokens("t", Clock()), Tokens("t", Clock())
    token, _ = mine.issue("https://ml.azure.localhost")
    assert (mine.claims(token) or {})["aud"] == "https://ml.azure.localhost"
    assert other.claims(token) is None
    head, body, _ = token.split(".")
    assert mine.claims(f"{head}.{body}.c2ln") is None
    assert mine.claims("") is None


def test_a_token_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.emulator.tokens.TOKEN_SECONDS", -1)
    tokens = Tokens("t", Clock())
    assert tokens.claims(tokens.issue("x")[0]) is None


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/..", "a//b", "a/./b", "a\0b"])
def test_a_blob_stays_in_its_container(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "store.sqlite")
    with pytest.raises(ArmError, match="does not represent any resource"):
        Blobs(tmp_path / "blobs", store).path("account/container", name)
    store.close()


@pytest.mark.parametrize("prefix", ["/etc/", "../", "a/../../", "b//"])
def test_a_listing_stays_in_its_container(tmp_path: Path, prefix: str) -> None:
    store = Store(tmp_path / "store.sqlite")
    blobs = Blobs(tmp_path / "blobs", store)
    for name in ("a/x", "b/y"):
        path = blobs.path("account/container", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    assert list(blobs.within("account/container", prefix)) == []
    assert [blob.name for blob in blobs.within("account/container", "b")] == ["b/y"]
    assert [blob.name for blob in blobs.within("account/container", "a/")] == ["a/x"]
    store.close()


@pytest.mark.parametrize(
    ("duration", "seconds"), [("PT5S", 5), ("PT1M30S", 90), ("PT0.5S", 0.5), ("P1DT1H", 90000), ("PT0S", 0)]
)
def test_durations_are_read(duration: str, seconds: float) -> None:
    assert endpoint_rules.seconds(duration) == seconds


@pytest.mark.parametrize("duration", ["", "PT", "P", "5S", "PT5", "P1Y", "PT-1S", "pt5s"])
def test_what_is_no_duration_is_refused(duration: str) -> None:
    with pytest.raises(ArmError, match="is not an ISO 8601 duration"):
        endpoint_rules.seconds(duration)


@pytest.mark.parametrize("share", [50.0, "100", True, -1, 101, None])
def test_a_share_that_is_no_whole_percentage_is_refused(share: object) -> None:
    with pytest.raises(ArmError, match="whole number from 0 to 100"):
        endpoint_rules.traffic({"demo": share}, {"demo"})


def test_traffic_is_lower_cased() -> None:
    assert endpoint_rules.traffic({"Demo": 100}, {"demo"}) == {"demo": 100}


@pytest.mark.parametrize(
    ("name", "good"), [("gpu-cluster", True), ("gpu-cluster-1", False), ("gpu1-a", True)]
)
def test_compute_names(name: str, *, good: bool) -> None:
    assert bool(NAME.fullmatch(name)) is good


def test_all_that_is_wrong_with_a_job_is_told_at_once() -> None:
    node = {
        "componentId": "azureml://registries/azureml/components/chat_completion_pipeline/versions/0.0.82",
        "inputs": {
            "num_train_epochs": {"value": "x", "job_input_type": "literal"},
            "apply_lora": {"value": "True", "job_input_type": "literal"},
            "train_file_path": {"uri": "azureml://a", "job_input_type": "uri_folder"},
            "bogus": {"value": "1", "job_input_type": "literal"},
        },
    }
    with pytest.raises(ArmError) as caught:
        parse({"jobType": "Pipeline", "jobs": {"chat": node}}, Catalog())
    for name in ("num_train_epochs", "apply_lora", "train_file_path", "bogus", "mlflow_model_path"):
        assert f"{name}:" in caught.value.message


def test_a_pipelines_own_inputs_are_followed() -> None:
    node = {
        "componentId": "azureml://registries/azureml/components/chat_completion_pipeline/versions/0.0.82",
        "inputs": {
            "mlflow_model_path": {"uri": "azureml://m", "job_input_type": "mlflow_model"},
            "train_file_path": {"value": "${{parent.inputs.rows}}", "job_input_type": "literal"},
            "seed": {"value": "${{parent.inputs.seed}}", "job_input_type": "literal"},
        },
    }
    inputs = {
        "rows": {"jobInputType": "uri_file", "uri": "azureml://rows"},
        "seed": {"jobInputType": "literal", "value": "7"},
    }
    [parsed] = parse({"jobType": "Pipeline", "inputs": inputs, "jobs": {"chat": node}}, Catalog())
    assert parsed.uris["train_file_path"] == "azureml://rows"
    assert (parsed.literals["seed"], parsed.literals["lora_r"]) == ("7", "8")
    assert "huggingface_id" not in parsed.literals


def test_the_catalog_is_up_to_date() -> None:
    script = ROOT / "tools" / "make_emulator_catalog.py"
    checked = subprocess.run(
        [sys.executable, str(script), "--check"], check=False, capture_output=True, text=True
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_emulator_imports_only_itself_and_its_web_libraries() -> None:
    """Neither the runner's other rooms nor the trainer: they are on the other side of a wire."""
    code = (
        "import sys, runner.emulator.server\n"
        "print(*sorted(name for name in sys.modules if name.startswith('runner.') "
        "and not name.startswith('runner.emulator')), 'torch' in sys.modules, 'azure' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False False"
