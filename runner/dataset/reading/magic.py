"""What a file is by its first bytes, whatever its name says: told before anything reads rows in it."""

from pathlib import Path

from runner.dataset.reading.refusals import refusal

_FIRST_BYTES = 64
_PARQUET = b"PAR1"
# What a file begins with, what it is, and what to do with it.
_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "compressed by gzip", "unpack it: gunzip"),
    (b"BZh", "compressed by bzip2", "unpack it: bunzip2"),
    (b"\xfd7zXZ\x00", "compressed by xz", "unpack it: unxz"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it: unzstd"),
    (b"\x04\x22\x4d\x18", "compressed by lz4", "unpack it: unlz4"),
    (b"PK\x03\x04", "a ZIP archive, or an Excel workbook", "unpack it, or save the sheet as CSV in UTF-8"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
    (b"ARROW1", "an Arrow file", "save it as Parquet: Dataset.to_parquet"),
    (b"\x93NUMPY", "a NumPy array", "save its rows as JSON lines"),
    (b"\x89HDF", "an HDF5 file", "save its rows as Parquet"),
    (b"SQLite format 3\x00", "an SQLite database", "save its rows as CSV"),
    (b"version https://git-lfs", "a pointer of Git LFS, and not the file itself", "fetch it: git lfs pull"),
    *((bytes((0x80, version)), "a pickle, which can run code when it is read", "save its rows as JSON lines")
      for version in range(2, 6)),
)  # fmt: skip


def refuse_foreign(path: Path, label: str, field: str) -> None:
    """Refuse a file that is not of the format that its name has, if its first bytes tell what it is instead.

    Raises RecipeInvalid, OSError where it cannot be read.
    """
    with path.open("rb") as file:
        first = file.read(_FIRST_BYTES)
    is_parquet = first.startswith(_PARQUET)
    named_parquet = path.suffix == ".parquet"
    if is_parquet and not named_parquet:
        told = ("a Parquet file", "name it .parquet")
    else:
        told = next(((kind, mend) for magic, kind, mend in _KINDS if first.startswith(magic)), ("", ""))
    if not told[0] and named_parquet and not is_parquet:
        told = ("no Parquet file", "name it as its format is named")
    if told[0]:
        message = f"the file is {told[0]}"
        expected = "must be JSON lines, a JSON array, CSV or Parquet"
        raise refusal(label, field, "foreign-content", message, expected=expected, mend=told[1])
