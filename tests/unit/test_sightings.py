"""What tells two prompts and two rows apart."""

from runner.dataset.checking.conversation import Conversation
from runner.dataset.checking.sightings import Digests, digests


def of(*contents: str, system: bool = False) -> Digests:
    roles = (["system"] if system else []) + ["user", "assistant"] * len(contents)
    return digests(Conversation(tuple(roles[: len(contents)]), contents))


def test_white_space_and_the_form_of_accents_tell_no_prompts_apart() -> None:
    same = ("What is 1?", " What\tis\u00a0 1? \n", "What\x1cis 1?", "Whatis1?")
    assert len({of(text, "2") for text in same}) == 1
    assert of("Caf\u00e9\v?", "2") == of("Cafe\u0301 ?", "2")
    assert of("What is 1?", "2").prompt != of("what is 1?", "2").prompt


def test_a_prompt_is_all_up_to_the_users_first_message() -> None:
    opened = [of("s", "1", "2", system=True), of("s", "3", "2", system=True), of("t", "1", "2", system=True)]
    assert len({each.prompt for each in (*opened, of("1", "2"), of("s1", "2"))}) == 5
    assert of("1", "2").prompt == of("1", "3", "4", "5").prompt


def test_a_row_is_all_that_is_said() -> None:
    assert of("1", "2").row == of("1 ", "2\n").row
    assert of("1", "3", "4", "2").row == of(" 1", "3", "4", "2 ").row
    others = (
        ("1", "2"),
        ("1", "3"),
        ("2", "2"),
        ("1", "3", "4", "2"),
        ("1", "3", "5", "2"),
        ("1", "34", "", "2"),
    )
    assert len({of(*contents).row for contents in others}) == len(others)
