"""Sets what torch and transformers look at when they are imported; to be called before that."""

from __future__ import annotations

import os
import sys
import warnings


def prepare() -> None:
    """Keep the libraries offline, quiet, and from importing what is not needed here."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is ever downloaded
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # or the tokenizer warns when data loaders fork
    sys.modules["datasets"] = None  # type: ignore[assignment] # or the Trainer imports it, with pandas, for nothing
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")  # it warns itself
