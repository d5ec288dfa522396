"""A crate on the disk, through the `rocrate` library: as a folder, or as a zip that is the same every time.

Nothing is fetched: what lies elsewhere is only named.
"""

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from runner.crate.entity import Entity
from runner.crate.payload import Staged
from runner.journal import Json

if TYPE_CHECKING:
    from rocrate.rocrate import ROCrate

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
METADATA = "ro-crate-metadata.json"
_TERMS = "https://w3id.org/ro/terms/workflow-run/context"
# The profile extends this version.
_VERSION = "1.1"
# The earliest time that a zip can tell.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX, _MODE = 3, 0o100644


def write(
    folder: Path, root: Mapping[str, Json], entities: Iterable[Entity], files: Mapping[str, Staged]
) -> None:
    """Write the crate and the files that lie in it."""
    # It takes as long to import as a whole `validate`.
    from rocrate.model.contextentity import ContextEntity  # noqa: PLC0415
    from rocrate.rocrate import ROCrate  # noqa: PLC0415

    crate = ROCrate(version=_VERSION)
    crate.metadata.extra_contexts.append(_TERMS)
    profile = {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    crate.add(ContextEntity(crate, PROFILE, properties=profile))
    for each in entities:
        if each.type == "File":
            _add_file(crate, each, files)
        else:
            crate.add(ContextEntity(crate, each.id, properties={"@type": each.type, **each.properties}))
    for name, value in root.items():
        crate.root_dataset[name] = value
    crate.write(folder)


def _add_file(crate: "ROCrate", entity: Entity, files: Mapping[str, Staged]) -> None:
    here = files.get(unquote(entity.id))
    source = here.path if here else entity.id
    crate.add_file(source, here.name if here else None, properties=dict(entity.properties))


def pack(folder: Path, target: Path) -> None:
    """Put a crate into a zip: names in order, no times, no owners."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, _UNIX
            entry.external_attr = _MODE << 16
            with archive.open(entry, "w", force_zip64=True) as out, (folder / name).open("rb") as stream:
                while block := stream.read(1 << 20):
                    out.write(block)
