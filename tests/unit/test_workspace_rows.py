"""How a recipe names rows of a workspace, and which files of a folder hold a split."""

import pytest

from runner.dataset.fetching import workspace
from runner.dataset.fetching.workspace import Place
from runner.errors import RecipeInvalid

HOME = "azureml://subscriptions/S/resourcegroups/G/workspaces/W/datastores/blobs/paths"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("azureml://datastores/blobs/paths/chat", Place("blobs", "chat")),
        ("azureml://datastores/blobs/paths/a/b.d/", Place("blobs", "a/b.d")),
        (f"{HOME}/chat/train.jsonl", Place("blobs", "chat/train.jsonl", ("S", "G", "W"))),
        (HOME.replace("resourcegroups", "resourceGroups") + "/a b", Place("blobs", "a b", ("S", "G", "W"))),
        ("azureml://datastores/blobs/paths/", None),
        ("azureml://datastores/blobs", None),
        ("azureml://datastores/blobs/paths/../other", None),
        ("azureml://datastores/blobs/paths/a//b", None),
        ("azureml://jobs/j/outputs/o", None),
        ("azureml://registries/azureml/data/d/versions/1", None),
        ("https://account.blob.core.windows.net/container/chat", None),
    ],
)
def test_a_place_is_read_in_both_forms_and_as_nothing_else(uri: str, expected: Place | None) -> None:
    assert workspace.place(uri) == expected


@pytest.mark.parametrize(
    ("versions", "revision"),
    [
        ({"train": "3", "test": "3"}, "3"),
        ({"train": "3", "validation": "2", "test": "v.1-a"}, "train=3,validation=2,test=v.1-a"),
    ],
)
def test_versions_are_one_revision_and_are_read_from_it(versions: dict[str, str], revision: str) -> None:
    assert workspace.revision_of(versions) == revision
    assert {role: workspace.version_of(role, revision) for role in versions} == versions


@pytest.mark.parametrize("revision", [None, "latest"])
def test_left_out_the_newest_version_is_meant(revision: str | None) -> None:
    assert workspace.version_of("train", revision) == workspace.LATEST


FILES = (
    "train-10-of-00003.parquet",
    "train-9-of-00003.parquet",
    "train-00000-of-00003.parquet",
    "data/test-2.jsonl",
    "data/test-1.jsonl",
    "both.csv",
    "both.json",
    "half-0-of-2.csv",
    "sub/other.jsonl.csv",
    "README.md",
)


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("test", ("data/test-1.jsonl", "data/test-2.jsonl")),
        (
            "train",
            ("train-00000-of-00003.parquet", "train-9-of-00003.parquet", "train-10-of-00003.parquet"),
        ),
    ],
)
def test_a_folder_holds_a_split_by_name_as_a_path_does(split: str, expected: tuple[str, ...]) -> None:
    assert workspace.by_name(FILES, "folder", "train", split) == expected


@pytest.mark.parametrize(
    ("split", "code", "told"),
    [
        ("trains", "no-such-split", "must be one of both, half, test-1, test-2, train; did you mean train?"),
        ("other.jsonl", "no-such-split", "must be one of both, half, test-1, test-2, train; "),
        ("README", "unreadable-format", "must be one of .jsonl, .ndjson, .json, .csv, .parquet; "),
        ("both", "two-files", "must be one of them; "),
        ("half", "missing-shard", "must be 2, as their names have it; "),
    ],
)
def test_a_split_that_is_not_there_or_twice_is_refused(split: str, code: str, told: str) -> None:
    with pytest.raises(RecipeInvalid) as refused:
        workspace.by_name(FILES, "folder", "train", split)
    (found,) = refused.value.diagnostics
    assert (found.code, f"{found.expected}; {found.mend}") == (code, told)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ("b10.jsonl", "sub/a.jsonl", "b9.jsonl", "_SUCCESS", ".x/c.csv"),
            ("b9.jsonl", "b10.jsonl", "sub/a.jsonl"),
        ),
        (("train.csv", "others.parquet"), ("train.csv",)),
    ],
)
def test_an_asset_holds_its_split_by_name_or_in_all_files_of_a_format(
    names: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert workspace.of_asset(names, "asset", "train", "train") == expected


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("a.csv", "b.jsonl"), "ambiguous-split"),
        (("model.bin",), "unreadable-format"),
        (("PART.PARQUET",), "unreadable-format"),
        ((), "unreadable-format"),
    ],
)
def test_an_asset_of_several_formats_or_of_none_is_refused(names: tuple[str, ...], code: str) -> None:
    with pytest.raises(RecipeInvalid) as refused:
        workspace.of_asset(names, "asset", "train", "train")
    assert refused.value.diagnostics[0].code == code


def test_a_split_that_can_be_part_of_no_assets_name_is_refused() -> None:
    assert workspace.asset_name("chat", "train", "train_sft") == "chat-train_sft"
    with pytest.raises(RecipeInvalid) as refused:
        workspace.asset_name("chat", "train", "../train")
    assert refused.value.diagnostics[0].code == "bad-split-name"
