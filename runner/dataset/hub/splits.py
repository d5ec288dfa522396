"""Which files make up which split of a repository at a commit: the answer of `datasets`."""

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runner.dataset.reading.refusals import refusal
from runner.errors import CloudUnavailable, RecipeInvalid

if TYPE_CHECKING:
    from datasets import DatasetBuilder

_MAX_NAMED = 20


def splits(name: str, commit: str, config: str | None) -> Mapping[str, Sequence[str]]:
    """Give the files of each split of a configuration. Raises RecipeInvalid where it is not one."""
    # With this prefix a folder of the same name, or a format's name, cannot stand in for the repository.
    address = f"hf://datasets/{name}"
    builder = _builder(name, address, commit, config)
    prefix = f"{address}@{commit}/"
    found = {
        str(split): [str(file).removeprefix(prefix) for file in files]
        for split, files in (builder.config.data_files or {}).items()
    }
    # The library falls back to what it has in its cache, of whatever commit.
    if any(file.startswith("/") or "://" in file for files in found.values() for file in files):
        message = f"the files of {name} are not those of the commit that was asked for"
        raise CloudUnavailable(message, hint="try again when the Hub can be reached")
    return found


def _builder(name: str, address: str, commit: str, config: str | None) -> "DatasetBuilder":
    import datasets  # noqa: PLC0415 takes a second, and most commands load no data

    # The counting of downloads goes to a host of its own.
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    try:
        return datasets.load_dataset_builder(address, config, revision=commit)
    except ValueError:
        _check_config(name, config, datasets.get_dataset_config_names(address, revision=commit))
        raise


def _check_config(name: str, config: str | None, there: Sequence[str]) -> None:
    if config is None and len(there) > 1:
        raise _refusal(name, "config-missing", "the data set has several configurations", there)
    if config is not None and config not in there:
        close = difflib.get_close_matches(config, there, n=1)
        mend = f"did you mean {close[0]}?" if close else ""
        raise _refusal(name, "no-such-config", "the data set has no such configuration", there, mend)


def _refusal(name: str, code: str, message: str, there: Sequence[str], mend: str = "") -> RecipeInvalid:
    more = f", … ({len(there)} in all)" if len(there) > _MAX_NAMED else ""
    expected = f"must be one of {', '.join(there[:_MAX_NAMED])}{more}" if there else ""
    return refusal(name, "config", code, message, expected=expected, mend=mend)
