"""No tokenizer's own word is left in a text, and nothing else is changed in it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.dataset.checking.special import broken_up

TOKENS = (
    *("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>", "<|end|>"),
    *("<|im_sep|>", "<|reserved_special_token_0|>", "<\uff5cUser\uff5c>"),
    *("<\uff5cend\u2581of\u2581sentence\uff5c>", "<s>", "</s>", "<unk>", "<pad>", "<bos>", "<eos>", "<mask>"),
    *("<start_of_turn>", "<end_of_turn>", "<<SYS>>", "<</SYS>>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]"),
    *("[/SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]"),
    *("[/TOOL_RESULTS]", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]"),
)
PIECES = (
    *TOKENS,
    *("<", ">", "|", "[", "]", "/", "<|", "|>", "INST", "[[", "<<", "s", " ", "a", "é", "\u2028", "\uff5c"),
)


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_parted_after_its_first_character(token: str) -> None:
    assert broken_up(f"a{token}b {token}") == f"a{token[0]} {token[1:]}b {token[0]} {token[1:]}"


@pytest.mark.parametrize(
    "text",
    [
        *("", "plain", "a < b and c > d", "x[0] | y[1]", "<p>one</p>", "<|", "<||>", "<| im_end |>"),
        *("if a<|b| then|>", "<think>why</think>", "<tool_call>", "[inst]", "[ INST ]", "<S>", "array[s]"),
    ],
)
def test_what_is_no_token_stays_as_it_is(text: str) -> None:
    assert broken_up(text) is text or broken_up(text) == text


def test_a_token_within_what_looks_like_one_is_parted() -> None:
    assert (
        broken_up("<|a[INST]|> <|<|end|>|> <<s>> [[SEP]CLS]")
        == "<|a[ INST]|> <|< |end|>|> << s>> [[ SEP]CLS]"
    )


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_token_is_left_and_only_spaces_are_put_in(text: str) -> None:
    """Tokens within and across one another too, such as `<|a[INST]|>`."""
    broken = broken_up(text)
    assert [token for token in TOKENS if token in broken] == []
    assert broken_up(broken) == broken
    assert re.sub(r"(?<=[<\[]) ", "", broken) == re.sub(r"(?<=[<\[]) ", "", text)
