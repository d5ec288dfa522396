"""Secrets go by value and by shape; control characters are shown, not sent."""

import json
import math

import pytest

from runner.redact import MASK, as_json, printable, redact, register, scrub

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET https://store/blob?sv=2024-11-04&sig=ab%2Bcd%3D", "ab%2Bcd%3D"),
        ("sig=ab%2Bcd%3D at the start", "ab%2Bcd%3D"),
        ("lines\nsig=ab%2Bcd%3D", "ab%2Bcd%3D"),
        ("AccountName=store;AccountKey=YWJjZGVmZw==;EndpointSuffix=core", "YWJjZGVmZw=="),
        ("Endpoint=sb://bus;SharedAccessKey=YWJjZGVmZw==", "YWJjZGVmZw=="),
        ("SharedAccessSignature=sv_2024_abcdef", "sv_2024_abcdef"),
        ("client_secret=Q~secretsecret&grant_type=x", "Q~secretsecret"),
        ("Server=db;password=hunter2hunter2;", "hunter2hunter2"),
        ("authorization: bearer 0123456789abcdef", "0123456789abcdef"),
        (f"token {JWT} was refused", JWT),
        ("HF_TOKEN hf_abcdefghijklmnopqrst", "hf_abcdefghijklmnopqrst"),
        ("https://ghp_abcdefghijklmnopqrst@github.com/x", "ghp_abcdefghijklmnopqrst"),
        ("github_pat_11ABCDEFG0_abcdefghijklmnop", "11ABCDEFG0_abcdefghijklmnop"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB\n-----END RSA PRIVATE KEY-----", "MIIEpAIB"),
        ("cut off: -----BEGIN PRIVATE KEY-----\nMIIEpAIB", "MIIEpAIB"),
    ],
)
def test_what_has_a_secrets_shape_is_taken_out(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redact(text)
    assert MASK in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "learning_rate 5e-6, batch_size=8, seq=2048",
        "runs/20261121T082300Z-small-1a2b/manifest.json",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "/subscriptions/5f3a/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws",
        "no Bearer of bad news",
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert redact(text) == text


def test_what_stands_around_a_secret_stays() -> None:
    assert redact("a?sig=abcdef12&x=1 b") == f"a?sig={MASK}&x=1 b"


def test_a_registered_value_is_taken_out_wherever_it_turns_up() -> None:
    key = register("kR7+/key==of:an&endpoint")
    assert redact(f"<{key}> and {key}") == f"<{MASK}> and {MASK}"


def test_a_registered_value_is_known_in_an_address_too() -> None:
    register("url/key+with=signs")
    assert redact("https://x/?code=url%2Fkey%2Bwith%3Dsigns&y") == f"https://x/?code={MASK}&y"


def test_the_longer_of_two_overlapping_values_goes_first() -> None:
    register("overlap-one")
    register("overlap-one-and-more")
    assert redact("overlap-one-and-more") == MASK


def test_a_value_too_short_to_be_a_key_blanks_out_nothing() -> None:
    register("train")
    register("")
    assert redact("train the model") == "train the model"


@pytest.mark.parametrize(
    "mark",
    [
        "\x00",
        "\x07",
        "\x08",
        "\r",
        "\x1b",
        "\x7f",
        "\x85",
        "\x9b",
        "\u061c",
        "\u200e",
        "\u200f",
        "\u202e",
        "\u2066",
    ],
)
def test_a_control_character_is_shown_instead_of_sent(mark: str) -> None:
    number = ord(mark)
    shown = f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
    assert printable(f"a{mark}b") == f"a{shown}b"


def test_text_lines_and_tabs_stay_as_they_are() -> None:
    assert printable("é ✓ 漢字\n\tend") == "é ✓ 漢字\n\tend"


def test_a_value_is_scrubbed_in_all_its_texts_and_keys() -> None:
    register("scrub-canary-0123")
    value = {"scrub-canary-0123": [("a?sig=abcdef12", 7)], "b": {"c": None, "d": True, "e": 0.5}}
    assert scrub(value) == {MASK: [[f"a?sig={MASK}", 7]], "b": {"c": None, "d": True, "e": 0.5}}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_hold_becomes_null(number: float) -> None:
    assert as_json({"loss": [number, 1.5]}) == '{"loss": [null, 1.5]}'


def test_json_is_ascii_without_a_control_character() -> None:
    text = "é\u2028\x85\ud800\x1b\x7f\x9b\u202e\n"
    assert as_json(text).isprintable()
    assert as_json(text).isascii()
    assert json.loads(as_json(text)) == text
