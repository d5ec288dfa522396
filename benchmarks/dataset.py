"""Of a data set of ultrachat_200k's shape, the rows of a run: by us, and by the way the notebook takes.

Both are whole processes on the same Parquet files: from nothing imported to two JSONL files, of train_sft and
of test_sft, and the SHA-256 of each. Ours checks each row, looks for those that are there twice, and waits
for the disk (fsync); of each row it writes the messages alone. The notebook's way has an empty cache, and
writes all columns. The floor reads the column, writes the texts in it and digests them.

The seconds are a clock's. On a machine that others use, look at the CPU seconds as well: ours uses two cores
at a time, of which there is less then.

The data set is made from a seed: conversations of made-up words, each sentence of a stock of 20,000, so that
Parquet's compression finds in them about what it finds in real text.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from random import Random
from shutil import rmtree

ROOT = Path(__file__).resolve().parents[1]
QUICK_ROWS = 50_000  # of 207,865
ROWS_OF_A_GROUP = 1000
SHARDS = {"train_sft": 3, "test_sft": 1}
TEST_SHARE = 9
SENTENCES = 20_000
# What the goals are, by percent: how many times as fast as the notebook's way.
GOALS = {5: 6.0, 100: 2.2}
LARGEST_MIB = 300

NOTEBOOK = """
import sys
from hashlib import sha256
from pathlib import Path
from datasets import load_dataset

source, percent, into = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
files = {split: sorted(map(str, source.glob(f"{split}-*.parquet"))) for split in ("train_sft", "test_sft")}
for split in files:
    name = into / f"{split}.jsonl"
    head, cache = f"{split}[:{percent}%]", str(into / "cache")
    load_dataset("parquet", data_files=files, split=head, cache_dir=cache).to_json(name)
    digest = sha256()
    with open(name, "rb") as file:
        while block := file.read(1024 * 1024):
            digest.update(block)
    print(digest.hexdigest())
"""

OURS = """
import sys
from pathlib import Path
from runner.dataset import prepare
from runner.recipe import Dataset

section = Dataset(path=sys.argv[1], train="train_sft", test="test_sft", percent=float(sys.argv[2]))
for split in prepare(section, folder=Path(), into=Path(sys.argv[3])).values():
    print(split.sha256)
"""

FLOOR = """
import sys
from hashlib import sha256
from pathlib import Path
from pyarrow import parquet

source, percent, into = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
for split in ("train_sft", "test_sft"):
    files = [parquet.ParquetFile(path) for path in sorted(source.glob(f"{split}-*.parquet"))]
    left = round(sum(file.metadata.num_rows for file in files) * percent / 100)
    digest = sha256()
    with open(into / f"{split}.txt", "wb") as written:
        for file in files:
            for group in range(file.num_row_groups):
                if left <= 0:
                    break
                rows = file.read_row_group(group, columns=["messages"]).slice(0, left)
                left -= rows.num_rows
                for chunk in rows.column(0).chunks:
                    content = chunk.flatten().field("content")
                    offsets = memoryview(content.buffers()[1]).cast("i")
                    first, past = offsets[content.offset], offsets[content.offset + len(content)]
                    texts = memoryview(content.buffers()[2])[first:past]
                    written.write(texts)
                    digest.update(texts)
    print(digest.hexdigest())
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process took, and how many bytes it wrote."""

    seconds: float
    cpu_seconds: float
    mib: float
    written: int


def main() -> None:
    """Make the data set, take each way in turn and print what it comes to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=QUICK_ROWS, help="rows of train_sft")
    parser.add_argument("--times", type=int, default=3, help="how often each way is taken")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        # A process's largest memory counts from what its parent had when it began it: this one stays small.
        with get_context("spawn").Pool(1) as pool:
            text = pool.apply(make, (source, given.rows))
        _print_data(source, given.rows, text)
        for percent, goal in GOALS.items():
            taken = measure(Path(folder), source, percent, given.times)
            _print(percent, goal, taken)


def make(into: Path, rows: int) -> int:
    """Write the splits' shards, the same ones each time, and count the bytes of the messages' texts."""
    into.mkdir()
    random = Random(7)  # noqa: S311 - a repeatable draw, not a secret
    stock = _stock(random)
    counts = {"train_sft": rows, "test_sft": rows // TEST_SHARE}
    return sum(_write_split(into, split, counts[split], stock, random) for split in counts)


def measure(folder: Path, source: Path, percent: int, times: int) -> Mapping[str, list[Measured]]:
    """Take each way so often, one after the other: what else the machine does then falls on all of them."""
    programs = _ways(folder, source, percent)
    taken: dict[str, list[Measured]] = {name: [] for name in programs}
    for _ in range(times):
        for name, command in programs.items():
            taken[name].append(_process(command, folder / "out"))
    return taken


def _stock(random: Random) -> Sequence[str]:
    words = ["".join(random.choices("etaoinshrdlucmfwypvbgk", k=random.randint(2, 9))) for _ in range(8000)]
    words[10:12] = ['"quoted"', "C:\\path"]
    words[-40:] = ["café", "naïve", "日本", "👍"] * 10  # in about one answer of seven
    weights = [1 / rank for rank in range(10, 10 + len(words))]  # as often as words of a language are used
    return [
        " ".join(random.choices(words, weights, k=random.randint(6, 18))).capitalize() + "."
        for _ in range(SENTENCES)
    ]


def _write_split(into: Path, split: str, rows: int, stock: Sequence[str], random: Random) -> int:
    shards = SHARDS[split]
    bounds = [rows * shard // shards for shard in range(shards + 1)]
    return sum(
        _write_shard(into / f"{split}-{shard:05}-of-{shards:05}.parquet", range(first, past), stock, random)
        for shard, (first, past) in enumerate(pairwise(bounds))
    )


def _write_shard(path: Path, numbers: Sequence[int], stock: Sequence[str], random: Random) -> int:
    import pyarrow as pa  # noqa: PLC0415 - as said in main
    from pyarrow import parquet  # noqa: PLC0415 - as above

    message = pa.struct([("content", pa.string()), ("role", pa.string())])
    columns = {"prompt": pa.string(), "prompt_id": pa.string(), "messages": pa.list_(message)}
    schema, text = pa.schema(list(columns.items())), 0
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, len(numbers), ROWS_OF_A_GROUP):
            group = numbers[start : start + ROWS_OF_A_GROUP]
            talks = [list(_messages(f"{path.name} {number}: ", stock, random)) for number in group]
            text += sum(len(each["content"].encode()) for talk in talks for each in talk)
            rows = [_row(talk) for talk in talks]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return text


def _row(messages: list[dict[str, str]]) -> Mapping[str, object]:
    prompt = messages[0]["content"]
    return {"prompt": prompt, "prompt_id": sha256(prompt.encode()).hexdigest(), "messages": messages}


def _messages(opening: str, stock: Sequence[str], random: Random) -> Iterator[dict[str, str]]:
    for turn in range(random.choice((1, 2, 3, 3, 4, 4, 5))):
        question = " ".join(random.choices(stock, k=random.randint(1, 5)))
        yield {"content": question if turn else opening + question, "role": "user"}
        paragraphs = [
            " ".join(random.choices(stock, k=random.randint(3, 9))) for _ in range(random.randint(1, 5))
        ]
        yield {"content": "\n\n".join(paragraphs), "role": "assistant"}


def _ways(folder: Path, source: Path, percent: int) -> Mapping[str, Sequence[str]]:
    arguments = (str(source), str(percent), str(folder / "out"))
    programs = {"notebook's way": NOTEBOOK, "runner.dataset.prepare": OURS, "floor": FLOOR}
    ways: dict[str, Sequence[str]] = {
        name: [sys.executable, "-c", text, *arguments] for name, text in programs.items()
    }
    if find_spec("runner.verbs.data"):
        ways["runner data"] = _verb(source, percent, folder / "out")
    return ways


def _verb(source: Path, percent: int, out: Path) -> Sequence[str]:
    values = {"path": source, "train": "train_sft", "test": "test_sft", "percent": percent}
    settings = [word for key, value in values.items() for word in ("--set", f"dataset.{key}={value}")]
    recipe = str(ROOT / "configs" / "quickstart.yaml")
    return [sys.executable, "-m", "runner", "data", recipe, "--rows-only", "--into", str(out), *settings]


def _process(command: Sequence[str], out: Path) -> Measured:
    """Time a whole process, and take its largest memory from the system; what it has written goes again."""
    out.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_HOME": str(out / "home")}
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:2]} ended with {process.returncode}")
    written = sum(path.stat().st_size for path in out.iterdir() if path.is_file())
    rmtree(out)
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, written)


def _print_data(source: Path, rows: int, text: int) -> None:
    size = sum(path.stat().st_size for path in source.iterdir())
    print(f"train_sft of {rows} rows, test_sft of {rows // TEST_SHARE}: {text / 1e6:.0f} MB of text in")
    print(f"{size / 1e6:.0f} MB of Parquet, {ROWS_OF_A_GROUP} rows a group")


def _print(percent: int, goal: float, taken: Mapping[str, Sequence[Measured]]) -> None:
    notebook = _median(taken["notebook's way"])
    heads = f"{'s':>7} {'x notebook':>11} {'CPU s':>7} {'MiB':>5} {'MB written':>11}"
    print(f"\n{f'{percent} %':<22} {heads}")
    for name, runs in taken.items():
        seconds, processor = _median(runs), statistics.median(run.cpu_seconds for run in runs)
        mib, written = max(run.mib for run in runs), runs[0].written / 1e6
        figures = (
            f"{seconds:>7.2f} {notebook / seconds:>11.1f} {processor:>7.2f} {mib:>5.0f} {written:>11.1f}"
        )
        print(f"{name:<22} {figures}", flush=True)
    print(f"goal of all 207,865 rows: {goal:g} times as fast, in at most {LARGEST_MIB} MiB")


def _median(runs: Sequence[Measured]) -> float:
    return statistics.median(run.seconds for run in runs)


if __name__ == "__main__":
    main()
