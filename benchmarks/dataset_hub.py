"""What is fetched of a data set on the Hub for 5 % of two of its four splits, and after transfers that break.

The data set has ultrachat_200k's shape (conversations of made-up words, made from a seed) and lies on a Hub
on this machine, which counts what it sends. Each way is a whole process with an empty cache of its own; the
notebook's loads `train_sft[:5%]` and `test_sft[:5%]`. Then one shard is fetched whole: in one go, with the
transfer broken at every tenth of it, and with the process killed there and begun anew.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random

import pyarrow as pa
from pyarrow import parquet

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.unit.hub_server import HubServer  # noqa: E402 - found by the line above

NAME = "lab/ultrachat_200k"
QUICK_ROWS = 50_000  # of 207,865
ROWS_OF_A_GROUP = 1000
# Rows of each split for one of train_sft, and its shards, as the genuine data set has them.
SPLITS = {"train_sft": (1.0, 3), "test_sft": (0.1112, 1), "train_gen": (1.2317, 3), "test_gen": (0.1362, 1)}
WANTED = ("train_sft", "test_sft")
PERCENT, GOAL = 5, 8.0
SHARD = "data/train_sft-00000-of-00003.parquet"

OURS = """
import json, sys
from pathlib import Path
from runner.dataset import prepare
from runner.recipe import Dataset

prepared = prepare(Dataset(**json.loads(sys.argv[1])), folder=Path(), into=Path("out"))
print(json.dumps({role: split.sha256 for role, split in prepared.items()}))
"""

NOTEBOOK = """
import sys
from datasets import load_dataset

for split in ("train_sft", "test_sft"):
    load_dataset(sys.argv[1], split=f"{split}[:5%]").to_json(f"{split}.jsonl")
"""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one way took: seconds, and the bytes that went over the wire by file."""

    seconds: float
    sent: Mapping[str, int]
    said: str


def main() -> None:
    """Make the data set, take each way and print what it fetched."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=QUICK_ROWS, help="rows of train_sft")
    rows: int = parser.parse_args().rows
    files = make(rows)
    print(f"train_sft of {rows} rows, {sum(map(len, files.values())) / 1e6:.0f} MB of Parquet in all")
    with HubServer({NAME: files}) as hub:
        _print_share(hub, files)
        _print_broken(hub, files)


def make(rows: int) -> Mapping[str, bytes]:
    """Give the repository's files, the same ones each time."""
    random = Random(7)  # noqa: S311 - a repeatable draw, not a secret
    words = ["".join(random.choices("etaoinshrdlucmfwypvbgk", k=random.randint(2, 9))) for _ in range(8000)]
    stock = [" ".join(random.choices(words, k=random.randint(6, 18))) + ". " for _ in range(20_000)]
    card = "".join(f"  - {{split: {split}, path: data/{split}-*}}\n" for split in SPLITS)
    files = {"README.md": f"---\nconfigs:\n- config_name: default\n  data_files:\n{card}---\n".encode()}
    for split, (share, shards) in SPLITS.items():
        for shard in range(shards):
            count = int(rows * share) // shards
            files[f"data/{split}-{shard:05}-of-{shards:05}.parquet"] = _shard(count, stock, random)
    return files


def _shard(rows: int, stock: Sequence[str], random: Random) -> bytes:
    sink = pa.BufferOutputStream()
    message = pa.struct([("content", pa.string()), ("role", pa.string())])
    schema = pa.schema([("prompt", pa.string()), ("prompt_id", pa.string()), ("messages", pa.list_(message))])
    with parquet.ParquetWriter(sink, schema) as writer:
        for first in range(0, rows, ROWS_OF_A_GROUP):
            group = [_row(stock, random) for _ in range(first, min(rows, first + ROWS_OF_A_GROUP))]
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
    return bytes(sink.getvalue())


def _row(stock: Sequence[str], random: Random) -> dict[str, object]:
    lengths = [length for _ in range(random.choice((1, 2, 3, 3, 4))) for length in (2, random.randint(6, 20))]
    texts = ["".join(random.choices(stock, k=length)).strip() for length in lengths]
    messages = [{"content": text, "role": ("user", "assistant")[at % 2]} for at, text in enumerate(texts)]
    return {"prompt": texts[0], "prompt_id": sha256(texts[0].encode()).hexdigest(), "messages": messages}


def _print_share(hub: HubServer, files: Mapping[str, bytes]) -> None:
    section = {"huggingface": NAME, "train": "train_sft", "test": "test_sft", "percent": PERCENT}
    ways = {
        "runner.dataset.prepare": _fetched(hub, OURS, json.dumps(section)),
        "notebook's way": _fetched(hub, NOTEBOOK, NAME),
    }
    print(f"\n{PERCENT} % {'':<19} {'s':>7} " + " ".join(f"{split:>16}" for split in SPLITS) + "  of the two")
    for name, way in ways.items():
        shares = [f"{_of(split, way.sent):>9} {_share(split, way, files):>4.1f} %" for split in SPLITS]
        both = 100 * sum(_of(each, way.sent) for each in WANTED) / sum(_size(each, files) for each in WANTED)
        print(f"{name:<23} {way.seconds:>7.2f} {' '.join(shares)} {both:>9.2f} %")
    print(f"the goal is at most {GOAL:g} % of the two, and nothing of the others")


def _print_broken(hub: HubServer, files: Mapping[str, bytes]) -> None:
    """Fetch a shard whole, all columns of it."""
    hub.repositories = {NAME: {"train.parquet": files[SHARD]}}
    size = len(files[SHARD])
    tenths = [size * tenth // 10 for tenth in range(1, 10)]
    plain = _shard_fetched(hub, [])
    ways = {
        "broken at every tenth": _shard_fetched(hub, tenths),
        "killed at every tenth": _killed(hub, tenths),
    }
    print(f"\none shard, {size / 1e6:.0f} MB {'':<3} {'s':>7} {'sent again':>11}  digest")
    for name, way in {"in one go": plain, **ways}.items():
        again = 100 * (_of("train", way.sent) - size) / size
        print(
            f"{name:<22} {way.seconds:>7.2f} {again:>9.2f} %  {'same' if way.said == plain.said else 'OTHER'}"
        )


WHOLE = """
import sys
from hashlib import sha256
from pathlib import Path
from runner.dataset.hub.repositories import cache_folder, open_repository
from runner.dataset.hub.file import found_file
from runner.dataset.hub.known import Known
from runner.dataset.fetching.ranges import Ranges

commit = open_repository(sys.argv[1], None).commit
file = found_file(Known(cache_folder()), sys.argv[1], commit, "train.parquet")
ranges = Ranges(file, cache_folder(), lambda _: None)
ranges.need(0, file.size)
print(sha256(ranges.path.read_bytes()).hexdigest())
"""


def _shard_fetched(hub: HubServer, tenths: Sequence[int]) -> Fetched:
    hub.breaks = {"train.parquet": list(tenths)}
    return _fetched(hub, WHOLE, NAME)


def _killed(hub: HubServer, tenths: Sequence[int]) -> Fetched:
    """Kill the process at every tenth, and begin it again on the same folder."""
    hub.sent.clear()
    hub.breaks = {"train.parquet": list(tenths)}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        for _ in range(len(tenths) + 1):
            process = _started(hub, Path(folder), WHOLE, NAME)
            hub.on_break = partial(_kill_soon, process)
            said, _ = process.communicate()
        hub.on_break = lambda: None
        return Fetched(time.perf_counter() - began, dict(hub.sent), said)


def _kill_soon(process: "subprocess.Popen[str]") -> None:
    """Let it take what is on its way first: what the machine's buffers hold is no measure of it."""
    time.sleep(0.2)
    process.kill()


def _fetched(hub: HubServer, program: str, argument: str) -> Fetched:
    hub.sent.clear()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        process = _started(hub, Path(folder), program, argument)
        said, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"ended with {process.returncode}")
        return Fetched(time.perf_counter() - began, dict(hub.sent), said)


def _started(hub: HubServer, folder: Path, program: str, argument: str) -> "subprocess.Popen[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "HF_HOME": str(folder / "home"),
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-W", "ignore", "-c", program, argument]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


def _of(split: str, sent: Mapping[str, int]) -> int:
    return sum(size for name, size in sent.items() if Path(name).name.startswith((f"{split}-", f"{split}.")))


def _size(split: str, files: Mapping[str, bytes]) -> int:
    return _of(split, {name: len(content) for name, content in files.items()})


def _share(split: str, way: Fetched, files: Mapping[str, bytes]) -> float:
    return 100 * _of(split, way.sent) / _size(split, files)


if __name__ == "__main__":
    main()
