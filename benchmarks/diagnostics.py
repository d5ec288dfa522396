"""How well mistakes are told: in our recipes, and the same kinds of mistakes in a pipeline given to DVC.

A mistake of ours is found if the recipe is refused, or warned of where that is all it deserves; its place
counts if line and column are the very ones that were edited. Of DVC less is asked, as it names few columns:
one of the lines in its message has to be the edited one (for a missing key, the line of the stage will do).

DVC is driven by `dvc_door.py`, in one process and by its own command line: `dvc stage list --fail`, then
`dvc repro --dry`. `--dvc PATH` says where it is; without it `.venv-bench/bin/dvc` is taken.
"""

import argparse
import base64
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RecipeInvalid
from runner.load import load_bytes
from tests.corpus import pipelines
from tests.corpus.generation import several, single
from tests.corpus.judging import Verdict, counts, judge, table
from tests.corpus.neutral import Rewritten, neutral
from tests.corpus.slip import Kind, Wrong

ROOT = Path(__file__).parents[1]
OF_EACH_KIND = 24
SEVERAL = 100
WORK = ("rows", "model", "scores.json", "report.html", "prepare.py", "train.py", "score.py", "report.py")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What DVC made of one file."""

    wrong: Wrong
    refused: bool
    said: str

    @property
    def is_crash(self) -> bool:
        """Tell whether DVC was surprised itself."""
        return "Traceback (most recent call last)" in self.said or "unexpected error" in self.said

    @property
    def is_placed(self) -> bool:
        """Tell whether every line that was edited is named."""
        named = {int(number) for number in re.findall(r"\bline (\d+)", self.said)}
        near = 1 if Kind.MISSING_KEY in self.wrong.kinds else 0
        lines = [told.line for told in self.wrong.expected]
        return self.refused and all(named & {line, line - near} for line in lines)


def main() -> int:
    """Print the tables; 1 if there is no DVC to compare with."""
    parser = argparse.ArgumentParser(description="tell how well mistakes are told, beside DVC")
    parser.add_argument("--dvc", type=Path, default=ROOT / ".venv-bench" / "bin" / "dvc")
    dvc: Path = parser.parse_args().dvc
    verdicts = [judge(each) for each in single()]
    _show_ours(verdicts)
    if not dvc.is_file():
        print(f"\nno DVC at {dvc}: nothing is compared (make bench installs it; --dvc says where it is)")
        return 1
    _show_beside(verdicts, dvc)
    return 0


def _show_ours(verdicts: Sequence[Verdict]) -> None:
    print("one mistake in a recipe (place: line and column; alone: nothing else was said)")
    print(table(counts(verdicts)))
    detected, placed, exact = (
        sum(getattr(each, name) for each in verdicts) for name in ("is_detected", "is_placed", "is_exact")
    )
    crashes = sum(bool(each.crash) for each in verdicts)
    print(f"{'all':<40}{len(verdicts):>6}{detected:>7}{placed:>7}{exact:>7}{'':>7}{crashes:>7}")
    whole = [judge(each) for each in several()]
    good = sum(each.is_exact and each.is_ordered for each in whole)
    print(f"\nseveral mistakes in a recipe: {good} of {len(whole)} files told whole, and in order")
    rewritten = neutral()
    same = sum(_means_the_same(each) for each in rewritten)
    print(f"edits that change nothing: {same} of {len(rewritten)} load as before, with no more findings")


def _means_the_same(rewritten: Rewritten) -> bool:
    source = rewritten.source
    before = load_bytes(source.text.encode(), source.path)
    try:
        after = load_bytes(rewritten.content, source.path)
    except RecipeInvalid:
        return False
    return after.recipe == before.recipe and len(after.notices) == len(before.notices)


def _show_beside(verdicts: Sequence[Verdict], dvc: Path) -> None:
    made = [*pipelines.single(OF_EACH_KIND), *pipelines.several(SEVERAL)]
    answers = _ask(dvc, made)
    one = [each for each in answers if len(each.wrong.kinds) == 1]
    more = [each for each in answers if len(each.wrong.kinds) > 1]
    print("\nthe same kinds of mistakes, in a pipeline of DVC and in recipes (line: the edited one is named)")
    print(f"{'':<32}{'DVC':>12}{'':>22}{'ours':>12}")
    print(f"{'kind':<32}{'made':>12}{'refused':>9}{'line':>6}{'crash':>7}{'made':>12}{'found':>7}{'line':>6}")
    for kind in dict.fromkeys(each.wrong.kinds[0] for each in one):
        _row(
            kind.value,
            [each for each in one if each.wrong.kinds[0] is kind],
            [each for each in verdicts if each.wrong.kinds[0] is kind],
        )
    kinds = {each.wrong.kinds[0] for each in one}
    _row("all of these", one, [each for each in verdicts if each.wrong.kinds[0] in kinds])
    whole = sum(each.is_placed for each in more)
    print(f"\nseveral mistakes in a pipeline: DVC names every line in {whole} of {len(more)} files")


def _row(name: str, answers: Sequence[Answer], verdicts: Sequence[Verdict]) -> None:
    refused, placed = sum(each.refused for each in answers), sum(each.is_placed for each in answers)
    crashed = sum(each.is_crash for each in answers)
    found, lines = sum(each.is_detected for each in verdicts), sum(each.is_on_its_line for each in verdicts)
    theirs = f"{len(answers):>12}{refused:>9}{placed:>6}{crashed:>7}"
    print(f"{name:<32}{theirs}{len(verdicts):>12}{found:>7}{lines:>6}")


def _ask(dvc: Path, made: Sequence[Wrong]) -> list[Answer]:
    """Let DVC judge every file; the valid one goes first and has to pass, else nothing is compared."""
    valid = pipelines.pipeline().text.encode()
    with tempfile.TemporaryDirectory() as folder:
        _lay_out(Path(folder))
        files = [base64.b64encode(content).decode() for content in (valid, *(each.content for each in made))]
        command = [str(dvc.parent / "python"), str(Path(__file__).with_name("dvc_door.py"))]
        asked = json.dumps({"folder": folder, "files": files})
        done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    first, *rest = json.loads(done.stdout)
    if first["refused"]:
        sys.exit(
            f"DVC refuses the pipeline without any mistake, so there is nothing to compare:\n{first['said']}"
        )
    return [Answer(wrong=each, **answer) for each, answer in zip(made, rest, strict=True)]


def _lay_out(folder: Path) -> None:
    """Write what the pipeline depends on, so that only its mistakes are refused."""
    (folder / "src").mkdir()
    for name in WORK:
        (folder / "src" / name).write_text("x\n", encoding="utf-8")
    (folder / "params.yaml").write_bytes((pipelines.FOLDER / "params.yaml").read_bytes())


if __name__ == "__main__":
    sys.exit(main())
