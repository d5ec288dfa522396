r"""Words that tokenizers take for their own, where they stand in a text: parted, so that none does.

A tokenizer turns `<|im_end|>` in the text of a message into the token that ends a message. A model trained on
such rows learns that its answer ends there, or that what follows is the system's.

The list is closed: the forms below, as chat templates and tokenizers of these families are known to have
them (2026-11). Phi, ChatML (Qwen, Phi-4), Llama 3 and GPT: `<|…|>`. DeepSeek: the same with U+FF5C for each
bar. Llama 2 and Mistral: `<s>`, `[INST]`, `<<SYS>>`, `[TOOL_CALLS]` and so on. Gemma: `<bos>`,
`<start_of_turn>` and so on. BERT and T5: `[CLS]`, `<pad>` and so on. `<think>` and `<tool_call>` are tokens
too, but people train on them on purpose: they are left alone.
"""

import re

_TOKEN = re.compile(
    r"<\|[^\s<>|\[\]]{1,64}\|>"
    r"|<\uff5c[^\s<>\uff5c\[\]]{1,64}\uff5c>"
    r"|</?s>|<(?:unk|pad|bos|eos|mask)>|<(?:start|end)_of_turn>"
    r"|<</?SYS>>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS)\]"
    r"|\[(?:CLS|SEP|MASK|PAD|UNK)\]"
)


def broken_up(text: str) -> str:
    """Put a space after the first character of each such token: `<|im_end|>` becomes `< |im_end|>`.

    A text without one comes back as it is, the same object. A second time nothing more changes.
    """
    # Most texts have neither character, and to look for one takes a fortieth of the time of a match.
    if "<" not in text and "[" not in text:
        return text
    return _TOKEN.sub(_parted, text)


def _parted(found: re.Match[str]) -> str:
    token = found.group()
    return f"{token[0]} {token[1:]}"


def may_have_token(line: bytes) -> bool:
    """Tell whether a line of messages may hold such a token, beside the one bracket that each line has."""
    return b"<" in line or line.find(b"[", line.find(b"[") + 1) > 0
