"""Files of denial rows: which ones a path means, their columns, and one schema for all of them."""

import csv
import gzip
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.claims.export.file_kinds import kind_of
from toolkit.claims.export.sheets import with_folders
from toolkit.errors import InputError
from toolkit.worklist import facts, rows

TEXTS = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class RowFile:
    """A file whose columns are known and whose rows were not read."""

    path: Path
    schema: pa.Schema  # of its own columns, and those in its folders' names
    about: pq.FileMetaData | None = None  # of a Parquet file: its row groups
    names: tuple[str, ...] = ()  # the headings of a CSV
    delimiter: str = ","
    offset: int | None = None  # of the rows of a CSV; None where it is not cut by its bytes


_SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".gz": "csv", ".tsv": "csv", ".txt": "csv"}


def files_of(paths: Path | str | Iterable[Path | str]) -> list[Path]:
    """Return the CSV or Parquet files that paths, folders (also partitioned ones) and patterns mean."""
    return [path for path, _ in _found(paths)]


def _found(paths: Path | str | Iterable[Path | str]) -> list[tuple[Path, bool]]:
    """Return each file, with whether it was named itself."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found: dict[Path, bool] = {}
    for path in map(Path, given):
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.suffix.lower() in _SUFFIXES)
            for one in inside:
                if not one.name.startswith((".", "_")):
                    found.setdefault(one, False)
        elif any(mark in str(path) for mark in "*?[") and not path.exists():
            root = Path(path.anchor) if path.is_absolute() else Path()
            pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)
            for one in sorted(one for one in root.glob(pattern) if one.is_file()):
                found.setdefault(one, False)
        else:
            found[path] = True
    if not found:
        raise InputError("no file is there; name a file, a folder or a pattern")
    for path in found:
        if not path.is_file():
            raise InputError(f"{path.name}: cannot be opened (no such file)")
    kinds = {_SUFFIXES.get(path.suffix.lower()) for path in found}
    if None in kinds or len(kinds) > 1:
        raise InputError("rows are read from files that are all .parquet or all .csv")
    return list(found.items())


def opened(paths: Path | str | Iterable[Path | str]) -> tuple[tuple[RowFile, ...], list[str]]:
    """Return the files with their columns, and notes on those of a folder that cannot be opened."""
    files, broken = [], []
    for path, named in _found(paths):
        try:
            files.append(_open(path))
        except InputError:
            if named:
                raise
            broken.append(path)
    if not files:
        raise damaged(broken[0])
    notes = [f"{path.name}: cannot be read and is left out; export it again" for path in broken]
    rows.there({name for file in files for name in file.schema.names})
    for file in files:
        if len(set(file.schema.names)) < len(file.schema.names):
            raise InputError(f"{file.path.name}: two columns have one name; rename one of them")
    return tuple(files), notes + _mixed(files)


def damaged(path: Path) -> InputError:
    return InputError(f"{path.name}: cannot be read as what it is; leave it out or export it again")


def _open(path: Path) -> RowFile:
    if path.suffix.lower() != ".gz":
        kind_of(path)  # has the words for a file that is empty, or not what its name says
    try:
        if path.suffix.lower() == ".parquet":
            with pq.ParquetFile(path) as file:
                return RowFile(path, _with_folders(file.schema_arrow, path), file.metadata)
        names, delimiter, offset = _head(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error, EOFError):
        raise damaged(path) from None
    if not any(names):
        raise damaged(path)
    schema = pa.schema([(name, pa.string()) for name in names])
    return RowFile(path, _with_folders(schema, path), None, tuple(names), delimiter, offset)


def _with_folders(schema: pa.Schema, path: Path) -> pa.Schema:
    return with_folders(schema.remove_metadata().empty_table(), path).schema


def _head(path: Path) -> tuple[list[str], str, int | None]:
    """Return a CSV's headings, what parts its cells, and where its rows begin if it may be cut."""
    zipped = path.suffix.lower() == ".gz"
    with gzip.open(path) if zipped else path.open("rb") as file:
        data = file.read(1 << 20)
    end, odd = 0, 0
    while True:
        at = data.find(b"\n", end)
        if at < 0:
            end = None
            break
        odd ^= data.count(b'"', end, at) % 2
        end = at + 1
        if not odd:
            break
    # Without an end, rows end otherwise: the headings are the first line of what there is.
    head = data[:end] if end else data.splitlines()[0] if data else b""
    text = head.decode("utf-8-sig")
    if "\0" in text:
        raise damaged(path)
    delimiter = max(",;\t|", key=re.sub('"[^"]*"', "", text).count)
    record = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [""])
    return record, delimiter, None if zipped else end


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return a type as it is told apart from others: how texts are held is no difference."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    texts = pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return pa.string() if texts else kind


def _mixed(files: list[RowFile]) -> list[str]:
    """Return what to know of files whose columns or types are not the same, by column."""
    notes = []
    for column in facts.FACTS:
        kinds = [plain_type(f.schema.field(column).type) for f in files if column in f.schema.names]
        if kinds and (lacking := len(files) - len(kinds)):
            notes.append(
                f"{column}: is not a column of {lacking} of {len(files)} files: empty there"
            )
        if len(set(kinds)) > 1:
            notes.append(
                f"{column}: is of {len(set(kinds))} types in {len(files)} files: "
                "each is read as it is there"
            )
    return notes


def united(files: Iterable[RowFile]) -> pa.Schema:
    """Return the columns of all files, by name; of types that do not fit, texts."""
    kinds: dict[str, list[pa.DataType]] = {}
    for file in files:
        for one in file.schema:
            kinds.setdefault(one.name, []).append(plain_type(one.type))
    fields = [(name, _one_type(name, types)) for name, types in kinds.items()]
    is_text = pa.types.is_string
    return pa.schema([
        (name, TEXTS if name in facts.FACTS and is_text(kind) else kind) for name, kind in fields
    ])  # fmt: skip


def _one_type(name: str, types: list[pa.DataType]) -> pa.DataType:
    types = [kind for kind in dict.fromkeys(types) if not pa.types.is_null(kind)]
    if len(types) < 2:
        return types[0] if types else pa.string()
    try:
        schemas = [pa.schema([("one", kind)]) for kind in types]
        kind = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return pa.string()
    # An amount or a code never becomes a float.
    return pa.string() if name in facts.FACTS and pa.types.is_floating(kind) else kind


def cast(column: Any, kind: pa.DataType) -> Any:
    """Return a column in the type that it has in all files together."""
    if column.type == kind:
        return column
    text = pa.types.is_dictionary(kind) or pa.types.is_string(kind)
    if text and pa.types.is_nested(column.type):
        column = pa.array([facts.text_of(one) or None for one in column.to_pylist()], pa.string())
    if pa.types.is_dictionary(kind) and not pa.types.is_dictionary(column.type):
        return column.cast(pa.string()).dictionary_encode().cast(kind)
    return column.cast(kind)
