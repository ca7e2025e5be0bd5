"""Zip and gz files: what is in them is read as if it lay beside them, and no bomb goes off."""

import contextlib
import gzip
import io
import zipfile
from datetime import date
from pathlib import Path

import pytest

from toolkit.bulk import Book, gather
from toolkit.claims import read
from toolkit.claims.archives import is_archive
from toolkit.errors import InputError

REMIT = Path(__file__).parents[1] / "data" / "samples" / "remits" / "public"
EXPORT = "Claim Number,Payer,Reason Code,Group Code,Denied Amount\n{},Elm Plan,50,CO,100.00\n"


def zip_of(path: Path, members: dict[str, bytes], **given) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **given) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return path


def export(number: str) -> bytes:
    return EXPORT.format(number).encode()


def numbers(claims) -> list[str]:
    return claims.claims["patient_control_number"].tolist()


def test_members_of_a_zip_are_read_and_named_by_their_place(tmp_path):
    remit = next(REMIT.glob("*.835"))
    made = zip_of(tmp_path / "july.zip", {
        "Doe_Jane.csv": export("A1"), "x/b.835": remit.read_bytes(), "readme.pdf": b"%PDF",
        "__MACOSX/._a.csv": b"x", ".hidden.csv": export("A9"),
    })  # fmt: skip
    claims = read(made)
    assert claims.files["file"].tolist() == ["july.zip, member 1.csv", "july.zip, member 2.835"]
    assert "A1" in numbers(claims)
    assert "A9" not in numbers(claims)
    assert "Doe" not in " ".join(claims.findings["says"]) + " ".join(claims.files["file"])


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv"])
def test_a_gz_is_what_its_bytes_say_whatever_its_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(export("A1")[:40]) + gzip.compress(export("A1")[40:]))
    assert numbers(read(path)) == ["A1"]


def test_the_same_bytes_count_once_packed_or_not(tmp_path):
    (tmp_path / "a.csv").write_bytes(export("A1"))
    zip_of(tmp_path / "b.zip", {"1.csv": export("A1"), "2.csv": export("A2")})
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(export("A2")))
    claims = read(tmp_path)
    assert numbers(claims) == ["A1", "A2"]
    assert claims.findings["code"].tolist().count("file_given_twice") == 2


def test_archives_come_into_a_book_as_their_members(tmp_path):
    zip_of(tmp_path / "b.zip", {"1.csv": export("A1"), "2.csv": export("A2")})
    book = Book.at(tmp_path / "book")
    for again in range(2):
        found = gather([tmp_path / "b.zip"], book, engine="pandas")
        assert [file.name for file in found.files] == ["b.zip, member 1.csv", "b.zip, member 2.csv"]
        assert found.read == (0 if again else 2)


def test_a_broken_member_stops_the_others_in_no_way(tmp_path):
    made = zip_of(tmp_path / "b.zip", {"1.csv": b"nothing here", "2.csv": export("A2")})
    claims = read(made)
    assert numbers(claims) == ["A2"]
    [said] = claims.findings.loc[claims.findings["code"] == "file_not_read", "says"]
    assert said.startswith("left out: b.zip, member 1.csv")


def bomb() -> bytes:
    packed = io.BytesIO()
    with gzip.open(packed, "wb") as made:
        for _ in range(300):
            made.write(bytes(1 << 20))
    return packed.getvalue()


def nested(depth: int) -> bytes:
    data = export("A1")
    for _ in range(depth):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as made:
            made.writestr("a.zip", data)
        data = packed.getvalue()
    return data


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("bomb.gz", bomb, "250 times its size"),
        ("cut.csv.gz", lambda: gzip.compress(export("A1") * 50)[:-20], "damaged or truncated"),
        ("cut.zip", lambda: nested(1)[:-30], "damaged or truncated; pack it again"),
        ("empty.zip", lambda: b"PK\x05\x06" + bytes(18), "contains no readable file"),
        ("deep.zip", lambda: nested(4), "archives in archives"),
        ("seven.csv", lambda: b"7z\xbc\xaf\x27\x1c" + bytes(60), "7z archive"),
        ("a.tar", lambda: bytes(257) + b"ustar" + bytes(300), "tar archive"),
        ("method.zip", lambda: _zip_of_method(9), "method that cannot be read"),
        ("none.zip", lambda: nested(1)[:0] + _zip_of_pdf(), "no readable file"),
    ],
)  # fmt: skip
def test_an_archive_that_cannot_be_read_is_refused_in_words(tmp_path, name, data, says):
    path = tmp_path / name
    path.write_bytes(data())
    with pytest.raises(InputError, match=says):
        read(path)


def _zip_of_method(method: int) -> bytes:
    """Return a zip whose one member claims a compression that Python does not unpack."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("a.csv", export("A1"))
    data = bytearray(packed.getvalue())
    directory = data.index(b"PK\x01\x02")
    data[8:10] = data[directory + 10 : directory + 12] = method.to_bytes(2, "little")
    return bytes(data)


def _zip_of_pdf() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("a.pdf", b"%PDF")
    return packed.getvalue()


def test_nested_once_is_read(tmp_path):
    (tmp_path / "a.zip").write_bytes(nested(2))
    assert numbers(read(tmp_path / "a.zip")) == ["A1"]


def test_a_protected_archive_is_refused_and_a_workbook_is_none(tmp_path):
    path = tmp_path / "a.zip"
    data = bytearray(zip_of(path, {"a.csv": export("A1")}).read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    data[6] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="protected by a password"):
        read(path)
    from toolkit.claims import write_sample

    book = write_sample(tmp_path / "b.xlsx", rows=3, seed=1, as_of=date(2026, 1, 1))
    assert not is_archive(book)


def test_what_was_unpacked_is_gone_when_the_reading_ends(tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    for data in ({"1.csv": export("A1")}, {"1.csv": b"nothing"}):
        made = zip_of(tmp_path / "b.zip", data)
        with contextlib.suppress(InputError):
            read(made)
        assert list((tmp_path / "temp").iterdir()) == []
