"""What the training will see of the rows: tokens, what is cut, padded and learnt from, and the steps."""

from runner.statistics.asking import Found, tokenizer_of
from runner.statistics.forms import from_json, json_form
from runner.statistics.summary import of
from runner.statistics.tokenizer import Tokenizer, Unreadable
from runner.statistics.tokenizer import read as read_tokenizer
from runner.statistics.values import Basis, Ordering, Packing, Padding, SplitTokens, Statistics, Training

__all__ = [
    "Basis",
    "Found",
    "Ordering",
    "Packing",
    "Padding",
    "SplitTokens",
    "Statistics",
    "Tokenizer",
    "Training",
    "Unreadable",
    "from_json",
    "json_form",
    "of",
    "read_tokenizer",
    "tokenizer_of",
]
