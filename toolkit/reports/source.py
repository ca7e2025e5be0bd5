"""What a report is about: the facts of one or more files, and the first rows of what is listed.

A source is made of parts, each of which holds every row of its claim numbers. A part is small, can be
made in a process of its own, and parts come in any order: the facts stand one below the other, and of
each list the first rows are kept, in an order that tells any two rows apart. What a notebook gets to
read (`Parcel`) holds nothing that may identify a patient; the lists with account numbers stay here, for
the workbook.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import ipc

from toolkit.claims.tables import DTYPES, FINDINGS, Claims, Column
from toolkit.errors import UsageError
from toolkit.metrics import Effort, Facts, FactTables, Outside, assumed, facts_of, outside
from toolkit.metrics.facts import TABLES
from toolkit.metrics.tables import OPEN, URGENT
from toolkit.reports import prepared as prepared_tables
from toolkit.worklist import WORKLIST

if TYPE_CHECKING:
    from toolkit.bulk.run import Run

# Rows that a workbook lists where a source comes in parts, and where it is read at once: Excel ends at
# 1,048,576 rows; long before that a workbook no longer opens in reasonable time.
PART_ROWS = 10_000
MOST_ROWS = 200_000

URGENT_SHOWN = 40  # rows of each due state on the page
_AT_ONCE = 16  # parts held before their lists are cut

# What the page shows of a denial: its key, no number that may identify a patient.
_SHOWN = [
    "claim_key", "row", "payer_name", "program", "level", "file_by", "last_filing_date", "route",
    "days_left", "stake_cents", "denial_category", "reason", "citation",
    "rule_status", "filed_when", "standing", "due", "outcome", "denial_key", "rank", "apart",
]  # fmt: skip

_NUMBERS = [
    c for c in WORKLIST if c.name in ("patient_control_number", "payer_claim_control_number")
]
_CLAIM_KEY = next(c for c in WORKLIST if c.name == "claim_key")
_DENIAL_KEY = next(c for c in WORKLIST if c.name == "denial_key")
_KIND = ["file", "file_id", "column", "code", "says"]
_FILE = ["file", "file_id", "source", "layout"]
LISTS = ("urgent", "worklist", "appeals", "found", "numbers")
_FILE_SUMS = [
    "rows_read", "transactions", "rows_in", "rows_left_out", "rows_blank", "denied_in_cents",
    "denied_left_out_cents", "denied_repeated_cents",
]  # fmt: skip

# --- the first rows of a list ---------------------------------------------------------------------

Order = tuple[tuple[str, str], ...]

_UP, _DOWN = "ascending", "descending"

# Missing values come last, either way. `rank` is a due state's place in OPEN; in each state appeals come
# first, and what goes another route `apart`.
BY_URGENCY: Order = (
    ("rank", _UP), ("apart", _UP), ("stake_cents", _DOWN), ("file_by", _UP), ("denial_key", _UP)
)  # fmt: skip
BY_DECISION: Order = (
    ("decided_on", _DOWN), ("filed_on", _DOWN), ("file_id", _UP), ("row", _UP), ("claim_key", _UP),
    ("level", _UP), ("outcome", _UP),
)  # fmt: skip
BY_PLACE: Order = (
    ("file", _UP), ("file_id", _UP), ("row", _UP), ("column", _UP), ("code", _UP), ("says", _UP)
)  # fmt: skip

_TYPES = {
    "text": pa.large_string(),
    "date": pa.timestamp("us"),
    "cents": pa.int64(),
    "count": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
}
_PANDAS = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
_ONCE = pa.dictionary(pa.int32(), pa.large_string())
_NEVER_REPEAT = {
    "denial_key", "claim_key", "line_key", "patient_control_number", "payer_claim_control_number"
}  # fmt: skip
_PACKED = ipc.IpcWriteOptions(compression="zstd", emit_dictionary_deltas=False)


def table(frame: pd.DataFrame, columns: Iterable[Column]) -> pa.Table:
    """Return these columns of the frame as an Arrow table of their kinds."""
    arrays = [_array(frame[column.name], _TYPES[column.kind]) for column in columns]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def _array(column: pd.Series, kind: pa.DataType) -> pa.Array:
    """Return a column of that kind; texts that are categories stay so."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        found = pa.array(column)
        return found.cast(_ONCE) if found.type.value_type == kind else found.cast(kind)
    found = pa.array(column, kind, from_pandas=True)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _plain(rows: pa.Table, order: Order) -> pa.Table:
    """Return the table with the texts that it is put in order by as they are, to be compared."""
    for name, _ in order:
        column = rows[name]
        if pa.types.is_dictionary(column.type):
            place = rows.schema.get_field_index(name)
            rows = rows.set_column(place, name, column.cast(column.type.value_type))
    return rows


def first(rows: pa.Table, order: Order, most: int) -> pa.Table:
    """Return the first `most` rows in that order."""
    return rows.take(_in_order(_plain(rows, order), order)[:most])


def frame(rows: pa.Table) -> pd.DataFrame:
    """Return the rows as a frame of the house's types."""
    schema = [(c.name, pa.large_string() if c.type == _ONCE else c.type) for c in rows.schema]
    return rows.cast(pa.schema(schema)).to_pandas(types_mapper=_PANDAS.get)


def _in_order(rows: pa.Table, order: Order) -> pa.Array:
    return pc.sort_indices(rows, sort_keys=list(order))


def _urgent(ranked: pa.Table, places: pa.Array, most: int) -> pa.Array:
    """Return the first `most` places of each urgent state; `places` are those in order."""
    rank = ranked["rank"].take(places)
    # In that order the denials of a state stand together.
    begins = [pc.index(rank, n).as_py() for n in range(len(URGENT))]
    counts = [pc.sum(pc.equal(rank, n)).as_py() or 0 for n in range(len(URGENT))]
    held = [places[:0]]
    for begin, count in zip(begins, counts, strict=True):
        held.append(places.slice(max(begin, 0), min(count, most)))
    return pa.concat_arrays(held)


def _together(tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).unify_dictionaries()


def _small(rows: pa.Table, order: Order) -> pa.Table:
    """Return the table with each text that repeats standing once, and none that no row holds.

    The texts of the order stay as they are, to be compared, and so do those that never repeat.
    """
    plain = {name for name, _ in order} | _NEVER_REPEAT
    rows = _plain(rows, order)
    for place, column in enumerate(rows.schema):
        if column.name not in plain and column.type in (pa.large_string(), _ONCE):
            rows = rows.set_column(place, column.name, _each_once(rows[column.name]))
    return rows.combine_chunks()


def _each_once(texts: pa.ChunkedArray) -> pa.Array:
    """Return the texts as numbers of those that there are."""
    whole = texts.unify_dictionaries().combine_chunks()
    if not pa.types.is_dictionary(whole.type):
        return whole.dictionary_encode()
    code = whole.indices.fill_null(-1).to_numpy()
    there = np.zeros(len(whole.dictionary) + 1, dtype=bool)
    there[code] = True
    if there[:-1].all():
        return whole
    place = np.append(np.cumsum(there[:-1]) - 1, -1).astype("int32")[code]
    words = whole.dictionary.filter(pa.array(there[:-1]))
    return pa.DictionaryArray.from_arrays(pa.array(place, mask=place < 0), words)


def _packed(rows: pa.Table) -> bytes:
    """Return the table as a tenth of its bytes, to send it from process to process."""
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, rows.schema, options=_PACKED) as stream:
        stream.write_table(rows)
    return sink.getvalue().to_pybytes()


def _unpacked(given: bytes) -> pa.Table:
    return ipc.open_stream(given).read_all()


# --- one part -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Part:
    """What reports need of some of a source's claims, or of all of them, as of a day.

    Without what may identify a patient: `facts`; `urgent`, the first `URGENT_SHOWN` denials of each
    urgent state; `findings`, one row per file, column, code and words, with `rows` and the `first` of
    them; `files`. `told` is what the worklist and the tables say without the facts. With account
    numbers, for the workbook: the first `most` rows of `worklist` (open denials), `appeals` and
    `found` (findings); and `numbers`, those of every denial that can be planned for an appeal.
    """

    as_of: date
    facts: FactTables
    told: Outside
    urgent: pa.Table
    findings: pd.DataFrame
    files: pd.DataFrame
    worklist: pa.Table
    appeals: pa.Table
    found: pa.Table
    numbers: pa.Table
    most: int

    def __getstate__(self) -> dict[str, Any]:
        """Return the part as it travels between processes."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        held["facts"] = [_packed(getattr(self.facts, name)) for name in TABLES]
        return held | {name: _packed(held[name]) for name in LISTS}

    def __setstate__(self, held: dict[str, Any]) -> None:
        held["facts"] = FactTables(*(_unpacked(one) for one in held["facts"]))
        for name, value in held.items():
            object.__setattr__(self, name, _unpacked(value) if name in LISTS else value)


def part_of(claims: Claims, worklist: pd.DataFrame, *, as_of: date, most: int = PART_ROWS) -> Part:
    """Return the part that these claims and their worklist are; all rows of a claim number are in it.

    A file and its findings belong to one part only; rows read of the same file add up. `most` is
    how many rows a workbook lists.
    """
    from toolkit.history import seen_on  # a notebook that opens a parcel needs none of it

    claims = seen_on(claims, as_of)
    facts, more = facts_of(claims, worklist, as_of=as_of)
    findings = (
        pd.concat([claims.findings, more], ignore_index=True) if len(more) else claims.findings
    )
    ranked = _ranked(facts.denials)
    order = _in_order(ranked, BY_URGENCY)
    order = order[: len(ranked) - ranked["rank"].null_count]  # those that are open
    found = table(findings, FINDINGS)
    return Part(
        as_of=as_of,
        facts=facts,
        told=outside(claims, worklist),
        urgent=_named(
            _listed(worklist, ranked, _urgent(ranked, order, URGENT_SHOWN)), facts.denials
        ),
        findings=_kinds([findings.assign(rows=findings["count"].fillna(1), first=findings["row"])]),
        files=_files([claims.files]),
        worklist=_listed(worklist, ranked, order[:most]),
        appeals=_latest(claims.claims, facts.submissions, most),
        found=first(found, BY_PLACE, most),
        numbers=_plannable(worklist, ranked),
        most=most,
    )


def urgent_of(listed: pa.Table, denials: pa.Table) -> pa.Table:
    """Return the first listed denials of each urgent state, as a page may show them."""
    at = _urgent(listed, _in_order(listed, BY_URGENCY), URGENT_SHOWN)
    return _named(listed.take(at), denials)


def _named(listed: pa.Table, denials: pa.Table) -> pa.Table:
    """Return what a page shows of listed denials, payers by the names that the facts have."""
    keys = denials["denial_key"].cast(pa.large_string()).combine_chunks()
    at = pc.index_in(listed["denial_key"].cast(pa.large_string()), keys)
    names = denials["payer_name"].cast(pa.large_string()).take(at)
    rows = listed.select(_SHOWN)
    named = rows.set_column(rows.schema.get_field_index("payer_name"), "payer_name", names)
    return _small(named, BY_URGENCY)


def _ranked(facts: pa.Table) -> pa.Table:
    """Return what tells where each denial stands in the list, as the facts count it."""
    apart = pc.fill_null(pc.not_equal(facts["route"], "appeal"), True).cast(pa.int8())
    return pa.table(
        {
            "denial_key": facts["denial_key"].cast(pa.large_string()),
            "due": facts["due"].cast(pa.large_string()),
            "file_by": facts["file_by"].cast(pa.timestamp("us")),
            "denied_once_cents": facts["denied_cents"],
            "stake_cents": facts["stake_cents"],
            "rank": pc.index_in(
                facts["due"].cast(pa.large_string()), pa.array(OPEN, pa.large_string())
            ),
            "apart": apart,
        }
    )


def _listed(worklist: pd.DataFrame, ranked: pa.Table, places: pa.Array) -> pa.Table:
    """Return these denials of the worklist, with what the facts count of each."""
    mine = ranked.take(places)
    keys = pa.array(worklist["denial_key"], pa.large_string())
    at = pc.index_in(mine["denial_key"].combine_chunks(), keys).to_numpy()
    rows = table(worklist.iloc[at], WORKLIST)
    rows = rows.set_column(rows.schema.get_field_index("due"), "due", mine["due"])
    for name in ("denied_once_cents", "stake_cents", "rank", "apart"):
        rows = rows.append_column(name, mine[name])
    return _small(rows, BY_URGENCY)


def _plannable(worklist: pd.DataFrame, ranked: pa.Table) -> pa.Table:
    """Return the account numbers of the open denials whose route is an appeal, by denial key."""
    open_ = pc.and_(pc.is_valid(ranked["rank"]), pc.equal(ranked["apart"], 0))
    keys = ranked["denial_key"].filter(open_)
    held = table(worklist, (_DENIAL_KEY, *_NUMBERS))
    return held.take(pc.index_in(keys, held["denial_key"])).combine_chunks()


def _latest(claims: pd.DataFrame, submissions: pa.Table, most: int) -> pa.Table:
    """Return the latest appeals with the numbers of their claims."""
    latest = first(submissions, BY_DECISION, most)
    held = table(claims, (_CLAIM_KEY, *_NUMBERS))
    place = pc.index_in(latest["claim_key"].cast(pa.large_string()), held["claim_key"])
    for column in _NUMBERS:
        latest = latest.append_column(column.name, held[column.name].take(place))
    return _small(latest.cast(_as_listed(latest.schema)), BY_DECISION)


def _as_listed(schema: pa.Schema) -> pa.Schema:
    """Return the schema of facts with texts and days as those of the worklist."""
    kinds = {pa.string(): pa.large_string(), pa.date32(): pa.timestamp("us")}
    return pa.schema([pa.field(f.name, kinds.get(f.type, f.type)) for f in schema])


def _kinds(frames: list[pd.DataFrame]) -> pd.DataFrame:
    found = pd.concat(frames, ignore_index=True)
    sums = found.groupby(_KIND, dropna=False).agg(rows=("rows", "sum"), first=("first", "min"))
    kinds = dict.fromkeys(_KIND, "str") | {"rows": "int64", "first": "Int64"}
    return sums.reset_index().astype(kinds)


def _files(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the files by name, with what was read of each in all parts; a letter is none of them."""
    files = pd.concat(frames, ignore_index=True)
    files = files[files["source"].ne("notice")]
    sums = files.groupby(_FILE, dropna=False)[_FILE_SUMS].sum(min_count=1)
    return sums.reset_index().astype(
        dict.fromkeys(_FILE, "str") | dict.fromkeys(_FILE_SUMS, "Int64")
    )


# --- a source: its parts, one below the other -----------------------------------------------------


@dataclass(frozen=True, eq=False)
class Source:
    """What a report is about: the facts and the first rows of one or more files, as of a day.

    `facts` are Parquet files, by table. `note` says what the reader must know of it. Made by `of`,
    `of_parts` or `of_run`. `group` is payer or facility where it is one of a source cut so
    (`toolkit.reports.groups`), and `whose` the name of that one: then files and findings are those of
    the whole, and nothing is `told`.
    """

    name: str
    as_of: date
    facts: Mapping[str, pa.Buffer]
    told: Outside | None
    urgent: pa.Table
    findings: pd.DataFrame
    files: pd.DataFrame
    worklist: pa.Table
    appeals: pa.Table
    found: pa.Table
    numbers: pa.Table
    most: int
    note: str = ""
    synthetic: bool = False
    group: str = ""
    whose: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        claims: Claims,
        worklist: pd.DataFrame,
        as_of: date,
        note: str = "",
        *,
        synthetic: bool = False,
        most: int = MOST_ROWS,
    ) -> "Source":
        """Return the source of these claims and their worklist."""
        part = part_of(claims, worklist, as_of=as_of, most=most)
        return cls.of_parts(name, [part], as_of=as_of, note=note, synthetic=synthetic)

    @classmethod
    def of_parts(
        cls,
        name: str,
        parts: Iterable[Part],
        *,
        as_of: date,
        note: str = "",
        synthetic: bool = False,
    ) -> "Source":
        """Return the source that the parts add up to; they are taken as they come.

        The rows listed are the first of all, as many as the part that lists fewest may list. Raises
        UsageError where a part is of another day.
        """
        sheets = _Sheets(as_of)
        for part in parts:
            if part.as_of != as_of:
                raise UsageError(f"{name}: a part of it is seen on another day than the others")
            sheets.add(part)
        return cls(name=name, as_of=as_of, note=note, synthetic=synthetic, **sheets.sealed())

    @classmethod
    def of_run(cls, name: str, run: "Run", note: str = "", *, synthetic: bool = False) -> "Source":
        """Return the source of a worklist made in parts, by a run that was told `also=part_of_run`.

        Or `long_part_of_run`.
        """
        as_of = run.given.as_of
        files = part_of(Claims(findings=run.file_findings), _no_rows(), as_of=as_of)

        def parts() -> Iterator[Part]:
            yield files
            yield from run.also()

        found = cls.of_parts(name, parts(), as_of=as_of, note=note, synthetic=synthetic)
        object.__setattr__(found, "worklist", run.looked(found.worklist))
        return found

    def pack(self, folder: Path, *, effort: Effort | None = None, share: bool = False) -> None:
        """Write what a notebook may read as Parquet into a private folder; `share`: no single claim."""
        for name, held in self.facts.items():
            (folder / f"{name}.parquet").write_bytes(held)
        frame(self.urgent).to_parquet(folder / "urgent.parquet", index=False)
        findings, files = _nameless(self.findings, self.files)
        findings.to_parquet(folder / "findings.parquet", index=False)
        files.to_parquet(folder / "files.parquet", index=False)
        said = {
            "as_of": self.as_of.isoformat(), "most": self.most, "note": self.note,
            "synthetic": self.synthetic, "told": asdict(self.told) if self.told else None,
            "group": self.group, "whose": self.whose, "share": share,
            "effort": msgspec.to_builtins(effort or assumed()),
        }  # fmt: skip
        (folder / "about.json").write_text(json.dumps(said), encoding="utf-8")


class _Sheets:
    """What parts add up to, while they come: files of facts that grow, and lists that are cut."""

    def __init__(self, as_of: date) -> None:
        nothing = part_of(Claims(), _no_rows(), as_of=as_of, most=MOST_ROWS)
        self.sinks = {name: pa.BufferOutputStream() for name in TABLES}
        self.writers = {
            name: _writer(self.sinks[name], getattr(nothing.facts, name).schema) for name in TABLES
        }
        self.told, self.held = Outside(), [nothing]

    def add(self, part: Part) -> None:
        for name, writer in self.writers.items():
            writer.write_table(getattr(part.facts, name))
        self.told += part.told
        self.held.append(part)
        if len(self.held) > _AT_ONCE:
            self.held = [_lists(self.held)]

    def sealed(self) -> dict[str, Any]:
        for writer in self.writers.values():
            writer.close()
        facts = {name: sink.getvalue() for name, sink in self.sinks.items()}
        lists = _lists(self.held)
        names = (*LISTS, "findings", "files", "most")
        return {"facts": facts, "told": self.told} | {name: getattr(lists, name) for name in names}


def packed_facts(facts: FactTables) -> dict[str, pa.Buffer]:
    """Return the facts as Parquet files, by table."""
    sinks = {name: pa.BufferOutputStream() for name in TABLES}
    for name, sink in sinks.items():
        rows = getattr(facts, name)
        with _writer(sink, rows.schema) as writer:
            writer.write_table(rows)
    return {name: sink.getvalue() for name, sink in sinks.items()}


_KEYS = ("denial_key", "claim_key")


def _writer(sink: pa.BufferOutputStream, schema: pa.Schema) -> pq.ParquetWriter:
    # Texts come as numbers of what they repeat; keys never repeat, and each is nearly the one before it.
    texts = [column.name for column in schema if pa.types.is_dictionary(column.type)]
    keys = [name for name in _KEYS if name in schema.names]
    return pq.ParquetWriter(
        sink, schema, compression="lz4", use_dictionary=texts, write_statistics=False,
        column_encoding=dict.fromkeys(keys, "DELTA_BYTE_ARRAY"),
    )  # fmt: skip


def _lists(parts: list[Part]) -> Part:
    """Return the lists of all parts as those of one; its facts are those of the first."""
    most = min(part.most for part in parts)

    def listed(name: str, order: Order) -> pa.Table:
        every = _together([getattr(part, name) for part in parts])
        return _small(first(every, order, most), order)

    urgent = _together([part.urgent for part in parts])
    return Part(
        as_of=parts[0].as_of,
        facts=parts[0].facts,
        told=parts[0].told,
        urgent=_small(
            urgent.take(_urgent(urgent, _in_order(urgent, BY_URGENCY), URGENT_SHOWN)), BY_URGENCY
        ),
        findings=_kinds([part.findings for part in parts]),
        files=_files([part.files for part in parts]),
        worklist=listed("worklist", BY_URGENCY),
        appeals=listed("appeals", BY_DECISION),
        found=listed("found", BY_PLACE),
        numbers=pa.concat_tables([part.numbers for part in parts]),
        most=most,
    )


def part_of_run(claims: Claims, worklist: pd.DataFrame, as_of: date) -> Part:
    """Return the part of a report that one part of a run makes."""
    return part_of(claims, worklist, as_of=as_of)


def long_part_of_run(claims: Claims, worklist: pd.DataFrame, as_of: date) -> Part:
    """Return that part with longer lists: each group of a source cut by payer lists its own."""
    return part_of(claims, worklist, as_of=as_of, most=MOST_ROWS)


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({c.name: pd.Series(dtype=DTYPES[c.kind]) for c in WORKLIST})


# --- what a notebook gets to read -----------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Parcel:
    """One source as a report sees it; no column of it may identify a patient.

    The tables are those of a `Source`, files by their ids; `most` is how many rows its workbook lists.
    """

    facts: Facts
    told: Outside | None
    urgent: pd.DataFrame
    findings: pd.DataFrame
    files: pd.DataFrame
    most: int
    note: str
    synthetic: bool
    group: str = ""
    whose: str = ""
    share: bool = False
    folder: Path | None = None

    def prepared(self, name: str) -> pd.DataFrame:
        """Return a table that was worked out in the parent."""
        return prepared_tables.prepared(self.folder, self.facts, name)

    @property
    def rows_read(self) -> int:
        """The data rows of the exports and the claims of the remittances."""
        return int(self.files["rows_read"].sum())

    @cached_property
    def from_letters(self) -> int:
        """How many of the denials are cases made of letters, whose claims are in no file."""
        query = "SELECT count(*) FROM denials WHERE split_part(claim_key, '-', 1) NOT IN (SELECT unnest(?))"
        return self.facts.one(query, list(self.files["file_id"]))

    @property
    def found(self) -> int:
        """How many findings there are."""
        return int(self.findings["rows"].sum())


def _nameless(findings: pd.DataFrame, files: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both with each file's id in place of its name, which may be a patient's."""
    ids = {row.file: f"file {row.file_id}" for row in files.itertuples()}
    ids |= dict.fromkeys(set(findings["file"].dropna()) - set(ids), "the file")
    says = findings["says"].fillna("")
    for name in sorted(filter(None, ids), key=len, reverse=True):
        # As a word of its own: what is not the file's name may end in it.
        says = says.str.replace(rf"(?<!\w){re.escape(name)}(?!\w)", ids[name], regex=True)
    return findings.drop(columns="file").assign(says=says), files.drop(columns="file")


def parcel(source: Source) -> Parcel:
    """Return what a report may see of a source, in memory."""
    tables = FactTables(
        *(pq.read_table(pa.BufferReader(source.facts[name])) for name in TABLES)
    )  # fmt: skip
    findings, files = _nameless(source.findings, source.files)
    return Parcel(
        Facts.of(tables, as_of=source.as_of), source.told, frame(source.urgent), findings,
        files, source.most, source.note, source.synthetic, source.group,
        source.whose,
    )  # fmt: skip


def unpack(folder: Path) -> Parcel:
    """Return the parcel of the source that was packed into a folder."""
    said = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    lists = {
        name: pd.read_parquet(folder / f"{name}.parquet")
        for name in ("urgent", "findings", "files")
    }
    effort = msgspec.convert(said["effort"], Effort)
    facts = Facts.opened(folder, as_of=date.fromisoformat(said["as_of"]), effort=effort)
    return Parcel(
        facts=prepared_tables.studied(folder, facts),
        told=Outside(**said["told"]) if said["told"] else None,
        **lists,
        most=said["most"],
        note=said["note"],
        synthetic=said["synthetic"],
        group=said["group"],
        whose=said["whose"],
        share=said["share"],
        folder=folder,
    )
