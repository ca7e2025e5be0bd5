"""All letters of an export: what was written, why the others were not, and a second run that only adds."""

import json
import shutil

import pytest
from test_letters import AS_OF, case_of
from test_letters_from_an_export import TOUR

from toolkit import letters
from toolkit.cli import main
from toolkit.letters.batch import rules_hash


def cases():
    return [
        ("k-1", case_of()),
        ("k-2", case_of({"signer_name": ""})),
        ("k-3", case_of({"state": "closed"})),
        ("k-4", case_of({"patient_name": "Testcase, Second"})),
    ]


def run(folder, pairs=None, **how):
    pairs = pairs or cases()
    return letters.write_all(pairs, folder, as_of=AS_OF, total=len(pairs), ending="md", **how)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch") / "out"
    steps = []
    made = run(folder, on_progress=lambda *step: steps.append(step), inputs={"f": "0" * 64})
    return folder, made, steps


@pytest.fixture
def again(first, tmp_path):
    return shutil.copytree(first[0], tmp_path / "out")


def by_key(made):
    return {one["denial"]: one for one in made["denials"]}


def test_each_denial_has_its_letter_or_the_reason_and_the_way_on(first):
    folder, made, steps = first
    assert json.loads((folder / "manifest.json").read_text()) == made
    of = by_key(made)
    assert [of[k]["state"] for k in sorted(of)] == ["written", "incomplete", "refused", "written"]
    assert of["k-2"]["needs"][0].startswith("signer_name: ")
    assert of["k-3"]["why"] and of["k-3"]["needs"]
    assert letters.verify(folder / "k-1.md").untouched
    assert made["counts"] == {"written": 2, "kept": 0, "edited": 0, "incomplete": 1, "refused": 1}
    assert made["rules"] == rules_hash() and made["inputs"] == {"f": "0" * 64} and made["finished"]
    assert steps == [(n, 4) for n in range(1, 5)]
    assert not list(folder.glob("k-2*")) and not list(folder.glob("k-3*"))


def test_a_second_run_writes_only_what_has_changed(again):
    pairs = cases()
    pairs[3] = ("k-4", case_of({"patient_name": "Testcase, Third"}))
    pairs[1] = ("k-2", case_of())
    before = (again / "k-1.md").stat().st_mtime_ns
    of = by_key(run(again, pairs))
    assert [of[k]["state"] for k in sorted(of)] == ["kept", "written", "refused", "written"]
    assert (again / "k-1.md").stat().st_mtime_ns == before
    assert "Third" in (again / "k-4.md").read_text(encoding="utf-8")


def test_a_letter_that_somebody_edited_is_never_written_over(again):
    (again / "k-1.md").write_text("by hand", encoding="utf-8")
    (again / "k-4.record.json").unlink()  # whose letter it is can no longer be told
    of = by_key(run(again))
    assert of["k-1"]["state"] == of["k-4"]["state"] == "edited"
    assert (again / "k-1.md").read_text(encoding="utf-8") == "by hand"


def test_a_letter_of_before_that_may_no_longer_be_sent_is_named(again):
    pairs = cases()
    pairs[0] = ("k-1", case_of({"state": "closed"}))
    assert run(again, pairs)["no_longer"] == ["k-1.md"]


def test_an_interrupted_run_leaves_a_manifest_and_is_taken_up_again(tmp_path):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", on_progress=stop)
    said = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert not said["finished"] and len(said["denials"]) == 2
    of = by_key(run(tmp_path / "out"))
    assert [of[k]["state"] for k in sorted(of)] == ["kept", "incomplete", "refused", "written"]


def test_a_run_that_is_killed_leaves_no_letter_without_its_record(tmp_path, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("toolkit.letters.writing.write_record", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "out")
    assert not list((tmp_path / "out").glob("k-*"))
    of = by_key(run(tmp_path / "out"))
    assert [of[k]["state"] for k in sorted(of)] == ["written", "incomplete", "refused", "written"]


def test_the_command_writes_all_with_progress_on_standard_error(tmp_path, capsys):
    command = [
        "draft", str(TOUR / "denial.csv"), "--all", "--out", str(tmp_path / "out"), "--json",
        "--payers", str(TOUR.parent / "payers.csv"), "--facts", str(TOUR / "facts.yaml"),
        "--as-of", "2026-11-23", "--store", str(tmp_path / "none.sqlite"),
    ]  # fmt: skip
    assert main(command) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer["denials"] == answer["written"] == 1 and "1 of 1 denials" in err
    (letter,) = (tmp_path / "out").glob("*.docx")
    assert letters.verify(letter).untouched
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == 1
    assert main([*command, "--packet"]) == 2


def test_letters_of_one_kind_are_written_together_and_listed_as_the_export_has_them(
    tmp_path, monkeypatch
):
    patients = {"filer": "enrollee", "patient_address": "12 Sample Road"}
    pairs = [(f"k-{n}", case_of(patients if n % 2 else {})) for n in range(4)]
    order = []
    monkeypatch.setattr(
        "toolkit.letters.batch.write", lambda letter, path, **_: _noted(order, path)
    )
    made = run(tmp_path / "out", pairs)
    assert order in (["k-0", "k-2", "k-1", "k-3"], ["k-1", "k-3", "k-0", "k-2"])
    assert [one["denial"] for one in made["denials"]] == ["k-0", "k-1", "k-2", "k-3"]


def _noted(order, path):
    order.append(path.stem)
    path.write_text("a letter", encoding="utf-8")
