"""How far the estimated hours of a training are from published throughputs, each of a public table.

The spans in `runner/catalog/figures.json` were chosen by pre-training tables (llm-foundry, fms-fsdp) and, for
the shortest time of a step, by those rows of the Qwen table that have 1.8 billion weights, or train all of
7 billion on few tokens. None of those is among the cases.
"""

import statistics
from dataclasses import dataclass

from runner.catalog.figures import Span, exactly
from runner.catalog.gpus import peak
from runner.cost.training import Recomputation, Work, hours

QWEN = "QwenLM/Qwen:README.md@03cd81f5"
TORCHTUNE = "pytorch/torchtune:README.md@a9ea6d5b"
TORCHTITAN = "pytorch/torchtitan:benchmarks/llama3_h100_202412_torchtitan.md@31a17bfd"
AUTOMODEL = "NVIDIA-NeMo/Automodel:docs/performance-summary.md@01926a5c"
A100, H100 = "A100 80GB", "H100 80GB"
QWEN_7B, QWEN_14B, QWEN_72B = 7_721_324_544, 14_167_290_880, 72_287_920_128
LLAMA_3B, LLAMA_8B, LLAMA_70B = 3_212_749_824, 8_030_261_248, 70_553_706_496
ALWAYS, MAYBE, NEVER = Recomputation.ALWAYS, Recomputation.MAYBE, Recomputation.NEVER
_ROWS = 100_000
_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A published training; `measured` is in tokens a second over all its GPUs."""

    name: str
    source: str
    parameters: int
    gpu: str
    gpus: int
    tokens: int
    rows_per_step: int
    lora: bool
    recomputation: Recomputation
    measured: float


def qwen(  # noqa: PLR0913 - the columns of the table
    name: str, parameters: int, tokens: int, seconds: float, *, gpus: int = 1, lora: bool = True
) -> Case:
    """Make a case of the Qwen table, which gives seconds for 8 steps of one row a GPU, recomputed."""
    return Case(
        name=f"{name}, {tokens:,} tokens",
        source=QWEN,
        parameters=parameters,
        gpu=A100,
        gpus=gpus,
        tokens=tokens,
        rows_per_step=1,
        lora=lora,
        recomputation=ALWAYS,
        measured=8 * tokens * gpus / seconds,
    )


def other(  # noqa: PLR0913 - as above
    name: str,
    source: str,
    parameters: int,
    measured: float,
    *,
    gpu: str = A100,
    gpus: int = 1,
    tokens: int = 4096,
    rows_per_step: int = 2,
    lora: bool = False,
    recomputation: Recomputation = NEVER,
) -> Case:
    """Make a case of another table."""
    return Case(
        name=name,
        source=source,
        parameters=parameters,
        gpu=gpu,
        gpus=gpus,
        tokens=tokens,
        rows_per_step=rows_per_step,
        lora=lora,
        recomputation=recomputation,
        measured=measured,
    )


CASES = (
    *(
        qwen("Qwen-7B LoRA", QWEN_7B, tokens, seconds)
        for tokens, seconds in ((256, 1.2), (512, 1.5), (1024, 2.8), (2048, 5.2), (4096, 10.1), (8192, 21.3))
    ),
    *(
        qwen("Qwen-14B LoRA", QWEN_14B, tokens, seconds)
        for tokens, seconds in ((256, 1.6), (1024, 4.4), (4096, 17.0))
    ),
    qwen("Qwen-7B full, 2 GPUs", QWEN_7B, 1024, 4.5, gpus=2, lora=False),
    *(
        qwen("Qwen-72B LoRA, ZeRO-3, 4 GPUs", QWEN_72B, tokens, seconds, gpus=4)
        for tokens, seconds in ((256, 17.6), (1024, 29.4), (4096, 83.4))
    ),
    other("Llama 3.2 3B full, packed", TORCHTUNE, LLAMA_3B, 7075),
    other("Llama 3.2 3B full, packed, compiled", TORCHTUNE, LLAMA_3B, 8998),
    other("  the same, recomputed", TORCHTUNE, LLAMA_3B, 7210, recomputation=ALWAYS),
    other("Llama 3.2 3B LoRA, packed", TORCHTUNE, LLAMA_3B, 8210, lora=True, recomputation=ALWAYS),
    other(
        "Llama 3.1 70B LoRA, 8 GPUs",
        TORCHTUNE,
        LLAMA_70B,
        3497,
        gpus=8,
        tokens=2048,
        lora=True,
        recomputation=ALWAYS,
    ),
    other(
        "Llama 3.1 8B all weights, 8 GPUs",
        TORCHTITAN,
        LLAMA_8B,
        8 * 5762,
        gpu=H100,
        gpus=8,
        tokens=8192,
        recomputation=MAYBE,
    ),
    other(
        "Llama 3 70B LoRA, 8 GPUs",
        AUTOMODEL,
        LLAMA_70B,
        8 * 608.42,
        gpu=H100,
        gpus=8,
        rows_per_step=1,
        lora=True,
        recomputation=MAYBE,
    ),
)


def main() -> None:
    """Print each case beside its estimate, then how the errors lie."""
    print(
        f"{'case':<44} {'GPU':<10} {'measured':>9} {'low':>7} {'likely':>7} {'high':>7} {'time x':>7}  inside"
    )
    errors, inside = [], 0
    for case in CASES:
        estimated = throughput(case)
        error = case.measured / estimated.likely
        within = estimated.low <= case.measured <= estimated.high
        errors.append(error)
        inside += within
        speeds = " ".join(f"{each:>7,.0f}" for each in (estimated.low, estimated.likely, estimated.high))
        print(f"{case.name:<44} {case.gpu:<10} {case.measured:>9,.0f} {speeds} {error:>7.2f}  {within}")
    print(
        f"\ntokens a second, all GPUs; time x: estimated likely time over measured time, {len(errors)} cases"
    )
    print(f"inside the span: {inside} of {len(errors)}")
    print(f"time x: median {statistics.median(errors):.2f}, from {min(errors):.2f} to {max(errors):.2f}")
    print("\n".join(sorted({case.source for case in CASES})))


def throughput(case: Case) -> Span:
    """Turn the hours estimated for a case into tokens a second; the least of one is the most of the other."""
    known = peak(case.gpu, "16")
    assert known is not None, "the GPU is in the catalog"  # noqa: S101 - our own mistake
    work = Work(
        parameters=case.parameters,
        tokens_per_row=exactly(case.tokens),
        rows=_ROWS,
        evaluated_rows=0,
        rows_per_step=case.rows_per_step,
        gpus=case.gpus,
        lora=case.lora,
        recomputation=case.recomputation,
        peak=known.flops,
    )
    taken, tokens = hours(work), case.tokens * _ROWS / _SECONDS_PER_HOUR
    return Span(low=tokens / taken.high, likely=tokens / taken.likely, high=tokens / taken.low)


if __name__ == "__main__":
    main()
