"""Makes the bundled base model: a tiny Phi-3 that has learned to copy out of a prompt, and no more.

A language model of this size cannot hold knowledge, but it can hold the skill that a short LoRA run builds
on: finding a value in the prompt and writing it into a sentence. So the text it is trained on is made up
here, from a seed: a few hundred invented kinds of request (`Frame`), each with its own wording and its own
form of answer, whose values are mostly invented words; and questions about invented pairs. None of it is
about the bundled chat data (tests/trainer/test_base_model.py compares the two), so what the fine-tuned model
can do was learned in fine-tuning.

    python tools/make_base_model.py runner/emulator/data/base_model      # 15 minutes
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import shutil
import string
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from transformers import Phi3ForCausalLM
    from transformers import PreTrainedTokenizerFast as Tokenizer

ROOT = Path(__file__).resolve().parent.parent
SEED = 20
STEPS = 2800
EXAMPLES_PER_STEP = 32
LEARNING_RATE = 3e-3
FRAMES = 200
REPEATING_FIRST = 16_000  # conversations, that is 500 steps
VOCABULARY = 3072
LONGEST = 1024

SPECIAL = ("<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>", "<unk>", "<s>", "</s>")
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] not in ('system', 'user', 'assistant') %}"
    "{{ raise_exception('a message has the role system, user or assistant, not ' + message['role']) }}"
    "{% endif %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)

WORDS = """
a about above across act add address after again age air all also always an and animal another any apple
april are arm arrow art as ask at august autumn away back bag ball bar bark basket be beach bear beat become
bed been before begin behind bell below bench best better between big bird biscuit black block blue board
boat body bone book both bottom bowl box boy branch brave bread bridge bright bring brother brown brush
build bun burn bush busy but butter button buy by cabin cake call calm camp candle car card care carpet
carry cart castle cat catch cause cave centre chain chair chalk change cheese cherry child circle city class
clean clear climb clock close cloth cloud coat cocoa cold colour come common cook cookie copper corn corner
cost cotton count country cover cow cracker cream cross crowd cup curtain customer cut dance dark date
daughter dear december deep deer deliver desk dish do doctor dog done door down draw dream dress drink drive
drop drum dry dust each ear early earth east easy edge egg eight eleven empty end engine enough evening ever
every eye face fall family far farm fast father feather february feel fence field fig fill find finger
finish fire first fish flag flat floor flower fly fold follow foot for forest fork form fox free friday
friend frog from front full game garden gate gentle ginger girl give glad glass glove go goat gold good
grass gray great green ground group grow had hall hammer hand happy harbour hard has hat have head hear
heart heavy hedge hello help her here hide high hill his hold hole home honey horse hour house how hundred i
ice if in ink inside iron is island it its jacket jam january join july jump june keep key kind king kitchen
kite knee knife know lady lake lamp land large last late laugh lead leaf learn leather left leg lemon letter
level lift light like line lion list listen little live loaf lock long look lost loud love low make many map
march mark market maybe me meadow meal meat meet metal middle milk mill mind minute mirror mister monday
month moon morning most mother mountain mouse mouth move much muffin music my nail name narrow near neck
need nest never new next night nine no noise north nose not note november now number nut oat ocean october
of offer often oil okay old on once only open or orange order other our oven over owl own page paint pair
pan paper park part path pay pear pen pencil people pepper picture pie piece pin pipe place plain plant
plate play please plum pocket point pond pool poppy post pot potato pretty pretzel price puff pull purple
push queen question quick quiet quite rabbit rain reach read ready red regards rest rice ride right ring
river road rock roll roof room root rope rose round row run rye sad sail salt same sand saturday say school
scissors sea seat second see seed sell send september seven shade shape sharp sheep shelf shell ship shirt
shoe shop short show side silver simple sincerely sing sir sister sit six sky sleep slow small smile smooth
snap snow so soap sock soft some song soon sorry sound soup south space spice spoon spring square stair
stand star start station stay steam step still stone stool storm story straight straw street string strong
sugar summer sun sunday sure swim table tail take talk tall tart tea teach tell ten tent thank that the
their them these they thick thin thing think thirty this those thousand thread three throw thursday time
tiny to today together tomato tomorrow tool top touch tower toy track train tree trip true try tuesday turn
twelve twenty two uncle under until us use valley vegetable very village voice wagon wait walk wall want
warm was wash watch water wave way we wear weather wednesday week welcome well were west wet what wheat
wheel when where white who why wide wild will wind window winter wire wise with wolf wood wool word work
world worm would write year yellow yes yesterday you young your zero
""".split()  # noqa: SIM905 - a list of 800 literals is no page to read
TOPICS = """
visit lesson ticket room lamp repair seat song letter game trip meeting tent report watch poem race garden
picture loan boat call lecture photo horse tool desk film key story
""".split()  # noqa: SIM905 - as above
LEADS = (
    "Note a {topic}", "Book one {topic}", "Plan the {topic}", "Could you set a {topic}", "There is a {topic}",
    "We ask about a {topic}", "A {topic} is wanted", "Make room: {topic}", "Good day, a {topic}",
    "New {topic}",
)  # fmt: skip
JOINTS = (
    "with", "by", "for", "near", "past", "at", "from", "via", "after", "under", "beside", "called", "to",
    "on", "of", "meet", "colour", "marked", "owner", "place", "start", "end", "size", "number", "using",
    "before", "against", "in",
)  # fmt: skip
ANSWER_LEADS = (
    "Noted", "All set", "It is done", "The {topic} stands", "Fine", "Written down", "Agreed", "So be it",
    "Ready", "Your {topic} is on the list", "I have it", "Good", "The {topic} is planned", "Right away",
)  # fmt: skip
REAL_SHARE = 0.35  # of the words are real; the rest are invented, so that none can be known beforehand
SPELLED_SHARE = 0.15  # of the invented words are letters at random, the rest are made of syllables
ONSETS = (*"bcdfghjklmnprstvwz", "br", "ch", "gr", "pl", "sh", "")
CODAS = ("", "", "", "n", "r", "l", "s", "t", "m", "ck", "st", "rd", "lk", "ns", "x")
SEPARATORS = (", ", " ", ". ", "; ")


Example = tuple[list[int], list[float]]  # tokens, and how much each of them counts in the loss


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True)
class Frame:
    """One kind of request: its wordings, with a numbered slot for each value, and its one form of answer."""

    prompts: tuple[str, ...]
    answer: str
    kinds: tuple[str, ...]

    def fill(self, rng: random.Random) -> list[Message]:
        """Give the conversation of one request with fresh values."""
        values = [value(rng, kind) for kind in self.kinds]
        return turn(rng.choice(self.prompts).format(*values), self.answer.format(*values))


def turn(user: str, assistant: str) -> list[Message]:
    """Give one question and its answer as messages."""
    return [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]


def value(rng: random.Random, kind: str) -> str:
    """Give a value: a number, a capitalized word, or one or two words."""
    if kind == "number":
        return str(rng.randrange(2, 100))
    if kind == "name":
        return _word(rng).capitalize()
    return " ".join(_word(rng) for _ in range(1 if kind == "word" else 2))


def frames(rng: random.Random) -> list[Frame]:
    """Give the kinds of request that the model is trained on."""
    return [_frame(rng) for _ in range(FRAMES)]


def conversations(rng: random.Random) -> Iterator[list[Message]]:
    """Give training conversations without end; much repeating at first: so copying is learned soonest."""
    kinds = frames(rng)
    for at in itertools.count():
        repeats = 0.7 if at < REPEATING_FIRST else 0.1
        draw = rng.random()
        if draw < repeats:
            yield _repeat(rng)
        elif draw < repeats + 0.05:
            yield _pairs(rng)
        elif draw < repeats + 0.15:
            yield rng.choice(kinds).fill(rng) + rng.choice(kinds).fill(rng)
        else:
            yield rng.choice(kinds).fill(rng)


def train_tokenizer(rng: random.Random) -> Tokenizer:
    """Train a byte-level BPE tokenizer: any text can be encoded, and decodes to itself."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: PLC0415 - heavy
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 - heavy

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    invented = (" " + value(rng, rng.choice(("name", "word"))) for _ in range(20_000))
    sample = itertools.islice(conversations(rng), REPEATING_FIRST, REPEATING_FIRST + 2_000)
    texts = (message["content"] for messages in sample for message in messages)
    real = (
        form
        for word in WORDS
        for form in (f" {word}", f" {word}s", f" {word.capitalize()}", word.capitalize())
    )
    tokenizer.train_from_iterator(itertools.chain(texts, invented, *([form] * 40 for form in real)), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",  # noqa: S106 - a marker in text, no secret
        eos_token="<|endoftext|>",  # noqa: S106 - as above
        pad_token="<|endoftext|>",  # noqa: S106 - as above
        unk_token="<unk>",  # noqa: S106 - as above
        padding_side="left",
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=LONGEST,
    )


def new_model(tokenizer: Tokenizer) -> Phi3ForCausalLM:
    """Build the untrained model."""
    from transformers import GenerationConfig, Phi3Config, Phi3ForCausalLM  # noqa: PLC0415 - heavy

    ends = [tokenizer.convert_tokens_to_ids(token) for token in ("<|endoftext|>", "<|end|>")]
    config = Phi3Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=LONGEST,
        original_max_position_embeddings=LONGEST,
        initializer_range=0.1,  # with the default 0.02 a model this small hardly learns, and LoRA on it less
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=ends[0],
        pad_token_id=tokenizer.pad_token_id,
        use_cache=True,
    )
    model = Phi3ForCausalLM(config)
    model.generation_config = GenerationConfig(
        eos_token_id=ends, pad_token_id=ends[0], bos_token_id=tokenizer.bos_token_id, do_sample=False
    )
    return model


def train(model: Phi3ForCausalLM, tokenizer: Tokenizer, rng: random.Random) -> None:
    """Train on fresh conversations at every step: the answers count in full, the rest a little."""
    import torch  # noqa: PLC0415 - heavy

    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _share_of_learning_rate)
    source = conversations(rng)
    model.train()
    started = time.monotonic()
    for step, batch in zip(range(1, STEPS + 1), _batches(tokenizer, source, rng), strict=False):
        loss = _loss(model, batch, tokenizer.pad_token_id)
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            print(
                f"step {step}/{STEPS} answer loss {loss.item():.4f} {time.monotonic() - started:.0f} s",
                flush=True,
            )


def save(model: Phi3ForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the model in MLflow's format, by the same program that wraps a fine-tuned one."""
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "model"
        model.save_pretrained(plain)
        tokenizer.save_pretrained(plain)
        spec = {
            "inputs": {},
            "paths": {"pytorch_model_folder": str(plain)},
            "outputs": {"mlflow_model_folder": str(folder.resolve())},
        }
        file = Path(scratch) / "spec.json"
        file.write_text(json.dumps(spec), encoding="utf-8")
        command = [sys.executable, "-m", "runner.trainer", "convert", str(file)]
        # the trainer ends when its standard input does, so it is given one that stays open
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as process:  # noqa: S603 - our own program
            if process.wait():
                raise SystemExit("the model could not be converted")


def main() -> None:
    """Make the model and write it into the folder named on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    import torch  # noqa: PLC0415 - --help need not wait for it

    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # more would hardly be faster, and would sum in another order
    tokenizer = train_tokenizer(random.Random(SEED))  # noqa: S311 - reproducible, not secret
    model = new_model(tokenizer)
    print(f"{model.num_parameters():,} parameters")
    train(model, tokenizer, random.Random(SEED))  # noqa: S311 - as above
    save(model, tokenizer, folder)


def _frame(rng: random.Random) -> Frame:
    count = rng.randrange(2, 6)
    topic = rng.choice(TOPICS)
    prompt_joints, answer_joints = rng.sample(JOINTS, count), rng.sample(JOINTS, count)
    lead, separator = rng.choice(LEADS).format(topic=topic), rng.choice(SEPARATORS)
    clauses = [f"{joint} {{{slot}}}" for slot, joint in enumerate(prompt_joints)]
    orders = [rng.sample(clauses, count) for _ in range(rng.randrange(1, 4))]
    answer_lead, answer_separator = rng.choice(ANSWER_LEADS).format(topic=topic), rng.choice(SEPARATORS)
    answer_clauses = [
        f"{joint} {{{slot}}}" if rng.random() < 0.6 else f"{{{slot}}}"  # noqa: PLR2004 - some follow bare
        for slot, joint in zip(rng.sample(range(count), count), answer_joints, strict=True)
    ]
    return Frame(
        prompts=tuple(f"{lead} {separator.join(order)}." for order in orders),
        answer=f"{answer_lead}{rng.choice((', ', ': '))}{answer_separator.join(answer_clauses)}.",
        kinds=tuple(rng.choice(("number", "name", "word", "word", "words")) for _ in range(count)),
    )


def _repeat(rng: random.Random) -> list[Message]:
    text = " ".join(value(rng, rng.choice(("number", "name", "word"))) for _ in range(rng.randrange(2, 13)))
    return turn(f"Repeat: {text}", f"{text}")


def _pairs(rng: random.Random) -> list[Message]:
    pairs = [
        (value(rng, "word"), value(rng, rng.choice(("number", "word", "words"))))
        for _ in range(rng.randrange(2, 6))
    ]
    key, held = rng.choice(pairs)
    told = ". ".join(f"The {a} has {b}" for a, b in pairs)
    return turn(f"{told}. What has the {key}?", f"The {key} has {held}.")


def _word(rng: random.Random) -> str:
    return rng.choice(WORDS) + rng.choice(("", "", "s")) if rng.random() < REAL_SHARE else _invented(rng)


def _invented(rng: random.Random) -> str:
    if rng.random() < SPELLED_SHARE:
        return "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randrange(2, 6)))
    return "".join(
        rng.choice(ONSETS) + rng.choice("aeiou") + rng.choice(CODAS) for _ in range(rng.randrange(1, 3))
    )


def _share_of_learning_rate(step: int) -> float:
    warmup = 100
    if step < warmup:
        return (step + 1) / warmup
    return 0.02 + 0.98 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / (STEPS - warmup)))) / 2


def _batches(
    tokenizer: Tokenizer, source: Iterator[list[Message]], rng: random.Random
) -> Iterator[list[Example]]:
    """Give batches of examples of like length, so that little of the work goes into padding."""
    size = EXAMPLES_PER_STEP
    while True:
        pool = [_encode(tokenizer, next(source)) for _ in range(16 * size)]
        pool.sort(key=lambda example: len(example[0]))
        batches = [pool[at : at + size] for at in range(0, len(pool), size)]
        rng.shuffle(batches)
        yield from batches


def _encode(tokenizer: Tokenizer, messages: list[Message]) -> Example:
    tokens: list[int] = []
    weights: list[float] = []
    for message in messages:
        head = tokenizer.encode(f"<|{message['role']}|>\n", add_special_tokens=False)
        body = tokenizer.encode(message["content"] + "<|end|>", add_special_tokens=False)
        tail = tokenizer.encode("\n", add_special_tokens=False)
        share = 1.0 if message["role"] == "assistant" else 0.02
        tokens += head + body + tail
        weights += [0.0] * len(head) + [share] * len(body) + [0.0] * len(tail)
    return [*tokens, tokenizer.eos_token_id], [*weights, 0.02]


def _loss(model: Phi3ForCausalLM, batch: list[Example], pad: int) -> torch.Tensor:
    import torch  # noqa: PLC0415 - heavy

    longest = max(len(tokens) for tokens, _ in batch)
    tokens = torch.tensor([row + [pad] * (longest - len(row)) for row, _ in batch])
    weights = torch.tensor([row + [0.0] * (longest - len(row)) for _, row in batch])[:, 1:]
    logits = model(input_ids=tokens, use_cache=False).logits[:, :-1]
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
    return (losses * weights).sum() / weights.sum()


if __name__ == "__main__":
    main()
