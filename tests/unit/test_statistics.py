"""What a training will see: every formula against an example that is counted by hand."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from runner import statistics
from runner.dataset import PreparedSplit, silent
from runner.errors import CloudUnavailable
from runner.facts import TargetKind
from runner.parameters import Effective, Origin, Parameter
from runner.recipe import Scalar
from runner.statistics import (
    Basis,
    Ordering,
    Statistics,
    Tokenizer,
    Unreadable,
    from_json,
    json_form,
    read_tokenizer,
    reading,
    tokenizer_of,
)
from runner.statistics.conversation import Message, NotRendered
from runner.statistics.padding import at_random, by_length, packed, wasted, wasted_at
from runner.statistics.template import LONGEST_TEMPLATE, ChatTemplate

# A word is a token, and each of the marks is: `<user> …  <end>`.
TEMPLATE = (
    "{% for message in messages %}{{ '<' + message.role + '> ' + message.content + ' <end> ' }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant> {% endif %}"
)
VOCABULARY: Mapping[str, object] = {
    "version": "1.0",
    "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "WhitespaceSplit"},
    "post_processor": None,
    "decoder": None,
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
}


def files(**more: object) -> dict[str, bytes]:
    """Give a model whose tokens are words, and whose longest input is 20 of them."""
    told = {
        "tokenizer.json": VOCABULARY,
        "tokenizer_config.json": {"chat_template": TEMPLATE, "eos_token": {"content": "<end>"}},
        "config.json": {"max_position_embeddings": 20},
    }
    return {name: json.dumps(value).encode() for name, value in (told | more).items() if value is not None}


def words(count: int) -> str:
    return " ".join(["word"] * count)


def turns(*counts: int) -> list[Message]:
    """Give a conversation of so many words in each turn; the user begins."""
    return [
        {"role": ("user", "assistant")[at % 2], "content": words(count)} for at, count in enumerate(counts)
    ]


def split(folder: Path, role: str, rows: Sequence[Sequence[Message]]) -> PreparedSplit:
    path = folder / f"{role}.jsonl"
    text = "".join(json.dumps({"messages": messages}) + "\n" for messages in rows)
    path.write_text(text, encoding="utf-8")
    return PreparedSplit(
        role=role,
        source="here",
        revision=None,
        path=path,
        source_rows=len(rows),
        rows=len(rows),
        bytes=len(text),
        sha256="",
        turns=sum(map(len, rows)),
        characters=0,
    )


def effective(**values: Scalar) -> Effective:
    parameters = {
        name: Parameter(name=name, value=value, origin=Origin.RECIPE, detail="")
        for name, value in values.items()
    }
    return Effective(parameters=parameters, dropped={}, overridden={})


def seen(
    folder: Path,
    splits: Mapping[str, Sequence[Sequence[Message]]],
    target: TargetKind = TargetKind.EMULATOR,
    tokenizer: Tokenizer | None = None,
    *,
    most_bytes: int = reading.MOST_BYTES,
    **values: Scalar,
) -> Statistics:
    prepared = {role: split(folder, role, rows) for role, rows in splits.items()}
    return statistics.of(
        prepared,
        effective(**values),
        tokenizer or read_tokenizer(files(), "words"),
        target=target,
        most_bytes=most_bytes,
    )


def test_a_split_s_tokens_are_counted(tmp_path: Path) -> None:
    # With two marks a turn: 4 + 2 + 1, then 4 + 16 + 2, then 8 + 1 + 1 + 1 + 1 tokens.
    rows = [turns(2, 1), turns(16, 2), turns(1, 1, 1, 1)]

    told = seen(tmp_path, {"train": rows})

    [train] = told.splits
    assert (told.basis, told.origin, told.longest) == (Basis.COUNTED, "words", 20)
    assert (train.rows, train.turns, train.looked_at) == (3, 8, 3)
    assert (train.tokens, train.least, train.most) == (7 + 22 + 12, 41, 41)
    assert (train.median, train.p95, train.longest) == (12, 22, 22)
    assert [train.mean, train.truncated, train.cut_off] == pytest.approx([41 / 3, 1 / 3, 2 / 41])
    assert (train.without_answer, train.refused) == (0, 0)
    # An answer with its mark: 2 of 7; 1 of 20, its last two being cut off; 2 x 2 of 12.
    assert train.in_loss == pytest.approx((2 + 1 + 4) / (7 + 20 + 12))


def test_a_row_without_an_answer_left_is_not_trained_on(tmp_path: Path) -> None:
    told = seen(tmp_path, {"train": [turns(17, 9), turns(1, 1)], "validation": [turns(1, 1)]})
    assert (told.splits[0].without_answer, told.splits[1].without_answer) == (1, 0)
    assert told.training
    assert (told.training.rows, told.training.tokens) == (1, 6)


def test_a_row_that_the_template_does_not_take_is_told(tmp_path: Path) -> None:
    refusing = "{% if messages[0].content == 'no' %}{{ raise_exception(messages[0].content) }}{% endif %}"
    settings = {"chat_template": refusing + TEMPLATE}
    tokenizer = read_tokenizer(files(**{"tokenizer_config.json": settings}), "words")
    bad: list[Message] = [{"role": "user", "content": "no"}, {"role": "assistant", "content": "x"}]
    answered_first: list[Message] = [{"role": "assistant", "content": "x"}, *turns(1, 1)]

    told = seen(tmp_path, {"train": [bad, turns(1, 1), answered_first]}, tokenizer=tokenizer)

    assert told.splits[0].refused == 2
    assert told.splits[0].tokens == 6


def test_a_template_that_does_not_build_on_its_beginning_leaves_the_loss_unknown(tmp_path: Path) -> None:
    settings = {"chat_template": "{{ messages | length }} " + TEMPLATE}
    tokenizer = read_tokenizer(files(**{"tokenizer_config.json": settings}), "words")
    told = seen(tmp_path, {"train": [turns(1, 1)]}, tokenizer=tokenizer)
    assert (told.splits[0].tokens, told.splits[0].in_loss) == (7, None)
    assert told.training
    assert told.training.tokens_in_loss is None


def test_the_smaller_of_what_is_asked_for_and_what_the_model_takes_in_counts(tmp_path: Path) -> None:
    rows = {"train": [turns(2, 1)]}
    assert [seen(tmp_path, rows, max_seq_length=most).longest for most in (-1, 8, 99)] == [20, 8, 20]
    unlimited = read_tokenizer(files(**{"config.json": None}), "words")
    assert seen(tmp_path, rows, tokenizer=unlimited, max_seq_length=-1).longest is None
    inner = {"text_config": {"max_position_embeddings": 12}}
    seeing = read_tokenizer(files(**{"config.json": inner}), "words")
    assert seen(tmp_path, rows, tokenizer=seeing, max_seq_length=-1).longest == 12


def test_steps_and_tokens_of_a_training_are_worked_out(tmp_path: Path) -> None:
    rows = {"train": [turns(1, 1)] * 21, "validation": [turns(1, 1)]}
    training = seen(
        tmp_path,
        rows,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=4,
        num_train_epochs=3,
        warmup_steps=3,
        number_of_gpu_to_use_finetuning=8,
    ).training
    assert training
    # 6 batches, the last of one row, and so 2 steps, the second of 2; on the emulator on one device.
    assert (training.rows, training.devices, training.rows_per_step) == (21, 1, 16)
    assert (training.steps_per_epoch, training.steps, training.epochs) == (2, 6, 3)
    assert training.warmup_steps == 3
    assert training.warmup_share == pytest.approx(1 / 2)
    assert (training.tokens, training.tokens_in_loss) == (21 * 6 * 3, 21 * 2 * 3)
    assert training.tokens_per_step == pytest.approx(21 * 6 * 3 / 6)
    assert (training.steps_exact, training.tokens_exact) == (True, True)


def test_on_azure_all_gpus_of_all_nodes_take_batches_at_once(tmp_path: Path) -> None:
    rows = {"train": [turns(1, 1)] * 21, "validation": [turns(1, 1)]}
    told = seen(
        tmp_path,
        rows,
        TargetKind.AZURE,
        per_device_train_batch_size=2,
        number_of_gpu_to_use_finetuning=2,
        num_nodes_finetune=2,
    )
    assert told.training
    # 11 batches, so that the slowest of 4 GPUs has 3.
    assert (told.training.devices, told.training.steps) == (4, 3)
    assert any("several GPUs" in note for note in told.notes)
    assert any("at random" in note for note in told.notes)


@pytest.mark.parametrize(("max_steps", "epochs", "tokens"), [(4, 2, 96), (3, 1.5, 72)])
def test_max_steps_overrules_the_epochs(tmp_path: Path, max_steps: int, epochs: float, tokens: int) -> None:
    rows = {"train": [turns(1, 1)] * 8, "validation": [turns(1, 1)]}
    training = seen(
        tmp_path, rows, max_steps=max_steps, num_train_epochs=9, per_device_train_batch_size=4
    ).training
    assert training
    assert (training.steps, training.epochs, training.tokens) == (max_steps, epochs, tokens)
    assert training.tokens_exact == (epochs == 2)


def test_without_validation_rows_a_fifth_of_train_is_taken_for_that(tmp_path: Path) -> None:
    told = seen(tmp_path, {"train": [turns(1, 1), turns(1, 3)] * 4}, num_train_epochs=1)
    assert told.training
    assert (told.training.carved, told.training.rows, told.training.steps) == (2, 6, 6)
    assert told.training.tokens == 6 * 7
    assert (told.training.steps_exact, told.training.tokens_exact) == (True, False)
    assert any("20% of the training rows" in note for note in told.notes)


def test_padding_is_what_is_filled_up_to_the_longest_of_each_batch() -> None:
    assert wasted([[4, 1], [3, 3]]) == pytest.approx(3 / 14)
    assert wasted_at([4, 1, 3], 5) == pytest.approx(7 / 15)


def test_batches_are_drawn_alike_for_the_same_seed_and_hold_every_row() -> None:
    lengths = [at % 13 + 1 for at in range(101)]
    for draw in (at_random, by_length):
        batches = draw(lengths, 8, 42)
        assert batches == draw(lengths, 8, 42)
        assert batches != draw(lengths, 8, 43)
        assert [len(batch) for batch in batches] == [8] * 12 + [5]
        assert sorted(length for batch in batches for length in batch) == sorted(lengths)
    assert wasted(by_length(lengths, 8, 42)) < wasted(at_random(lengths, 8, 42)) / 2
    assert by_length(lengths, 8, 42)[0][0] == 13


@pytest.mark.parametrize(
    ("lengths", "rows"),
    [
        ([10], 1),
        ([6, 6, 4, 4], 2),
        # First fit decreasing is no optimum, which would be 3: 7 goes with 2, 5 with 4, and 3 twice with 3.
        ([7, 5, 4, 3, 3, 3, 3, 2], 4),
        ([1] * 25, 3),
        ([9] * 7, 7),
    ],
)
def test_rows_are_packed_first_fit_decreasing(lengths: list[int], rows: int) -> None:
    assert packed(lengths, 10) == rows


def test_packing_by_a_tree_is_packing_by_looking_at_every_row() -> None:
    for salt in range(40):
        lengths = [(at * at * 31 + salt * 17 + at) % 97 + 1 for at in range(salt * 3 + 1)]
        room: list[int] = []
        for length in sorted(lengths, reverse=True):
            at = next((at for at, left in enumerate(room) if left >= length), len(room))
            room[at : at + 1] = [(room[at] if at < len(room) else 100) - length]
        assert packed(lengths, 100) == len(room)


def test_padding_and_packing_of_a_training(tmp_path: Path) -> None:
    rows = {"train": [turns(1, 1), turns(2, 1)] * 4, "validation": [turns(1, 1)]}

    told = seen(tmp_path, rows, pad_to_max_length=True, per_device_train_batch_size=2, num_train_epochs=1)

    assert told.padding
    assert told.packing
    assert told.padding.in_force is Ordering.MAXIMUM
    assert told.padding.maximum == told.padding.wasted == pytest.approx(1 - 52 / 160)
    # Two of 7 with one of 6 fill 20, twice, and two of 6 are left: 3 rows of 20 hold all, in place of 8.
    assert (told.packing.rows, told.packing.steps) == (3, 2)
    assert told.packing.saved == pytest.approx(1 - 60 / 160)
    on_azure = seen(tmp_path, rows, TargetKind.AZURE, per_device_train_batch_size=2)
    assert on_azure.padding
    assert (on_azure.padding.in_force, on_azure.padding.wasted) == (Ordering.RANDOM, on_azure.padding.random)


def test_of_many_rows_some_are_looked_at_evenly_and_the_rest_concluded(tmp_path: Path) -> None:
    rows = {"train": [turns(at % 10 + 1, 1) for at in range(1000)], "validation": [turns(1, 1)]}
    size = split(tmp_path, "train", rows["train"]).bytes

    told = seen(tmp_path, rows, most_bytes=size // 2)

    train = told.splits[0]
    assert told.basis is Basis.SAMPLED
    assert 490 <= train.looked_at <= 500
    assert train.tokens == pytest.approx(1000 * 10.5, rel=0.02)
    assert told.training
    assert (told.training.rows, told.training.steps_exact) == (1000, False)
    assert f"train: estimated from {train.looked_at} of 1,000 rows, evenly spread" in told.notes
    assert seen(tmp_path, rows, most_bytes=size // 2) == told
    assert told.splits[1].looked_at == 1


def test_of_large_rows_fewer_are_looked_at_than_of_small_ones_and_never_none(tmp_path: Path) -> None:
    large = split(tmp_path, "train", [turns(400, 1)] * 60)
    small = split(tmp_path, "test", [turns(1, 1)] * 60)
    splits = {"train": large, "test": small}
    assert reading.wanted(splits, large.bytes // 2) == {"train": 29, "test": 50}
    assert reading.wanted(splits, 100) == {"train": 1, "test": 1}
    assert reading.wanted(splits, 10**9) == {"train": 60, "test": 60}


def test_who_is_told_of_each_row_can_end_the_count(tmp_path: Path) -> None:
    prepared = {"train": split(tmp_path, "train", [turns(1, 1)] * 9)}
    told: list[tuple[str, int, int | None]] = []

    def until_the_fifth(doing: str, done: int, total: int | None) -> None:
        told.append((doing, done, total))
        if len(told) == 5:
            raise TimeoutError

    for tokenizer in (read_tokenizer(files(), "words"), None):
        told.clear()
        with pytest.raises(TimeoutError):
            statistics.of(prepared, None, tokenizer, target=TargetKind.EMULATOR, progress=until_the_fifth)
        size = prepared["train"].bytes
        assert told == [("counting the tokens of train", at * size // 9, size) for at in range(1, 6)]


def test_rows_looked_at_are_spread_over_the_whole_split(tmp_path: Path) -> None:
    prepared = split(tmp_path, "train", [turns(at + 1, 1) for at in range(100)])

    def taken(rows: int) -> list[int]:
        return [len(row[0]["content"].split()) for row in reading.conversations(prepared, rows, silent)]

    assert taken(100) == list(range(1, 101))
    assert [(number - 1) // 20 for number in taken(5)] == [0, 1, 2, 3, 4]
    assert len({(number - 1) % 2 for number in taken(50)}) == 2  # not every second, as rows may come in turns
    assert taken(50) == taken(50)


def test_without_a_tokenizer_tokens_are_estimated_from_bytes(tmp_path: Path) -> None:
    text: list[Message] = [
        {"role": "user", "content": "é" * 35 + "a" * 320},
        {"role": "assistant", "content": "a" * 390},
    ]
    prepared = {"train": split(tmp_path, "train", [text] * 5)}

    told = statistics.of(
        prepared,
        effective(max_seq_length=150),
        None,
        target=TargetKind.EMULATOR,
        unknown="offline",
        longest_input=180,
    )

    [train] = told.splits
    assert (told.basis, told.longest) == (Basis.ESTIMATED, 150)
    assert (train.tokens, train.least, train.most) == (1000, 867, 1219)
    assert [train.truncated, train.in_loss] == pytest.approx([1, 50 / 150])
    assert "(offline)" in told.notes[0]
    assert told.training
    assert not told.training.steps_exact


@pytest.mark.parametrize("content", ["今天天气很好", "🙂🙃", "Сегодня хорошая погода"])
def test_of_text_that_is_not_ascii_no_range_is_given(tmp_path: Path, content: str) -> None:
    text: list[Message] = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": content},
    ]
    prepared = {"train": split(tmp_path, "train", [text])}
    told = statistics.of(prepared, effective(), None, target=TargetKind.EMULATOR)
    assert (told.splits[0].least, told.splits[0].most) == (None, None)
    assert "train: no range is given" in told.notes[1]
    assert from_json(json.loads(json.dumps(json_form(told)))) is not None


def test_a_warm_up_of_all_steps_is_told(tmp_path: Path) -> None:
    rows = {"train": [turns(1, 1)] * 4, "validation": [turns(1, 1)]}
    told = {most: seen(tmp_path, rows, warmup_steps=most, num_train_epochs=1).notes for most in (3, 4, 9)}
    assert ["never reaches its value" in notes[-1] for notes in told.values()] == [False, True, True]


@pytest.mark.parametrize(
    ("padded", "max_steps", "packings"), [("true", -1, 1), ("true", 3, 0), ("false", -1, 0)]
)
def test_packing_is_told_only_where_it_saves_and_epochs_decide(
    tmp_path: Path, padded: str, max_steps: int, packings: int
) -> None:
    rows = {"train": [turns(1, 1), turns(2, 4)] * 4}
    told = seen(
        tmp_path,
        rows,
        per_device_train_batch_size=2,
        pad_to_max_length=padded == "true",
        max_steps=max_steps,
    )
    assert len([told.packing] if told.packing else []) == packings
    assert told.training
    assert told.training.by_max_steps == (max_steps > 0)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"model": {"type": "WordLevel", "vocab": {}, "unk_token": "[UNK]"}}, Exception),
        (
            {
                "normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"},
                "pre_tokenizer": {
                    "type": "ByteLevel",
                    "add_prefix_space": True,
                    "trim_offsets": True,
                    "use_regex": False,
                },
            },
            BaseException,
        ),
    ],
    ids=["error", "panic"],
)
def test_a_tokenizer_that_does_not_take_the_rows_leaves_an_estimate(
    tmp_path: Path, changed: Mapping[str, object], kind: type[BaseException]
) -> None:
    tokenizer = read_tokenizer(files(**{"tokenizer.json": {**VOCABULARY, **changed}}), "words")
    with pytest.raises(kind):  # as the library has it
        tokenizer.vocabulary.encode_batch([words(3)])

    told = seen(tmp_path, {"train": [turns(2, 1)]}, tokenizer=tokenizer)

    assert (told.basis, told.longest) == (Basis.ESTIMATED, 20)
    assert "the model's tokenizer does not take the rows" in told.notes[0]


def test_rows_that_come_to_no_token_are_not_trained_on(tmp_path: Path) -> None:
    nothing = "{% if add_generation_prompt %}<assistant>{% endif %}"  # which hides where answers begin, too
    tokenizer = read_tokenizer(files(**{"tokenizer_config.json": {"chat_template": nothing}}), "none")
    told = seen(tmp_path, {"train": [turns(2, 1)], "validation": [turns(1, 1)]}, tokenizer=tokenizer)
    assert [(each.tokens, each.without_answer) for each in told.splits] == [(0, 1), (0, 1)]
    assert told.training is None


def test_filling_up_to_a_length_that_is_not_known_is_not_told_as_another(tmp_path: Path) -> None:
    unbounded = read_tokenizer(files(**{"config.json": None}), "words")
    rows = {"train": [turns(1, 1), turns(9, 1)], "validation": [turns(1, 1)]}
    told = seen(tmp_path, rows, tokenizer=unbounded, pad_to_max_length=True)
    assert told.training
    assert (told.padding, told.packing) == (None, None)
    assert any("longest input, which is not known" in note for note in told.notes)
    known = statistics.of(
        {"train": split(tmp_path, "train", rows["train"])},
        effective(pad_to_max_length=True),
        unbounded,
        target=TargetKind.AZURE,
        longest_input=16,
    )
    assert known.padding
    assert (known.longest, known.padding.in_force) == (16, Ordering.MAXIMUM)


def test_without_parameters_the_rows_alone_are_told(tmp_path: Path) -> None:
    prepared = {"train": split(tmp_path, "train", [turns(1, 1)])}
    told = statistics.of(prepared, None, read_tokenizer(files(), "words"), target=TargetKind.AZURE)
    assert (told.splits[0].tokens, told.training, told.padding, told.packing) == (6, None, None, None)
    assert any("parameters in force are not known" in note for note in told.notes)


def test_figures_come_back_from_json_and_hold_no_text_of_a_row(tmp_path: Path) -> None:
    told = seen(tmp_path, {"train": [turns(3, 2)] * 4})
    text = json.dumps(json_form(told))
    form = json.loads(text)
    back = from_json(form)
    assert back
    assert json_form(back) == form
    assert back.training == told.training
    assert "word word" not in text
    assert from_json(form | {"later": 1, "splits": [each | {"later": 1} for each in form["splits"]]}) == back


@pytest.mark.parametrize("told", [None, [], {}, {"basis": "guessed"}, "text", {"splits": [{}]}])
def test_what_is_no_statistics_is_none(told: Any) -> None:  # noqa: ANN401 - what a file says may be anything
    assert from_json(told) is None


def test_what_is_left_out_of_statistics_makes_them_none(tmp_path: Path) -> None:
    form = dict(json_form(seen(tmp_path, {"train": [turns(3, 2)] * 4})))
    assert from_json(form) is not None
    del form["training"]["tokens"]
    assert from_json(form) is None


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"tokenizer.json": None}, "the model has no tokenizer.json"),
        ({"tokenizer.json": {"model": 1}}, "the model's tokenizer.json cannot be read"),
        ({"tokenizer_config.json": {}}, "the model has no chat template"),
        ({"tokenizer_config.json": {"chat_template": "{% for"}}, "the chat template cannot be read"),
        ({"tokenizer_config.json": {"chat_template": "{{ 1 / 0 }}"}}, "does not take the conversation"),
        (
            {"tokenizer_config.json": {"chat_template": "x" * (LONGEST_TEMPLATE + 1)}},
            "is longer than 262,144",
        ),
    ],
)
def test_files_that_are_no_tokenizer_say_why(more: Mapping[str, object], why: str) -> None:
    with pytest.raises(Unreadable, match=why.replace(".", r"\.")):
        read_tokenizer(files(**more), "words")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[" * 100_000])
def test_settings_that_are_no_json_say_so(content: bytes) -> None:
    with pytest.raises(Unreadable, match="tokenizer_config"):
        read_tokenizer(files() | {"tokenizer_config.json": content}, "words")


def test_of_several_templates_the_default_is_taken_and_a_file_of_its_own_first() -> None:
    several = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": TEMPLATE}]
    made = files(**{"tokenizer_config.json": {"chat_template": several}})
    assert read_tokenizer(made, "words").template.render(turns(1)) == "<user> word <end> "
    made["chat_template.jinja"] = b"{{ messages | length }}"
    assert read_tokenizer(made, "words").template.render(turns(1)) == "1"


def test_special_tokens_come_from_either_file() -> None:
    settings = {"chat_template": "{{ bos_token }}{{ eos_token }}", "eos_token": {"content": "</s>"}}
    special = {"bos_token": "<s>", "eos_token": "other"}
    made = files(**{"tokenizer_config.json": settings, "special_tokens_map.json": special})
    assert read_tokenizer(made, "words").template.render(turns(1)) == "<s></s>"


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}xxxxxxxxxxxxxxxx{% endfor %}{% endfor %}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{% include '/etc/passwd' %}",
    ],
)
def test_a_template_gets_no_further_than_a_conversation_s_text(template: str) -> None:
    with pytest.raises(NotRendered) as refused:
        ChatTemplate(template, {}).render(turns(1))
    assert "passwd" not in str(refused.value)


def test_a_registry_that_does_not_answer_leaves_an_estimate() -> None:
    class Registry:
        def model_files(self, name: str, version: str) -> Mapping[str, bytes]:
            raise CloudUnavailable(f"{name} {version} is out of reach")

    class Other:
        def model_files(self, name: str, version: str) -> Mapping[str, bytes]:
            del name, version
            return files()

    class Empty:
        def model_files(self, name: str, version: str) -> Mapping[str, bytes]:
            del name, version
            return {}

    found = tokenizer_of(Registry(), "Phi-4", "7")
    assert (found.tokenizer, found.unknown) == (None, "Phi-4 7 is out of reach")
    assert tokenizer_of(Empty(), "Phi-4", "7").unknown == "the model has no chat template"
    tokenizer = tokenizer_of(Other(), "Phi-4", "7").tokenizer
    assert tokenizer
    assert tokenizer.origin == "Phi-4 7"


class Asked:
    """A registry that counts how often it is asked; the first of its answers may be a refusal."""

    def __init__(self, *, refusals: int = 0) -> None:
        self.times = 0
        self._refusals = refusals

    def model_files(self, name: str, version: str) -> Mapping[str, bytes]:
        self.times += 1
        if self.times <= self._refusals:
            raise CloudUnavailable(f"{name} {version} is out of reach")
        sleep(0.02)
        return files()


def test_all_who_want_a_model_s_tokenizer_at_once_get_one_that_was_fetched_once() -> None:
    registry = Asked()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: tokenizer_of(registry, "Phi-4", "7").tokenizer, range(4)))
    assert registry.times == 1
    assert all(each is found[0] for each in found)
    other = tokenizer_of(registry, "Phi-4", "8").tokenizer
    assert (registry.times, other and other.origin) == (2, "Phi-4 8")
    assert tokenizer_of(Asked(), "Phi-4", "7").tokenizer is not found[0]


def test_files_that_could_not_be_had_are_asked_for_again() -> None:
    registry = Asked(refusals=1)
    assert tokenizer_of(registry, "Phi-4", "7").unknown == "Phi-4 7 is out of reach"
    assert tokenizer_of(registry, "Phi-4", "7").tokenizer


def test_tokenizers_are_kept_of_the_latest_models_alone() -> None:
    registry = Asked()
    for version in ("1", "2", "3", "3", "2", "1"):
        tokenizer_of(registry, "Phi-4", version)
    assert registry.times == 4
