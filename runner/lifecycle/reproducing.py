"""Make a run again from its manifest: everything pinned, into a folder of its own, and judged at its end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from runner import manifest, manifest_file, opening, runs, target, under_way
from runner.errors import ExitCode, RunnerError, UsageError
from runner.facts import Target, TargetKind
from runner.journal import FILE_NAME, Json, read
from runner.lifecycle.beginning import begun
from runner.lifecycle.carry_out import at_the_console
from runner.lifecycle.cited import cited
from runner.lifecycle.judging import REPRODUCTION, Measure, judged
from runner.lifecycle.reopening import in_force, recipe_path
from runner.lifecycle.repeatable import Original, repeated
from runner.load import Loaded, load_bytes
from runner.manifest import Manifest
from runner.session import Session


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a command line asks for: which run, what is to be otherwise, where, and how it is judged."""

    name: str
    settings: tuple[str, ...]
    runs_dir: Path
    target: TargetKind | None
    state: Path | None
    cancel: bool
    tolerance: float
    exact: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """The manifest that is reproduced, its file, and the folder that its paths are seen from."""

    said: Manifest
    file: Path
    folder: Path


def reproduce(session: Session, wish: Wish) -> ExitCode:
    """Check everything, carry it out, and judge it. Raises PreflightRefused or Drifted before that."""
    source = _source(wish)
    loaded = _recipe(source, wish.settings)
    runs.check(wish.runs_dir)
    kind = wish.target or TargetKind(source.said.target["kind"])
    with (
        opening.reached(session, kind, session.emulator_state(wish.state)) as lease,
        TemporaryDirectory(prefix="runner-rows-") as rows,
    ):
        loaded = opening.filled_in(session, loaded, kind)
        original = Original(said=source.said, settings=wish.settings, variables=_variables(source.folder))
        chosen = _where(session, original, loaded, kind)
        under_way.refuse_a_second(wish.runs_dir, loaded.recipe.name, chosen)
        cloud = opening.connected(session, chosen, loaded.recipe.model.registry)
        again = repeated(session, original, loaded, cloud, Path(rows))
        more = _more(source, wish)
        with begun(session, again.opened, chosen, wish.runs_dir, cancel=wish.cancel, more=more) as run:
            try:
                context = opening.context(again.opened, run.folder)
                context = replace(context, prepared=again.prepared or None)
                return at_the_console(session, run, again.opened.plan, context, judged).exit_code
            finally:
                lease.keep = bool(run.manifest.alive)


def _source(wish: Wish) -> _Source:
    """Find the manifest; one that lies alone is seen from where its run would lie here."""
    said, folder = runs.find_manifest(wish.runs_dir, wish.name)
    file = Path(wish.name) if folder is None else folder / manifest.FILE_NAME
    is_its_own = folder is not None and folder.resolve().name == said.run_id
    return _Source(
        said=said, file=file, folder=folder if folder and is_its_own else wish.runs_dir / said.run_id
    )


def _recipe(source: _Source, settings: tuple[str, ...]) -> Loaded:
    """Load what was in force, as if it lay where the recipe did, with the settings on top.

    Raises UsageError where these make a sweep of it.
    """
    path = recipe_path(source.said, source.folder)
    here = Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    loaded = load_bytes(in_force(source.said), shown, settings=settings)
    if loaded.points:
        raise UsageError(
            "a run is reproduced as one run, not as a sweep",
            hint="leave the setting of sweep out; a recipe with a sweep is carried out by runner run",
        )
    return cited(loaded, source.said)


def _variables(folder: Path) -> Mapping[str, str] | None:
    """Give the digests of what the run took from the environment, where its journal is at hand and whole."""
    try:
        records = read(folder / FILE_NAME) if (folder / FILE_NAME).is_file() else []
    except RunnerError:
        return None
    return records[0].data.get("variables") if records else None


def _where(session: Session, original: Original, loaded: Loaded, kind: TargetKind) -> Target:
    """Give the workspace that the run was in, unless another one is asked for."""
    then = original.said.target
    if kind.value != then["kind"] or original.sets("workspace"):
        return opening.where(session, loaded, kind)
    return target.of_a_run(then, session.environment)


def _more(source: _Source, wish: Wish) -> dict[str, Json]:
    """Record whose child the run is, and how it is to be judged, by whichever process ends it."""
    digest = manifest_file.read(source.file).get("digest", "") if source.file.is_file() else ""
    parent: dict[str, Json] = {
        "run_id": source.said.run_id,
        "digest": digest,
        "settings": list(wish.settings),
        "tolerance": wish.tolerance,
        "exact": wish.exact,
    }
    path = source.file if source.file.is_file() else None
    measure = Measure(path=path, tolerance=wish.tolerance, exact=wish.exact)
    return {"parent": parent, REPRODUCTION: measure.as_json(wish.runs_dir / "run")}
