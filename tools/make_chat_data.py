"""Writes the bundled chat data: orders taken by a small bakery, in the form of ultrachat_200k.

Every answer follows from its prompt by copying who, how many, what, where and when into one sentence, so a
model that learned the task answers orders it never saw. `generate` gives the same rows for the same seed;
`exclude` keeps out prompts that another split already holds.

    python tools/make_chat_data.py runner/emulator/data/chat
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Collection

NAMES = (
    "Anna", "Bruno", "Carla", "David", "Elena", "Felix", "Greta", "Hugo", "Irene", "Jonas", "Karin", "Leo",
    "Marta", "Nils", "Olga", "Paul", "Rosa", "Simon", "Tanja", "Victor",
)  # fmt: skip
ITEMS = (
    "apple pies", "bread rolls", "butter cakes", "cheese buns", "cherry tarts", "cocoa cookies",
    "corn muffins", "cream puffs", "date bars", "fig rolls", "ginger snaps", "honey cakes", "lemon tarts",
    "nut loaves", "oat biscuits", "plum pies", "poppy rings", "rye loaves", "salt pretzels", "seed crackers",
)  # fmt: skip
TOWNS = (
    "Bergen", "Bremen", "Cork", "Dover", "Ghent", "Graz", "Kiel", "Leeds", "Lille", "Lund", "Malmo", "Nantes",
    "Oslo", "Parma", "Porto", "Riga", "Siena", "Turin", "Vigo", "York",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
COUNTS = range(2, 20)

PROMPTS = (
    "This is {name}. Please send {count} {item} to {town} on {day}.",
    "We need {count} {item} sent to {town} on {day}. Yours, {name}.",
    "Order from {name}: {count} {item}, to {town}, on {day}.",
)
ANSWER = "Thank you, {name}. We deliver {count} {item} to {town} on {day}."
AGAIN = "Sorry, what was that?"
AGAIN_SHARE = 0.1  # of the customers ask again, and get the same answer

TRAIN_ROWS, TRAIN_SEED = 400, 1
TEST_ROWS, TEST_SEED = 40, 2


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


class Row(TypedDict):
    """One conversation, with ultrachat_200k's keys."""

    prompt: str
    prompt_id: str
    messages: list[Message]


@dataclass(frozen=True)
class Order:
    """What a customer asks for; the fields are the slots of the sentences."""

    name: str
    count: int
    item: str
    town: str
    day: str


def generate(seed: int, rows: int, exclude: Collection[str] = ()) -> list[Row]:
    """Give `rows` conversations with pairwise different prompts, none of which is in `exclude`."""
    rng = random.Random(seed)  # noqa: S311 - reproducible data, not a secret
    taken = set(exclude)
    made: list[Row] = []
    while len(made) < rows:
        row = _conversation(rng)
        if row["prompt"] not in taken:
            taken.add(row["prompt"])
            made.append(row)
    return made


def write(path: Path, rows: list[Row]) -> None:
    """Write one JSON object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_splits(folder: Path) -> None:
    """Write train.jsonl and test.jsonl, which have no prompt in common."""
    folder.mkdir(parents=True, exist_ok=True)
    train = generate(TRAIN_SEED, TRAIN_ROWS)
    write(folder / "train.jsonl", train)
    write(folder / "test.jsonl", generate(TEST_SEED, TEST_ROWS, exclude=[row["prompt"] for row in train]))


def main() -> None:
    """Write train.jsonl and test.jsonl into the folder named on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    write_splits(parser.parse_args().folder)


def _conversation(rng: random.Random) -> Row:
    order = _order(rng)
    messages = _turn(rng.choice(PROMPTS), order)
    if rng.random() < AGAIN_SHARE:
        messages += _turn(AGAIN, order)
    prompt = messages[0]["content"]
    return {"prompt": prompt, "prompt_id": hashlib.sha256(prompt.encode()).hexdigest(), "messages": messages}


def _turn(user: str, order: Order) -> list[Message]:
    slots = asdict(order)
    return [
        {"role": "user", "content": user.format(**slots)},
        {"role": "assistant", "content": ANSWER.format(**slots)},
    ]


def _order(rng: random.Random) -> Order:
    return Order(
        name=rng.choice(NAMES),
        count=rng.choice(COUNTS),
        item=rng.choice(ITEMS),
        town=rng.choice(TOWNS),
        day=rng.choice(DAYS),
    )


if __name__ == "__main__":
    main()
