"""An 835 read in parts is the 835 read whole, whatever the size of the parts."""

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.claims.tables import TABLES
from toolkit.claims.x12 import remittance
from toolkit.claims.x12.envelope import open_envelope, pieces, survey
from toolkit.claims.x12.remittance import read_remittance, stream_remittance
from toolkit.errors import RemittanceError

SAMPLES = Path(__file__).parents[1] / "data" / "samples" / "remits"
FILES = sorted(
    path
    for folder in ("public", "quirks")
    for path in (SAMPLES / folder).iterdir()
    if path.suffix != ".json"
)
SMALL = [path for path in FILES if path.stat().st_size < 10_000]
MANY = SAMPLES / "public" / "tastypackets_x12-parser_profee-multiple.edi"
BASELINE = (SAMPLES / "quirks" / "q01_baseline.835").read_bytes()


def in_parts(path: Path, claims_at_once: int) -> dict[str, pd.DataFrame]:
    parts = list(stream_remittance(path, claims_at_once=claims_at_once))
    assert [len(part.files) for part in parts] == [0] * (len(parts) - 1) + [1]
    return {
        table: pd.concat([getattr(part, table) for part in parts], ignore_index=True)
        for table in TABLES
    }


def assert_the_same(parts: dict[str, pd.DataFrame], path: Path) -> None:
    whole = read_remittance(path)
    for table, frame in parts.items():
        want = getattr(whole, table)
        if table == "findings":
            keys = ["row", "column", "code"]
            frame = frame.sort_values(keys, ignore_index=True)
            want = want.sort_values(keys, ignore_index=True)
        pd.testing.assert_frame_equal(frame, want)


def transactions(count: int) -> bytes:
    """Transactions of a public sample in one interchange, with control numbers of their own."""
    data = MANY.read_bytes().replace(b"\n", b"").replace(b"\r", b"")
    head = data[: data.index(b"ST*835")]
    found = re.findall(rb"ST\*835\*\d+(~.*?~SE\*\d+\*)\d+~", data)
    sets = [b"ST*835*%09d" % n + found[n % len(found)] + b"%09d~" % n for n in range(1, count + 1)]
    group, interchange = head.split(b"GS*")[1].split(b"*")[5], head.split(b"*")[13]
    return head + b"".join(sets) + b"GE*%d*%s~IEA*1*%s~" % (count, group, interchange)


@pytest.mark.parametrize("claims_at_once", [1, 2, 7])
@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name)
def test_the_parts_put_together_are_the_whole_sample(path, claims_at_once):
    assert_the_same(in_parts(path, claims_at_once), path)


def test_the_parts_of_many_interchanges_are_the_whole(tmp_path):
    path = tmp_path / "many.835"
    path.write_bytes(b"".join(re.findall(rb"ISA.*?IEA\*1\*\d+~", MANY.read_bytes())[:12]))
    for claims_at_once in (1, 7):
        assert_the_same(in_parts(path, claims_at_once), path)


def test_a_large_file_of_many_transactions_is_read_in_parts(tmp_path):
    path = tmp_path / "large.835"
    path.write_bytes(transactions(200))
    parts = in_parts(path, 100)
    assert_the_same(parts, path)
    assert len(parts["claims"]) == 600
    assert parts["files"]["transactions"].tolist() == [200]
    # The transactions of the sample are copies of each other.
    assert parts["findings"]["code"].tolist() == ["repeated_transactions"]
    sizes = [len(part.claims) for part in stream_remittance(path, claims_at_once=100)]
    assert len(sizes) > 5
    assert max(sizes) <= 100


DEFECTS = [
    b"ZZZ*1", b"REF*ZZ*1", b"CAS*CO*45*1.005", b"CAS*XX*1*5", b"LQ*RX*70", b"AMT*B6*7x",
    b"DTM*232*20201301", b"N1*PR*X", b"LX*2", b"CLP*X*1*10*10**12*ICN", b"SE*5*1", b"ST*277*78",
    b"PLB*1*20201231*WO:A*5", b"MOA***MA01", b"GE*1*1", b"SVC*HC:1:2:3*5*5", b"",
]  # fmt: skip


@given(
    st.integers(1, 120),
    st.sampled_from(DEFECTS),
    st.integers(0, 40),
    st.sampled_from([1, 2, 7]),
)
@settings(max_examples=30, deadline=None)
def test_a_defect_anywhere_gives_the_same_in_parts_and_whole(
    tmp_path_factory, place, defect, cut, claims_at_once
):
    path = tmp_path_factory.mktemp("defect") / "remit.835"
    segments = transactions(3).split(b"~")
    segments.insert(place % len(segments), defect)
    path.write_bytes(b"~".join(segments)[: None if cut < 30 else -cut])
    try:
        read_remittance(path)
    except RemittanceError as refused:
        with pytest.raises(RemittanceError, match=re.escape(str(refused))):
            list(stream_remittance(path, claims_at_once=claims_at_once))
    else:
        assert_the_same(in_parts(path, claims_at_once), path)


def test_a_plain_remittance_never_reaches_the_parser(tmp_path, monkeypatch):
    path = tmp_path / "plain.835"
    path.write_bytes(transactions(20))
    want = read_remittance(path)

    def refuse(*_args, **_named):
        raise AssertionError("the parser was asked")

    monkeypatch.setattr(remittance, "read_odd", refuse)
    pd.testing.assert_frame_equal(read_remittance(path).claims, want.claims)


def test_an_odd_claim_changes_nothing_for_the_claims_beside_it(tmp_path):
    plain, odd = tmp_path / "plain.835", tmp_path / "odd.835"
    data = transactions(5)
    plain.write_bytes(data)
    odd.write_bytes(data.replace(b"CAS*CO*29*12~", b"CAS*CO*29*12*1x~", 1))
    keys = ["claim_key", "file_id", "line_key", "adjustment_key"]
    for table in ("claims", "claim_lines", "adjustments"):
        left, right = (getattr(read_remittance(path), table) for path in (plain, odd))
        pd.testing.assert_frame_equal(
            left.drop(columns=keys, errors="ignore"), right.drop(columns=keys, errors="ignore")
        )
    findings = read_remittance(odd).findings
    own = findings[findings["code"] != "repeated_transactions"]
    assert own["column"].tolist() == ["CAS04"]


def test_a_file_cut_off_is_refused_after_its_first_parts(tmp_path):
    path = tmp_path / "cut.835"
    data = transactions(10)
    path.write_bytes(data[: data.rindex(b"CAS*") + 9])
    parts = stream_remittance(path, claims_at_once=2)
    assert len(next(parts).claims) == 2
    with pytest.raises(RemittanceError, match="cut off"):
        list(parts)


@pytest.mark.parametrize("size", [40, 300, 5000])
@pytest.mark.parametrize("ending", [b"~", b"~\r\n", b"\n", b"\r\n", b"\r", b"~\n   "])
def test_pieces_of_any_size_are_the_whole_envelope(size, ending):
    data = (BASELINE * 3).replace(b"~", ending)
    whole = open_envelope(data, "whole").batches[0]
    found = list(pieces(survey(data, "pieces", size), size))
    assert b"".join(piece.data for piece in found) == whole.data
    assert [row for piece in found for row in piece.rows] == whole.rows.tolist()
    assert [piece.ends_batch for piece in found][-1]
