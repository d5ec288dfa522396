"""What is predicted of a training against what transformers and the trainer make of the same rows."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers.tokenization_utils_tokenizers import PreTrainedTokenizerFast
from transformers.trainer import Trainer
from transformers.trainer_pt_utils import get_length_grouped_indices
from transformers.training_args import TrainingArguments

from runner.statistics import encoding, read_tokenizer
from runner.statistics.conversation import NotRendered
from runner.statistics.padding import by_length
from runner.statistics.schedule import Settings, steps, steps_per_epoch, warmup_steps
from runner.trainer.errors import TrainerError
from runner.trainer.examples import UNLABELLED, encode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.statistics import Tokenizer
    from runner.trainer.rows import Message

# Each with what a family of templates is known for; none of them is a model's own.
TEMPLATES = {
    "the emulator's": "",
    # Phi-3: a line a turn, and the end of the text only where no answer is asked for.
    "phi": (
        "{{ bos_token }}{% for message in messages %}\n"
        "    {% if message['role'] == 'system' and message['content'] %}\n"
        "{{ '<|system|>\n' + message['content'] + '<|end|>\n' }}\n"
        "    {% elif message.role == 'user' %}{{ '<|user|>\n' + message.content + '<|end|>\n' }}\n"
        "    {% elif message.role == 'assistant' %}{{ '<|assistant|>\n' + message.content + '<|end|>\n' }}\n"
        "    {%- endif %}{% endfor %}\n"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
    ),
    # Llama 3: macros, variables set outside a loop, trimmed contents, a date, tools that are not there.
    "llama": (
        "{% macro header(role) %}{{ '<|start|>' + role + '<|stop|>\n\n' }}{% endmacro %}"
        "{%- set told = namespace(system='', at=0) -%}"
        "{% if messages[0]['role'] == 'system' %}{% set told.system = messages[0].content | trim %}"
        "{% set loop_messages = messages[1:] %}{% else %}{% set loop_messages = messages %}{% endif %}\n"
        "{{- bos_token }}{{ header('system') }}"
        "{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% endif %}"
        "{% if tools is not none %}{{ tools | tojson }}{% endif %}{{ told.system }}<|eot|>\n"
        "{% for message in loop_messages %}{{ header(message['role']) }}"
        "{{ message['content'] | trim }}{{ '<|eot|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ header('assistant') }}{% endif %}"
    ),
    # ChatML, with the marks of answers that newer templates have, JSON, and a loop that is broken off.
    "chatml": (
        "{%- for message in messages %}\n"
        "{{- '<|im_start|>' + message['role'] + '\n' }}\n"
        "{%- if message.role == 'assistant' %}"
        "{% generation %}{{ message.content }}<|im_end|>{% endgeneration %}"
        "{% else %}{{ message.content }}<|im_end|>{% endif %}{{ '\n' }}"
        "{%- endfor %}\n"
        "{%- for message in messages %}{% if loop.index > 1 %}{% break %}{% endif %}"
        "{{ {'é': message.role, 'n': [1, none, true]} | tojson(indent=1) }}{% endfor %}\n"
        "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    # Nobody's: the first token of all is an answer's, which nothing predicts.
    "answers": (
        "{% for message in messages if message.role == 'assistant' %}{{ message.content }}\n{% endfor %}"
    ),
    # Gemma: what it does not take is refused.
    "strict": (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{% for message in messages %}"
        "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('in turns') }}{% endif %}"
        "<t>{{ message['role'] }}\n{{ message['content'] }}</t>\n{% endfor %}"
        "{% if add_generation_prompt %}<t>assistant\n{% endif %}"
    ),
}


def said(*contents: str, first: str = "user") -> list[Message]:
    roles = ["user", "assistant"] if first == "user" else ["system", "user", "assistant"]
    head: list[Message] = [{"role": first, "content": contents[0]}] if first == "system" else []
    rest = contents[len(head) :]
    return head + [{"role": roles[-2:][at % 2], "content": each} for at, each in enumerate(rest)]


CONVERSATIONS = [
    said("One?", "The first answer.", "Two?", "The second."),
    said("Be brief.", "One?", "Yes.", first="system"),
    said("  blank  \n", "\n line \n\n"),
    said("Grüße, 你好 🙂 é", "naïve café — “quoted” <|end|> {{ 7 * 7 }}"),
    said("Many?", "word " * 300, "More?", "x" * 40),
]


@pytest.fixture(params=sorted(TEMPLATES))
def files(request: pytest.FixtureRequest, base_model: Path) -> dict[str, bytes]:
    return files_with(base_model, TEMPLATES[request.param])


def files_with(base_model: Path, template: str) -> dict[str, bytes]:
    found = {
        path.name: path.read_bytes()
        for folder in ("model", "tokenizer")
        for path in (base_model / "data" / folder).iterdir()
        if path.suffix != ".safetensors"
    }
    return found | ({"chat_template.jinja": template.encode()} if template else {})


def both(files: Mapping[str, bytes], folder: Path) -> tuple[Tokenizer, PreTrainedTokenizerFast]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return read_tokenizer(files, "the model's"), PreTrainedTokenizerFast.from_pretrained(folder)


def test_conversations_are_rendered_and_counted_as_by_transformers(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    ours, theirs = both(files, tmp_path)
    taken = 0
    for messages in CONVERSATIONS:
        for prompts in (False, True):
            expected = rendered(theirs, messages, prompts=prompts)
            if expected is None:
                with pytest.raises(NotRendered):
                    ours.template.render(plain(messages), add_generation_prompt=prompts)
                continue
            taken += 1
            text = ours.template.render(plain(messages), add_generation_prompt=prompts)
            assert text == expected
            assert len(ours.encode([text])[0]) == len(theirs(text, add_special_tokens=False)["input_ids"])
    assert taken >= 8


def plain(messages: list[Message]) -> list[dict[str, str]]:
    return [{"role": message["role"], "content": message["content"]} for message in messages]


def rendered(tokenizer: PreTrainedTokenizerFast, messages: list[Message], *, prompts: bool) -> str | None:
    try:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompts))
    except Exception:  # noqa: BLE001 - a template's refusal is whatever Jinja makes of it
        return None


@pytest.mark.parametrize("longest", [1, 7, 24, 40, 1000])
def test_what_is_learnt_from_a_row_is_what_the_trainer_learns_from(
    files: dict[str, bytes], tmp_path: Path, longest: int
) -> None:
    ours, theirs = both(files, tmp_path)
    for messages in CONVERSATIONS:
        [length] = encoding.lengths(ours, [plain(messages)], longest)
        try:
            examples = encode(theirs, [messages], longest)
        except TrainerError:
            assert length is not None
            assert length.learnt is None
            continue
        except Exception:  # noqa: BLE001 - as above
            assert length is None
            continue
        assert length is not None
        assert length.is_trained_on == bool(examples)
        for example in examples:
            labels = sum(label != UNLABELLED for label in example["labels"][1:])
            assert (length.kept, length.learnt) == (len(example["input_ids"]), labels)


def test_all_of_the_bundled_rows_are_counted_as_the_trainer_does(
    base_model: Path, chat_data: Path, tmp_path: Path
) -> None:
    ours, theirs = both(files_with(base_model, ""), tmp_path)
    rows = [json.loads(line)["messages"] for line in (chat_data / "train.jsonl").read_text().splitlines()]
    lengths = list(encoding.lengths(ours, rows, 60))
    examples = encode(theirs, rows, 60)
    assert sum(each.kept for each in lengths if each) == sum(len(each["input_ids"]) for each in examples)
    assert sum(each.learnt or 0 for each in lengths if each) == sum(
        label != UNLABELLED for each in examples for label in each["labels"][1:]
    )


@pytest.mark.parametrize(
    ("rows", "batch_size", "accumulation", "epochs", "max_steps", "warmup"),
    [(400, 8, 1, 3, None, 10), (401, 8, 3, 2, None, 0), (5, 8, 4, 1, None, 0.1), (37, 2, 4, 3, 11, 0.25)],
)
def test_steps_are_those_of_the_trainer(  # noqa: PLR0913, PLR0917 - the parameters are the test
    tmp_path: Path,
    rows: int,
    batch_size: int,
    accumulation: int,
    epochs: int,
    max_steps: int | None,
    warmup: float,
) -> None:
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        use_cpu=True,
        num_train_epochs=epochs,
        max_steps=max_steps or -1,
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=accumulation,
        warmup_steps=warmup,
        report_to="none",
    )
    data: Any = [{"x": torch.zeros(1)}] * rows
    trainer = Trainer(model=torch.nn.Linear(1, 1), args=arguments, train_dataset=data)
    told = trainer.set_initial_training_values(arguments, trainer.get_train_dataloader())
    chosen = settings(batch_size, accumulation, epochs, max_steps, warmup)
    total = steps(steps_per_epoch(rows, chosen), chosen)
    assert (steps_per_epoch(rows, chosen), total) == (told[1], told[-1])
    assert warmup_steps(total, chosen) == arguments.get_warmup_steps(total)


def settings(
    batch_size: int, accumulation: int, epochs: int, max_steps: int | None, warmup: float
) -> Settings:
    return Settings(
        batch_size=batch_size,
        accumulation=accumulation,
        devices=1,
        epochs=epochs,
        max_steps=max_steps,
        max_length=None,
        warmup=warmup,
        seed=42,
        padded=False,
        shrinking=False,
        stopping=False,
    )


@pytest.mark.parametrize(("rows", "size"), [(7, 8), (64, 4), (1001, 8)])
def test_batches_of_like_length_are_drawn_as_transformers_draws_them(
    monkeypatch: pytest.MonkeyPatch, rows: int, size: int
) -> None:
    lengths = [17 + at * at % 91 for at in range(rows)]
    # Their order at random is torch's, ours is Python's: with none, the rest has to be the same.
    monkeypatch.setattr("torch.randperm", lambda count, generator: torch.arange(count))  # noqa: ARG005
    monkeypatch.setattr("random.Random.shuffle", lambda _self, drawn: drawn)
    order = get_length_grouped_indices(lengths, size)
    batches = by_length(lengths, size, 1)
    assert [length for batch in batches for length in batch] == [lengths[at] for at in order]
    assert len(batches) == math.ceil(rows / size)
