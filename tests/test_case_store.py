"""The case store, in SQLite and in a real PostgreSQL server: nothing that was entered is ever lost."""

import multiprocessing
import os
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres_server import new_database

from toolkit.cases import (
    Case,
    CaseIdentity,
    CaseStore,
    Event,
    EventEntry,
    Fact,
    FactEntry,
    database,
    local_time,
)
from toolkit.errors import (
    ChangedError,
    InputError,
    RefusedError,
    StoreError,
    ToolkitError,
    UsageError,
)
from toolkit.history.identity import ClaimIdentity, LineIdentity

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SENTINEL = "ZZSENTINELZZ"
BY = {"who": "ana", "now": NOW}
VERSION_1 = Path(__file__).parent / "data" / "case_store_version_1.sqlite"
BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))]


@pytest.fixture(params=BOTH)
def place(request, tmp_path) -> Path | str:
    """Give the place of a store that is not there yet: a file, or a database of its own."""
    if request.param == "sqlite":
        return tmp_path / "cases.sqlite"
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def store(place) -> Iterator[CaseStore]:
    with CaseStore(place) as opened:
        yield opened


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "cases.sqlite"


def raw(place: Path | str, *statements: str) -> None:
    """Run statements past the store, as somebody with a database client could."""
    text = str(place).replace("postgresql:", "postgresql+psycopg:")
    engine = sa.create_engine(text if "://" in text else f"sqlite:///{place}")
    with engine.begin() as db:
        for statement in statements:
            db.exec_driver_sql(statement)
    engine.dispose()


def without_triggers(place: Path | str) -> list[str]:
    if "://" in str(place):
        return [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in ("entries", "case_numbers")]
    return [f"DROP TRIGGER {t}_{verb}" for t in ("entries", "case_numbers") for verb in ("UPDATE", "DELETE")]  # fmt: skip


def a_case(**values: object) -> Case:
    return Case("c-1", {name: Fact(v, "entered by the analyst") for name, v in values.items()})


def values(store: CaseStore, name: str = "x", key: str = "c-1") -> list:
    return [one.fact.value if one.fact else None for one in store.history(key, name=name)]


# --- facts -----------------------------------------------------------------------------------


def test_what_is_saved_comes_back_as_it_was(store):
    case = Case(
        "c-1",
        {
            "a": Fact("text", "export column a"),
            "b": Fact(date(2026, 3, 1), "835 DTM", date(2026, 3, 2)),
            "c": Fact(1234, "triage"),
        },
        (Event(level="reconsideration", filed_on=date(2026, 3, 5), recovered_cents=7),),
    )
    assert store.save(case, **BY) == 4
    assert store.case("c-1") == case
    assert store.keys() == ("c-1",)
    assert store.case("c-2") is None


def test_saving_the_same_case_again_adds_nothing(store):
    store.save(a_case(x="1"), **BY)
    assert store.save(a_case(x="1"), **BY) == 0
    assert len(store.history("c-1")) == 1


def test_every_value_ever_entered_stays_in_the_history(store):
    for value in ("first", "second", "first"):
        store.save(a_case(x=value), **BY)
    store.withdraw("c-1", "x", source="entered by the analyst", **BY)
    assert values(store) == ["first", "second", "first", None]
    assert store.case("c-1") is None
    assert store.history("c-1")[0].entered_at == "2026-11-23T09:30:00+00:00"


def test_an_entry_says_who_made_it_when_in_utc_and_which_entry_it_corrects(store):
    there = datetime(2026, 11, 23, 4, 30, tzinfo=timezone(timedelta(hours=-5)))
    store.enter("c-1", {"x": Fact("1", "s")}, who="  ana  b ", now=there)
    store.enter("c-1", {"x": Fact("2", "s")}, who="ben", now=NOW)
    store.withdraw("c-1", "x", source="s", who="cy", now=NOW)
    found = store.history("c-1")
    assert [(one.entry, one.who, one.corrects) for one in found] == [
        (1, "ana b", None), (2, "ben", 1), (3, "cy", 2)]  # fmt: skip
    assert found[0].entered_at == found[1].entered_at == "2026-11-23T09:30:00+00:00"


@pytest.mark.parametrize("who", ["", "  ", "a\x07b", "x" * 201])
def test_an_entry_without_a_name_is_refused(store, who):
    with pytest.raises(UsageError, match="who made it"):
        store.enter("c-1", {"x": Fact("1", "s")}, who=who, now=NOW)


def test_an_entry_at_a_time_without_its_offset_is_refused(store):
    with pytest.raises(UsageError, match="offset"):
        store.enter("c-1", {"x": Fact("1", "s")}, who="ana", now=NOW.replace(tzinfo=None))


def test_todays_file_renews_its_facts_and_leaves_what_people_entered(store):
    store.save(
        Case("c-1", {"payer_name": Fact("old", "export column payer_name")}).with_facts(
            a_case(order_record="page 3", patient_name="As entered").facts
        ),
        **BY,
    )
    store.withdraw("c-1", "member_id", source="entered by the analyst", **BY)
    today = Case(
        "c-1",
        {
            "payer_name": Fact("new", "export column payer_name"),
            "patient_name": Fact("As filed", "export column patient_name"),
            "member_id": Fact("wrong", "export column member_id"),
        },
    )
    resumed = store.resume(today)
    assert resumed.value("payer_name") == "new"
    assert resumed.value("order_record") == "page 3"
    assert resumed.value("patient_name") == "As entered"
    assert resumed.value("member_id") is None


def test_every_letter_leaves_its_hash_its_kind_and_its_time(store):
    for is_draft in (True, False):
        store.record_letter(
            "c-1", kind="k", sha256="ab" * 32, file_type="docx", letter_date=date(2026, 11, 23),
            is_draft=is_draft, **BY,
        )  # fmt: skip
    first, second = store.letters("c-1")
    assert (first.is_draft, second.is_draft) == (True, False)
    assert second.sha256 == "ab" * 32 and second.letter_date == date(2026, 11, 23)
    assert second.entered_at == "2026-11-23T09:30:00+00:00" and second.who == "ana"


def test_an_entry_is_whole_or_absent(store):
    good, bad = Fact("1", "s"), Fact(object(), "s")
    with pytest.raises(KeyError):
        store.enter("c-1", {"a": good, "b": bad}, **BY)
    assert store.history("c-1") == ()
    store.enter("c-1", {"a": good}, **BY)
    assert store.case("c-1").value("a") == "1"


def test_no_entry_prints_a_value(store):
    store.save(a_case(x=SENTINEL), **BY)
    store.record(Case("c-1", {}), "note", day=date(2026, 3, 1), proof=SENTINEL, **BY)
    assert SENTINEL not in repr(store.entries("c-1")) + repr(store.case("c-1"))


# --- the log ---------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["entries", "case_numbers"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET entry = 7"])
def test_the_database_itself_refuses_to_change_or_drop_an_entry(store, place, table, change):
    store.save(identified(account="A-1"), **BY)
    with pytest.raises(sa.exc.IntegrityError, match="only added"):
        raw(place, change.format(table))


def test_a_whole_log_is_verified(store):
    assert store.verify().entries == 0
    store.save(identified(account="A-1", x="1"), **BY)
    store.enter("c-1", {"x": Fact("2", "s")}, **BY)
    found = store.verify()
    assert found.wrong is None and found.entries == 3 and len(found.last_hash) == 64


CHANGES = {
    "a value": "UPDATE entries SET value = 'other' WHERE entry = 2",
    "the writer": "UPDATE entries SET who = 'somebody' WHERE entry = 2",
    "a correction": "UPDATE entries SET corrects = 1 WHERE entry = 2",
    "one gone": "DELETE FROM entries WHERE entry = 2",
    "hash and value": "UPDATE entries SET value = 'other', hash = 'ab' WHERE entry = 2",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_entry_is_named(store, place, change):
    for n in range(4):
        store.enter("c-1", {f"x{n}": Fact("1", "s")}, **BY)
    raw(place, *without_triggers(place), change)
    assert store.verify().wrong in (2, 3)


def test_a_case_that_was_brought_to_another_number_is_noticed(store, place):
    store.save(identified(account="A-1"), **BY)
    raw(place, *without_triggers(place), "UPDATE case_numbers SET number = 'account A-2'")
    assert store.verify().wrong == 1


def test_an_entry_has_the_same_hash_in_every_database_and_version(store):
    store.enter("c-1", {"x": Fact(date(2026, 3, 1), "ö", date(2026, 3, 2))}, **BY)
    assert store.verify().last_hash == (
        "0128f731b2b5da851bbe6bbfd796a96c748afc7118fca0486e5b6050aa707b5e"
    )


def test_a_closed_store_takes_and_gives_nothing_and_another_file_is_apart_from_it(tmp_path):
    first = CaseStore(tmp_path / "first.sqlite")
    first.enter("c-1", {"x": Fact("1", "s")}, **BY)
    first.close()
    first.close()
    with CaseStore(tmp_path / "second.sqlite") as second, CaseStore(tmp_path / "third.sqlite") as third:  # fmt: skip
        second.enter("c-2", {"x": Fact("2", "s")}, **BY)
        third.enter("c-3", {"x": Fact("3", "s")}, **BY)
        for use in (first.keys, lambda: first.enter("c-1", {"x": Fact("9", "s")}, **BY)):
            with pytest.raises(StoreError, match="was closed"):
                use()
        assert (second.keys(), third.keys()) == (("c-2",), ("c-3",))
    with CaseStore(tmp_path / "first.sqlite", made=True) as again:
        assert again.keys() == ("c-1",)


# --- two writers -----------------------------------------------------------------------------


def test_a_writer_is_told_what_another_one_entered_since_and_nothing_is_written(store, place):
    store.enter("c-1", {"x": Fact("1", "s")}, **BY)
    seen = store.last_entry("c-1")
    with CaseStore(place) as other:
        other.enter("c-1", {"x": Fact(SENTINEL, "s")}, who="ben", now=NOW)
        other.record(Case("c-1", {}), "filed", day=date(2026, 3, 1), level="appeal", who="cy", now=NOW)  # fmt: skip
    with pytest.raises(ChangedError) as caught:
        store.enter("c-1", {"x": Fact("2", "s")}, after=seen, **BY)
    says = str(caught.value)
    assert f"fact x by ben on {local_time('2026-11-23T09:30:00+00:00')}" in says
    assert "event filed (appeal) by cy" in says and SENTINEL not in says
    assert values(store) == ["1", SENTINEL]
    assert [type(one) for one in store.changed_since("c-1", seen)] == [FactEntry, EventEntry]
    store.enter("c-1", {"x": Fact("2", "s")}, after=caught.value.last, **BY)
    assert store.case("c-1").value("x") == "2"


@pytest.mark.parametrize("write", ["save", "withdraw", "record"])
def test_every_write_looks_at_what_was_added_since(store, write):
    store.enter("c-1", {"x": Fact("1", "s")}, **BY)
    calls = {
        "save": lambda: store.save(a_case(x="2"), after=0, **BY),
        "withdraw": lambda: store.withdraw("c-1", "x", source="s", after=0, **BY),
        "record": lambda: store.record(a_case(), "note", day=date(2026, 3, 1), after=0, **BY),
    }
    with pytest.raises(ChangedError):
        calls[write]()
    assert len(store.entries("c-1")) == 1


def test_work_on_another_case_disturbs_nobody(store):
    store.enter("c-1", {"x": Fact("1", "s")}, **BY)
    seen = store.last_entry("c-1")
    store.enter("c-2", {"x": Fact("1", "s")}, **BY)
    store.enter("c-1", {"x": Fact("2", "s")}, after=seen, **BY)


def test_two_processes_write_to_one_store_and_lose_nothing(place):
    context = multiprocessing.get_context("spawn")
    CaseStore(place).close()
    processes = [context.Process(target=_write_many, args=(place, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    with CaseStore(place) as store:
        assert len(store.history("c-1", name="a")) == len(store.history("c-1", name="b")) == 25
        found = store.verify()
        assert found.wrong is None and found.entries == 50


def _write_many(place: Path | str, name: str) -> None:
    with CaseStore(place) as store:
        for count in range(25):
            store.enter("c-1", {name: Fact(count, "s")}, **BY)


def test_two_processes_that_make_the_store_at_once_make_one(place):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_many, args=(place, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]


def test_a_process_that_dies_in_the_middle_leaves_the_store_as_it_was(place):
    with CaseStore(place) as store:
        store.save(a_case(x="1"), **BY)
    process = multiprocessing.get_context("spawn").Process(target=_die_writing, args=(place,))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    with CaseStore(place) as store:
        assert values(store) == ["1"]
        store.save(a_case(x="2"), **BY)
        assert store.case("c-1").value("x") == "2"
        assert store.verify().wrong is None


def _die_writing(place: Path | str) -> None:
    from toolkit.cases import log

    store = CaseStore(place)
    with store._database.write() as db:
        columns = log.fact_columns(Fact("half", "s")) | log.signed("ana", NOW)
        log.append(db, case_key="c-1", name="x", **columns)
        os._exit(9)


def test_no_entry_that_was_confirmed_is_lost_by_a_writer_who_is_killed(file, tmp_path):
    told = tmp_path / "told"
    context = multiprocessing.get_context("spawn")
    for _ in range(3):
        process = context.Process(target=_tell_each, args=(file, told))
        process.start()
        started = time.monotonic()
        while not told.exists() or time.monotonic() - started < 1:
            time.sleep(0.05)
        process.kill()
        process.join(60)
    with CaseStore(file) as store:
        kept = {one.fact.value for one in store.history("c-1")}
        assert {int(line) for line in told.read_text().split()} <= kept
        assert store.verify().wrong is None


def _tell_each(file: Path, told: Path) -> None:
    with CaseStore(file) as store, told.open("a") as out:
        for count in range(1_000_000):
            store.enter("c-1", {"x": Fact(os.getpid() * 1_000_000 + count, "s")}, **BY)
            out.write(f"{os.getpid() * 1_000_000 + count}\n")
            out.flush()


def test_a_store_that_somebody_is_writing_to_is_refused_in_words(place):
    assert database.WAIT < 2  # seconds; a lock that is waited for longer is a frozen desk
    with CaseStore(place) as store:
        store.enter("c-1", {"x": Fact("1", "s")}, **BY)
        with (
            held(place),
            pytest.raises(StoreError, match="somebody else has been writing.*try again"),
        ):
            store.enter("c-1", {"x": Fact("2", "s")}, **BY)
        store.enter("c-1", {"x": Fact("3", "s")}, **BY)
        assert values(store) == ["1", "3"]


def test_a_locked_file_is_not_called_something_else_when_it_is_opened(file):
    CaseStore(file).close()
    with held(file), pytest.raises(StoreError, match="somebody else has been writing"):
        CaseStore(file)


class held:
    """Hold the write lock of a store, in another thread, for as long as the block lasts."""

    def __init__(self, place: Path | str):
        self._place, self._done, self._ready = place, threading.Event(), threading.Event()

    def _hold(self) -> None:
        with CaseStore(self._place) as store, store._database.write():
            self._ready.set()
            self._done.wait(30)

    def __enter__(self) -> None:
        self._thread = threading.Thread(target=self._hold)
        self._thread.start()
        assert self._ready.wait(30)

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


# --- which case ------------------------------------------------------------------------------


def identified(
    *,
    account: str | None = "A-1",
    number: str | None = None,
    payer_id: str | None = None,
    payer: str | None = "Lakeshore Health",
    day: date | None = date(2026, 10, 9),
    lines: tuple[LineIdentity, ...] = (),
    turn: int = 0,
    key: str = "c-1",
    **values: object,
) -> Case:
    claim = ClaimIdentity(
        account=account,
        payer_numbers=frozenset([number] if number else []),
        payer_id=payer_id,
        payer_name=payer,
        service_from=day,
    )
    identity = CaseIdentity(claim=claim, lines=lines, turn=turn)
    facts = {name: Fact(v, "entered by the analyst") for name, v in values.items()}
    return Case(key, facts, identity=identity)


def line(code: str = "77080", cents: int | None = 25000, **more: object) -> LineIdentity:
    return LineIdentity(procedure_code=code, billed_cents=cents, **more)


SAME = {
    "the payer respelled by case": ({}, {"payer": "LAKESHORE HEALTH"}),
    "the payer respelled, the number the same": (
        {"number": "N-1"}, {"number": "N-1", "payer": "LSH Inc"}),
    "an id added": ({}, {"payer_id": "P-1"}),
    "a number added": ({}, {"number": "N-1"}),
    "the days corrected, the number the same": (
        {"number": "N-1"}, {"number": "N-1", "day": date(2026, 10, 8)}),
    "a charge added to the only line": (
        {"lines": (line(cents=None),)}, {"lines": (line(cents=25000),)}),
}  # fmt: skip
OTHER = {
    "another account": ({}, {"account": "A-2"}),
    "another payer": ({"payer_id": "P-1"}, {"payer_id": "P-2"}),
    "another line": ({"lines": (line(),)}, {"lines": (line("99213"),)}),
    "a line with another charge": ({"lines": (line(),)}, {"lines": (line(cents=1),)}),
    "the other twin": (
        {"lines": (line(), line())}, {"lines": (line(), line()), "turn": 1}),
}  # fmt: skip
MAYBE = {
    "no day and no payer": ({}, {"payer": None, "day": None}),
    "a line where the claim was": ({}, {"lines": (line(),)}),
    "one of two where one was": (
        {"lines": (line(cents=None),)}, {"lines": (line(cents=None), line(cents=None))}),
}  # fmt: skip


@pytest.mark.parametrize(("before", "today"), SAME.values(), ids=SAME)
def test_what_was_entered_is_found_under(store, before, today):
    store.save(identified(**before, x="1"), **BY)
    case = identified(**today, key="c-today")
    assert store.find(case).case_key == "c-1"
    resumed = store.resume(case)
    assert resumed.case_key == "c-1" and resumed.value("x") == "1"


def test_many_cases_are_found_as_each_of_them_is(store):
    store.save(identified(x="1"), **BY)
    store.save(identified(account="A-2", key="c-2", x="2"), **BY)
    every = [*SAME.values(), *OTHER.values(), *MAYBE.values()]
    cases = [identified(**today, key="c-today") for _, today in every] + [identified(key="c-2")]
    found = store.find_each(cases)
    assert list(found) == [store.find(case) for case in cases]
    assert {one.case_key for one in found} == {"c-1", "c-2", None}


def test_only_the_cases_with_a_number_and_those_changed_since_are_named(store):
    store.save(identified(x="1"), **BY)
    seen = store.newest()
    store.save(identified(account="A-2", number="N-9", key="c-2", x="2"), **BY)
    assert store.cases_changed_since(seen) == ("c-2",)
    assert store.cases_changed_since(store.newest()) == ()
    assert store.cases_with({"account A-1"}) == ("c-1",)
    assert store.cases_with({"payer N-9", "account A-1"}) == ("c-1", "c-2")
    assert store.cases_with({"payer A-1"}) == ()


def test_an_entry_returns_the_last_entry_of_its_case(store):
    last = store.enter("c-1", {"x": Fact("1", "file")}, **BY)
    assert last == store.last_entry("c-1")
    again = store.withdraw("c-1", "x", source="by hand", after=last, **BY)
    assert again == store.last_entry("c-1") > last


def test_a_store_that_was_there_is_not_made_anew_where_it_is_gone(file):
    CaseStore(file).close()
    file.unlink()
    with pytest.raises(StoreError, match="was deleted or moved"):
        CaseStore(file, made=True)
    assert not file.exists()


@pytest.mark.parametrize(("before", "today"), OTHER.values(), ids=OTHER)
def test_nothing_is_brought_to(store, before, today):
    store.save(identified(**before, x="1"), **BY)
    found = store.find(identified(**today, key="c-today"))
    assert found.case_key is None and found.candidates == ()


@pytest.mark.parametrize(("before", "today"), MAYBE.values(), ids=MAYBE)
def test_it_is_asked_for(store, before, today):
    store.save(identified(**before, x="1"), **BY)
    case = identified(**today, key="c-today")
    found = store.find(case)
    assert found.case_key is None
    [candidate] = found.candidates
    assert (candidate.case_key, candidate.entries, candidate.who) == ("c-1", 1, "ana")
    assert store.resume(case).facts == {}  # never attached without an answer
    store.attach("c-1", case.identity, **BY)
    assert store.find(case).case_key == "c-1" and store.resume(case).value("x") == "1"


def test_lines_that_change_their_order_keep_what_was_entered_on_each(store):
    for cents in (100, 200):
        store.save(identified(lines=(line(cents=cents),), key=f"c-{cents}", x=str(cents)), **BY)
    for cents in (200, 100):
        found = store.resume(identified(lines=(line(cents=cents),), key=f"c-new-{cents}"))
        assert (found.case_key, found.value("x")) == (f"c-{cents}", str(cents))


def test_a_payer_respelled_today_and_given_an_id_tomorrow_is_followed(store):
    store.save(identified(number="N-1", x="1"), **BY)
    today = store.resume(identified(number="N-1", payer="LSH", key="c-today"))
    store.enter("c-1", {"y": Fact("2", "s")}, identity=today.identity, **BY)
    tomorrow = identified(payer="LSH", payer_id="P-1", key="c-tomorrow")
    assert store.find(tomorrow).case_key == "c-1"
    assert len(store.identities()["c-1"]) == 2


def test_a_claim_that_could_be_either_of_two_is_taken_for_none(store):
    store.save(identified(payer_id="P-1", payer=None, day=None, key="c-a", x="1"), **BY)
    store.save(identified(payer_id="P-2", payer=None, day=None, key="c-b", x="1"), **BY)
    found = store.find(identified(payer=None, key="c-today"))
    assert found.case_key is None
    assert [one.case_key for one in found.candidates] == ["c-a", "c-b"]


def test_an_identity_prints_no_number():
    assert SENTINEL not in repr(identified(account=SENTINEL).identity)


# --- the file --------------------------------------------------------------------------------


def test_the_store_is_for_its_owner_only(tmp_path):
    path = tmp_path / "private" / "cases.sqlite"
    with CaseStore(path) as store:
        store.save(a_case(x="1"), **BY)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with CaseStore(path) as store:
        assert store.case("c-1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("made", ["text", "database", "folder"])
def test_a_file_that_is_no_store_is_refused_and_left_as_it_was(tmp_path, made):
    path = tmp_path / "notes.txt"
    if made == "folder":
        path.mkdir()
        with pytest.raises(StoreError, match="notes.txt: the case store cannot be opened"):
            CaseStore(path)
        return
    if made == "text":
        path.write_text(SENTINEL * 100)
    else:
        raw(path, "CREATE TABLE other (x)")
    before = path.read_bytes()
    path.chmod(0o644)
    with pytest.raises(InputError, match="notes.txt: is not a case store") as caught:
        CaseStore(path)
    assert SENTINEL not in str(caught.value)
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_store_of_a_newer_version_is_refused(place):
    if isinstance(place, Path):
        with sqlite3.connect(place) as other:
            other.execute("PRAGMA user_version = 99")
    else:
        CaseStore(place).close()
        raw(place, "INSERT INTO store_version VALUES (99)")
    with pytest.raises(InputError, match="newer version"):
        CaseStore(place)


def test_a_store_deleted_while_it_is_open_confirms_no_entry(file):
    with CaseStore(file) as store:
        store.enter("c-1", {"x": Fact("1", "s")}, **BY)
        kept = shutil.copy(file, file.with_name("kept"))
        file.unlink()
        with pytest.raises(StoreError, match="deleted, moved or replaced.*not saved"):
            store.enter("c-1", {"x": Fact("2", "s")}, **BY)
        assert not file.exists()  # never made anew in silence
        shutil.copy(kept, file)
        with pytest.raises(StoreError, match="open it again"):
            store.enter("c-1", {"x": Fact("3", "s")}, **BY)
    with CaseStore(file) as store:
        assert values(store) == ["1"]


def test_a_store_deleted_in_the_middle_of_an_entry_does_not_confirm_it(file, monkeypatch):
    from toolkit.cases import log

    with CaseStore(file) as store:
        true = log.append

        def append(*words, **more):
            file.unlink(missing_ok=True)
            return true(*words, **more)

        monkeypatch.setattr(log, "append", append)
        with pytest.raises(StoreError, match="deleted, moved or replaced"):
            store.enter("c-1", {"x": Fact("1", "s")}, **BY)


def test_a_full_disk_is_said_in_words_and_loses_nothing(file):
    with CaseStore(file) as store:
        store.enter("c-1", {"x": Fact("1", "s")}, **BY)
        with store._database.read() as db:
            db.exec_driver_sql("PRAGMA max_page_count = 1")  # never below what there is
        with pytest.raises(StoreError, match="the disk is full; nothing of this entry was saved"):
            for count in range(1000):
                store.enter("c-1", {"x": Fact(f"{count}" * 500, "s")}, **BY)
        found = store.verify()
        assert found.wrong is None and 1 <= found.entries < 1000
    with CaseStore(file) as store:
        store.enter("c-1", {"x": Fact("2", "s")}, **BY)
        assert values(store)[0] == "1" and values(store)[-1] == "2"


def test_a_store_that_may_only_be_read_is_read(file, monkeypatch):
    with CaseStore(file) as store:
        store.enter("c-1", {"x": Fact("1", "s")}, **BY)
    true = os.open

    def refuse(path, flags, *more):
        if Path(path) == file and flags & os.O_RDWR:
            raise PermissionError(13, "no")
        return true(path, flags, *more)

    monkeypatch.setattr(os, "open", refuse)
    with CaseStore(file) as store:
        assert store.case("c-1").value("x") == "1"
        with pytest.raises(StoreError, match="is read-only here; nothing of this entry"):
            store.enter("c-1", {"x": Fact("2", "s")}, **BY)


def test_a_store_that_becomes_read_only_is_said_in_words(file):
    with CaseStore(file) as store:
        store.enter("c-1", {"x": Fact("1", "s")}, **BY)
        with store._database.read() as db:
            db.exec_driver_sql("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match="is read-only here"):
            store.enter("c-1", {"x": Fact("2", "s")}, **BY)
        assert values(store) == ["1"]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("mysql://x/y", "postgresql://user@host/database"),
        ("://", "postgresql://user@host/database"),
        ("postgresql://u:ZZSENTINELZZ@127.0.0.1:1/x", "the server cannot be reached"),
    ],
)
def test_a_place_that_is_no_store_is_said_in_words_without_a_password(place, says):
    with pytest.raises(ToolkitError, match=says) as caught:
        CaseStore(place)
    assert SENTINEL not in str(caught.value)


# --- version 1 -------------------------------------------------------------------------------


@pytest.fixture
def migrated(file) -> Iterator[CaseStore]:
    shutil.copy(VERSION_1, file)
    with CaseStore(file) as opened:
        yield opened


FIRST, SECOND = "c-0123456789abcdef0123", "c-fedcba98765432100000"


def test_a_store_of_version_1_is_taken_over_without_loss(migrated, file):
    assert migrated.keys() == (FIRST, SECOND)
    days = [one.fact.value for one in migrated.history(FIRST, name="order_date")]
    assert days == [date(2026, 10, 1), date(2026, 10, 2)]
    case = migrated.case(FIRST)
    assert case.facts["order_date"] == Fact(
        date(2026, 10, 2), "entered by the analyst", date(2026, 11, 5)
    )
    assert case.value("order_record") is None and len(migrated.history(FIRST)) == 6
    [letter] = migrated.letters(FIRST)
    assert letter.sha256 == "ab" * 32 and letter.is_draft
    [event] = migrated.case(SECOND).events
    assert (event.outcome, event.recovered_cents) == ("upheld", 7)
    assert migrated.history(SECOND)[0].entered_at == "2026-11-06T12:00:00+00:00"
    assert {one.who for one in migrated.entries(FIRST)} == {"not recorded (store of version 1)"}
    assert migrated.verify().wrong is None
    with sqlite3.connect(file) as db:  # the old tables stay as they were
        assert db.execute("SELECT count(*) FROM facts").fetchone() == (7,)


def test_a_store_of_version_1_is_taken_over_once(migrated, file):
    before = migrated.verify()
    with CaseStore(file) as again:
        assert again.verify() == before


def test_a_case_of_version_1_is_found_by_its_key_and_asked_for_by_its_numbers(migrated):
    old = Case("c-new", {}, version_1_key=FIRST)
    assert migrated.resume(old).value("order_date") == date(2026, 10, 2)
    today = identified(account="PCN-SYN-1", number="ICN-SYN-1", lines=(line(),), key="c-new")
    found = migrated.find(today)
    assert found.case_key is None and [one.case_key for one in found.candidates] == [FIRST]


def test_a_migration_that_fails_leaves_version_1_as_it_was(file, monkeypatch):
    from toolkit.cases import migrations

    shutil.copy(VERSION_1, file)
    monkeypatch.setattr(migrations, "_add_identity", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        CaseStore(file)
    with sqlite3.connect(file) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert {name for (name,) in tables} == {"facts", "events", "letters", "sqlite_sequence"}


# --- corrections of events -------------------------------------------------------------------


def test_a_correction_takes_the_place_of_the_event_that_it_names(store):
    case = Case("c-1", {})
    first = store.record(case, "filed", day=date(2026, 3, 1), level="appeal", **BY)
    second = store.record(
        case, "filed", day=date(2026, 3, 2), level="appeal", corrects=first.entry, **BY
    )
    assert [one.entry for one in store.events("c-1")] == [second.entry]
    assert [one.entry for one in store.events("c-1", every=True)] == [first.entry, second.entry]
    with pytest.raises(RefusedError, match=f"entry {first.entry} was already corrected"):
        store.record(case, "note", day=date(2026, 3, 2), corrects=first.entry, **BY)
    with pytest.raises(RefusedError, match="entry 99 is not a recorded event"):
        store.record(case, "note", day=date(2026, 3, 2), corrects=99, **BY)


def test_what_was_recorded_is_among_the_appeals_of_the_case(store):
    case = Case("c-1", {})
    store.record(case, "filed", day=date(2026, 3, 1), level="appeal", **BY)
    store.record(case, "decided", day=date(2026, 4, 1), level="appeal", outcome="upheld", **BY)
    [event] = store.resume(case).events
    assert event == Event(
        level="appeal",
        filed_on=date(2026, 3, 1),
        decided_on=date(2026, 4, 1),
        outcome="upheld",
        source="recorded",
    )
