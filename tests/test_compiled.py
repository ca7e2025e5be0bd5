"""Compiled rule files: quick, and never another answer than the file's own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.errors import RulesError
from toolkit.rules import RULES, compiled, load_yaml, loader, parsing, read_csv

PROGRAM = RULES / "programs" / "original_medicare.yaml"
FILES = sorted(p for p in RULES.rglob("*") if p.suffix in (".yaml", ".csv"))
WORDS = (
    "deadline --program original_medicare --level redetermination --notice-date 2026-01-15 --json"
)


@pytest.fixture
def cache(monkeypatch, tmp_path) -> Path:
    """Give the folder of the compiled forms: private to the test, not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return compiled.folder()


@pytest.fixture
def parsed(monkeypatch) -> list[str]:
    """Give the names of the files that are parsed from now on, in their order."""
    names = []

    def noted(source: bytes, name: str):
        names.append(name)
        return parsing.plain_yaml(source.decode(), name)

    monkeypatch.setattr(loader, "_yaml", noted)
    return names


def compiled_form(cache: Path) -> Path:
    return cache / "programs-original_medicare.yaml"


def in_full(path: Path):
    """Return what a file says, read without any cache."""
    source = path.read_bytes().decode("utf-8")
    return (
        parsing.plain_yaml(source, path.name)
        if path.suffix == ".yaml"
        else tuple(parsing.plain_csv(source))
    )


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(RULES).as_posix())
def test_the_compiled_form_says_what_the_file_says(path, cache, monkeypatch):
    def read():
        return load_yaml(path) if path.suffix == ".yaml" else read_csv(path, dict[str, str])

    assert read() == in_full(path)
    monkeypatch.setattr(loader, "_yaml", None)  # from here on, a file that is parsed is an error
    monkeypatch.setattr(loader, "_csv", None)
    assert read() == in_full(path)
    assert len(list(cache.iterdir())) == 1


def test_a_file_is_parsed_once(cache, parsed):
    assert load_yaml(PROGRAM) == load_yaml(PROGRAM)
    assert parsed == ["rules/programs/original_medicare.yaml"]


def test_two_readings_share_nothing(cache):
    load_yaml(PROGRAM)
    load_yaml(PROGRAM)["levels"].clear()
    assert load_yaml(PROGRAM)["levels"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:20],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1],
        lambda whole: whole + b"x",
        lambda whole: whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:],
        lambda whole: whole.replace(b"120", b"130"),
        lambda whole: b"\x80\x04" + bytes(500),
        lambda whole: os.urandom(len(whole)),
    ],
    ids="empty head half last_byte_gone one_more one_bit another_count pickle noise".split(),
)
def test_a_damaged_form_is_left_aside_and_replaced(damage, cache, parsed):
    first = load_yaml(PROGRAM)
    form = compiled_form(cache)
    whole = form.read_bytes()
    form.write_bytes(damage(whole))
    assert form.read_bytes() != whole
    assert load_yaml(PROGRAM) == first == in_full(PROGRAM)
    assert form.read_bytes() == whole and len(parsed) == 2


def test_the_form_of_another_file_is_left_aside(cache, parsed):
    load_yaml(PROGRAM)
    load_yaml(RULES / "programs" / "part_d.yaml")
    shutil.copy(cache / "programs-part_d.yaml", compiled_form(cache))
    assert load_yaml(PROGRAM) == in_full(PROGRAM)
    assert len(parsed) == 3


def test_a_form_that_another_reader_made_is_left_aside(cache, parsed, monkeypatch):
    load_yaml(PROGRAM)
    monkeypatch.setattr(compiled, "_reader", lambda: b"a reader of tomorrow")
    load_yaml(PROGRAM)
    assert len(parsed) == 2


def test_a_reader_whose_text_is_not_at_hand_keeps_nothing(cache, parsed, monkeypatch):
    monkeypatch.setattr(compiled, "_reader", lambda: b"")
    assert load_yaml(PROGRAM) == load_yaml(PROGRAM)
    assert len(parsed) == 2 and not cache.exists()


def test_a_file_that_is_no_yaml_is_refused_each_time_and_nothing_is_kept(cache):
    for _ in range(2):
        with pytest.raises(RulesError, match="rules/x.yaml, line 2: a key appears twice"):
            compiled.plain("x.yaml", b"a: 1\na: 2\n", loader._yaml, "rules/x.yaml")
    assert not cache.exists()


def test_what_is_no_rule_of_the_toolkit_is_never_kept(cache, tmp_path):
    facts = tmp_path / "facts.yaml"
    facts.write_text("patient_name: Jane Sentinel\n", encoding="utf-8")
    assert load_yaml(facts) == {"patient_name": "Jane Sentinel"}
    assert not cache.exists()


def test_the_forms_are_their_owners_alone(cache):
    load_yaml(PROGRAM)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert compiled_form(cache).stat().st_mode & 0o777 == 0o600


def test_a_folder_in_which_others_can_write_is_not_believed(cache, parsed):
    load_yaml(PROGRAM)
    false = dict(in_full(PROGRAM), name="A program that nobody wrote")
    compiled._keep(
        compiled_form(cache),
        compiled._head(PROGRAM.read_bytes()),
        compiled.msgspec.msgpack.encode(false),
    )
    assert load_yaml(PROGRAM)["name"] == false["name"]  # so the form is a good one
    cache.chmod(0o777)
    assert load_yaml(PROGRAM) == in_full(PROGRAM)
    assert load_yaml(PROGRAM) == in_full(PROGRAM) and len(parsed) == 3


def test_a_folder_that_cannot_be_written_is_read(cache, parsed):
    load_yaml(PROGRAM)
    compiled_form(cache).chmod(0o400)
    cache.chmod(0o500)
    try:
        assert load_yaml(PROGRAM) == in_full(PROGRAM) and len(parsed) == 1
        load_yaml(RULES / "programs" / "part_d.yaml")  # kept or not (root may): no error
    finally:
        cache.chmod(0o700)


def test_a_folder_that_cannot_be_made_is_done_without(monkeypatch, tmp_path, parsed):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert load_yaml(PROGRAM) == load_yaml(PROGRAM) == in_full(PROGRAM)
    assert len(parsed) == 2


def test_a_disk_that_is_full_is_no_error_and_leaves_no_part_of_a_form(cache, monkeypatch):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert load_yaml(PROGRAM) == in_full(PROGRAM)
    assert list(cache.iterdir()) == []


def test_without_a_home_nothing_is_kept(monkeypatch):
    def none():
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", none)
    assert compiled.folder() is None
    assert load_yaml(PROGRAM) == in_full(PROGRAM)


def test_a_cache_home_that_is_not_absolute_is_void(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert tmp_path not in compiled.folder().parents


# --- whole processes -----------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path) -> Path:
    """Give a folder with a copy of the package, whose rules a test may edit."""
    shutil.copytree(RULES.parent, tmp_path / "copy" / "toolkit")
    return tmp_path / "copy"


def start(copy: Path, cache: Path) -> subprocess.Popen:
    settings = os.environ | {"PYTHONPATH": str(copy), "XDG_CACHE_HOME": str(cache.parents[1])}
    return subprocess.Popen(
        [sys.executable, "-m", "toolkit", *WORDS.split()],
        cwd=copy,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def last_day(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return json.loads(out)["last_filing_date"]


def test_an_edited_rule_is_answered_anew_at_once(copy, cache):
    rules = copy / "toolkit" / "rules" / "programs" / "original_medicare.yaml"
    before = rules.stat()
    assert last_day(start(copy, cache)) == last_day(start(copy, cache)) == "2026-05-20"
    text = rules.read_text(encoding="utf-8")
    assert "{count: 120, unit: days}" in text
    rules.write_text(text.replace("{count: 120, unit: days}", "{count: 121, unit: days}"))
    # Not even the size and the day of the file tell it: its bytes do.
    os.utime(rules, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert rules.stat().st_size == before.st_size
    assert last_day(start(copy, cache)) == "2026-05-21"
    rules.write_text(text, encoding="utf-8")
    assert last_day(start(copy, cache)) == "2026-05-20"


def test_processes_that_start_at_once_have_the_same_answer(copy, cache):
    both = [start(copy, cache) for _ in range(6)]
    assert {last_day(one) for one in both} == {"2026-05-20"}
    kept = compiled_form(cache)
    assert kept in cache.iterdir() and not [p for p in cache.iterdir() if p.name[0] == "."]
    assert last_day(start(copy, cache)) == "2026-05-20"
