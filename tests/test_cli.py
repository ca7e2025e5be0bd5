"""The command line is a contract: words, JSON, exit codes."""

import json
import os
import socket
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest

from toolkit import __version__
from toolkit.cli import main
from toolkit.cli.parser import names as commands

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
REMIT = SAMPLES / "remits" / "quirks" / "q14_claim_level_cas_moa.835"
EXPORT = SAMPLES / "exports" / "generic.csv"


def run(capsys, *words: str) -> tuple[int, dict, str]:
    code = main([*words, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out), err


def test_a_deadline_has_every_key_of_the_contract(capsys):
    code, found, err = run(
        capsys,
        "deadline",
        "--program",
        "original_medicare",
        "--level",
        "redetermination",
        "--notice-date",
        "2026-01-15",
    )
    assert (code, err) == (0, "")
    keys = "program level last_filing_date file_by filed_when citation applies_from steps"
    assert set(keys.split()) | {"standing", "warnings"} <= set(found)
    assert (found["last_filing_date"], found["file_by"]) == ("2026-05-20", "2026-05-20")
    assert set(found["steps"][0]) == {"date", "what", "citation", "status"}


def test_a_level_that_moves_by_itself_has_nothing_to_file(capsys):
    words = "deadline --program medicare_advantage --level ire_review --notice-date 2026-09-01"
    code, found, _ = run(capsys, *words.split())
    assert code == 0 and found["nothing_to_file"] is True and found["last_filing_date"] is None


@pytest.mark.parametrize(
    ("words", "needs"),
    [
        ("--program medicare_advantage --level contract_dispute", "contract's dispute window"),
        ("--program medicaid_managed_care --level state_fair_hearing", "state's window"),
        ("--program no_such_program --level reconsideration", "a program on file"),
        ("--program part_d --level no_such_level", "a level of part_d"),
    ],
)
def test_a_refusal_says_what_is_needed_and_exits_3(capsys, words, needs):
    code, found, err = run(capsys, "deadline", *words.split(), "--notice-date", "2026-03-02")
    assert code == 3 and set(found) == {"refused", "needs"}
    assert any(needs in one for one in found["needs"])
    assert needs in err


def test_an_unknown_receipt_does_not_withhold_the_safe_day(capsys):
    words = "deadline --program commercial_plan --level internal_appeal --notice-date 2026-03-02"
    code, found, _ = run(capsys, *words.split())
    assert (code, found["last_filing_date"]) == (0, "2026-08-29")
    assert any("earliest possible start" in one for one in found["warnings"])


@pytest.mark.parametrize("amount", ["nan", "inf", "-inf", "-5", "-0.01", "many"])
def test_an_amount_that_is_no_number_of_dollars_is_a_usage_error(capsys, amount):
    words = "deadline --program tricare --level formal_review --notice-date 2026-03-02"
    with pytest.raises(SystemExit) as stopped:
        main([*words.split(), f"--amount={amount}"])
    assert stopped.value.code == 2
    assert "expected dollars" in capsys.readouterr().err


def test_who_decides_and_with_whom_it_is_filed_are_two_things(capsys):
    words = "deadline --program commercial_plan --level external_review --received 2026-02-03"
    _, found, _ = run(capsys, *words.split())
    assert found["filed_with"] == "the plan or issuer"
    assert found["decided_by"].startswith("an independent review organization")
    assert main(words.split()) == 0
    shown = capsys.readouterr().out
    assert "filed with the plan or issuer" in shown and "received by the decider" not in shown
    _, found, _ = run(capsys, "ladder", "--program", "commercial_plan")
    review = next(one for one in found["levels"] if one["id"] == "external_review")
    assert review["filed_with"] == "the plan or issuer" and "(IRO)" in review["decided_by"]
    for level in found["levels"]:
        assert level["filed_with"] and level["decided_by"]


def test_a_decision_clock_refuses_without_the_day_it_starts_on(capsys):
    words = (
        "decision-due --program medicaid_managed_care --level state_fair_hearing "
        "--request-received 2026-03-06"
    )
    code, found, _ = run(capsys, *words.split())
    assert code == 3 and "plan appeal was filed" in found["needs"][0]
    code, found, _ = run(capsys, *words.split(), "--plan-appeal-date", "2026-02-02")
    assert (code, found["decision_due"]) == (0, "2026-05-03")
    code, found, _ = run(capsys, *words.split(), "--expedited")
    assert code == 3 and "case file" in found["needs"][0]
    code, found, _ = run(capsys, *words.split(), "--expedited", "--case-file-date", "2026-03-06")
    assert (code, found["decision_due"]) == (0, "2026-03-11")


def test_a_decision_has_the_keys_of_the_contract(capsys):
    words = (
        "decision-due --program medicare_advantage --level reconsideration "
        "--request-received 2026-03-02 --stage payment"
    )
    code, found, _ = run(capsys, *words.split())
    assert code == 0 and found["decision_due"] == "2026-05-01"
    assert {"citation", "steps", "if_missed"} <= set(found)


@pytest.mark.parametrize("command", ["ladder --program part_d", "law", "law --age"])
def test_the_law_can_be_read(capsys, command):
    code, found, _ = run(capsys, *command.split())
    assert code == 0 and found["not_modelled"]
    assert main(command.split()) == 0
    assert "42 CFR 423.582(b)" in capsys.readouterr().out


def test_the_law_counts_its_marks_and_names_its_interruptions(capsys):
    code, found, _ = run(capsys, "law", "--age")
    assert code == 0
    of_fehb = [rule["status"] for rule in found["rules"] if rule["program"] == "fehb"]
    assert found["marks"]["fehb"] == {mark: of_fehb.count(mark) for mark in ("V", "V2", "M")}
    assert "covid_outbreak_period" in {event["event"] for event in found["events"]}


def test_a_rule_that_nobody_read_for_a_year_warns_in_the_law_and_beside_its_dates(
    capsys, monkeypatch
):
    class Later:
        fromisoformat = date.fromisoformat

        @staticmethod
        def today():
            return date(2028, 1, 3)

    for command in ("law", "deadline", "decision_due"):
        monkeypatch.setattr(f"toolkit.cli.commands.{command}.date", Later)
    _, found, _ = run(capsys, "law")
    assert any("42 CFR 405.942(a) was last verified" in one for one in found["warnings"])
    for citation in ("42 CFR 405.906", "5 U.S.C. 6103", "42 CFR 422.619(b)", "42 CFR 405.942(b)",
                     "amount in controversy of 2026"):  # fmt: skip
        assert any(citation in one for one in found["warnings"]), citation
    words = "deadline --program original_medicare --level redetermination --notice-date 2026-03-02"
    _, found, _ = run(capsys, *words.split(), "--filer", "assignee")
    for citation in (
        "42 CFR 405.942(a) ",
        "42 CFR 405.942(a)(1) ",
        "42 CFR 405.906 ",
        "5 U.S.C. 6103 ",
    ):
        assert any(one.startswith(f"{citation}was last verified") for one in found["warnings"])
    words = "decision-due --program original_medicare --level redetermination --request-received 2026-03-02"
    _, found, _ = run(capsys, *words.split())
    assert any("more than a year ago" in one for one in found["warnings"])


@pytest.mark.parametrize(
    ("process", "code", "said"),
    [
        ("federal_hhs", 0, "2026-10-02"),
        ("federal_private", 0, "2026-07-15"),
        ("state", 3, "at least 4 months"),
        (None, 0, "2026-07-15"),  # the earlier day, with a warning
    ],
)
def test_an_external_review_is_counted_under_its_process(capsys, process, code, said):
    words = "deadline --program commercial_plan --level external_review --received 2026-03-15"
    words += f" --process {process}" if process else ""
    got, found, _ = run(capsys, *words.split())
    assert got == code
    assert said in (found["refused"] if code else found["last_filing_date"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--jurisdiction ny --filer enrollee", 0, "2026-07-15"),
        ("--jurisdiction NY --filer contracted_provider --stage payment", 0, "2026-05-14"),
        ("--jurisdiction CO", 0, "2026-07-15"),
        ("--jurisdiction CO --process state", 3, "in time under it"),
        ("--jurisdiction TX --process state", 3, "Texas has no process of its own"),
    ],
)
def test_an_external_review_is_counted_in_the_jurisdiction_of_the_plan(capsys, words, code, said):
    asked = "deadline --program commercial_plan --level external_review --received 2026-03-15"
    got, found, _ = run(capsys, *f"{asked} {words}".split())
    assert got == code
    assert said in (found["refused"] if code else found["last_filing_date"])
    assert code or found["jurisdiction"] == words.split()[1].upper()


def test_a_jurisdiction_that_is_none_is_wrong_usage(capsys):
    asked = "deadline --program commercial_plan --level external_review --received 2026-03-15"
    for word in ("ZZ", "New York"):
        with pytest.raises(SystemExit) as ended:
            main([*asked.split(), "--jurisdiction", word])
        assert ended.value.code == 2
        assert "two letters of a state" in capsys.readouterr().err


def test_a_prior_authorization_asks_for_the_service_and_the_state(capsys):
    words = "decision-due --program original_medicare --level prior_authorization --request-received 2026-03-05"
    assert run(capsys, *words.split())[0] == 3
    assert run(capsys, *f"{words} --service wiser".split())[0] == 3
    code, found, _ = run(capsys, *f"{words} --service wiser --state oh".split())
    assert code == 0 and found["decision_due"] == "2026-03-08"


def test_a_classification_has_the_keys_of_the_contract(capsys):
    code, found, _ = run(capsys, *"classify --group CO --carc 16 --rarc MA130".split())
    keys = (
        "denial_category reason route nature preventable liability confidence decided_by warnings"
    )
    assert code == 0 and set(keys.split()) <= set(found)
    assert (found["denial_category"], found["route"]) == ("claim_data", "corrected_claim")


def test_a_remittance_shows_its_totals(capsys):
    code, found, _ = run(capsys, "read", str(REMIT))
    keys = (
        "claims billed paid adjustments adjustment_total by_group_code provider_adjustments_total "
        "remark_codes service_lines transactions findings"
    )
    assert code == 0 and set(keys.split()) <= set(found)
    assert (found["billed"], found["adjustment_total"]) == ("1000.00", "1000.00")


def test_several_files_are_shown_by_name(capsys):
    code, found, _ = run(capsys, "read", str(REMIT), str(EXPORT))
    assert code == 0 and set(found["files"]) == {REMIT.name, EXPORT.name}


def test_a_worklist_is_written_and_summed(capsys, tmp_path):
    out = tmp_path / "worklist.csv"
    code, found, _ = run(
        capsys, "worklist", str(EXPORT), "--as-of", "2026-11-23", "--out", str(out)
    )
    assert code == 0 and out.exists()
    assert found["denials"] == len(out.read_text().splitlines()) - 1
    assert sum(one["denials"] for one in found["by_due"].values()) == found["denials"]


def test_every_engine_writes_the_same_worklist(capsys, tmp_path):
    said = []
    for engine in ("pandas", "duckdb", "auto"):
        out = tmp_path / f"{engine}.csv"
        words = ["worklist", str(EXPORT), "--engine", engine, "--out", str(out)]
        code, found, _ = run(capsys, *words, "--as-of", "2026-11-01")
        assert code == 0
        said.append((found | {"out": ""}, out.read_bytes()))
    assert said[0] == said[1] == said[2]


def test_an_engine_nobody_knows_and_an_ending_nobody_reads_are_wrong_usage(capsys, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        main(["worklist", str(EXPORT), "--engine", "abacus", "--out", str(tmp_path / "w.csv")])
    assert stopped.value.code == 2
    capsys.readouterr()
    code, found, _ = run(capsys, "worklist", str(EXPORT), "--out", str(tmp_path / "w.txt"))
    assert code == 2 and "--out" in found["error"]


def test_a_book_is_gathered_once_and_serves_worklists_and_reports(capsys, tmp_path):
    book = tmp_path / "book"
    code, found, _ = run(capsys, "gather", str(EXPORT), "--book", str(book))
    assert (code, found["read"], found["files"]) == (0, 1, 1)
    code, found, _ = run(capsys, "gather", str(EXPORT.parent), "--book", str(book))
    assert code == 0 and found["read"] >= 0 and found["left_out"] == []
    once, again = tmp_path / "once.csv", tmp_path / "again.csv"
    words = ["--as-of", "2026-11-01"]
    code, one, _ = run(capsys, "worklist", str(book), "--out", str(once), *words)
    assert code == 0
    code, two, _ = run(capsys, "worklist", str(EXPORT), "--book", str(book), "--out", str(again), *words)  # fmt: skip
    assert code == 0
    assert one | {"out": ""} == two | {"out": ""}
    assert once.read_bytes() == again.read_bytes()
    code, found, _ = run(
        capsys, "report", "overdue", str(book), "--out", str(tmp_path / "r"), "--format", "xlsx", *words
    )  # fmt: skip
    assert code == 0 and len(found["written"]) == 2


def test_a_file_that_cannot_be_read_exits_4_in_one_line(capsys, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"")
    code, found, err = run(capsys, "read", str(path))
    assert code == 4 and "x.csv" in found["error"] and len(err.splitlines()) == 1
    code, found, _ = run(capsys, "read", str(tmp_path / "absent.835"))
    assert code == 4


def test_wrong_words_exit_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["deadline", "--program", "part_d"])
    assert stopped.value.code == 2
    assert main(["classify"]) == 2
    with pytest.raises(SystemExit):
        main(["deadline", "--program", "p", "--level", "l", "--notice-date", "11/23/2026"])
    assert "expected a date as YYYY-MM-DD" in capsys.readouterr().err


def test_each_word_of_the_reports_is_a_report():
    from toolkit.reports.kinds import kinds

    assert set(kinds()) == {
        "overdue", "outcomes", "scorecard", "denials", "prevention", "plan", "definitions",
    }  # fmt: skip


def test_a_fault_of_ours_tells_its_kind_and_place_and_no_value(capsys, monkeypatch):
    def broken(_):
        raise ValueError("patient JANE SENTINEL")

    monkeypatch.setattr("toolkit.cli.commands.law.run", broken)
    code, found, err = run(capsys, "law")
    assert code == 1 and "ValueError at test_cli.py" in found["error"]
    assert "SENTINEL" not in err + found["error"]


def test_every_command_has_a_help_with_an_example(capsys):
    assert {"report", "worklist", "decision-due"} <= set(commands())
    for command in commands():
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0
        out = capsys.readouterr().out
        assert f"example: toolkit {command}" in out and "--json" in out


LIGHT = [
    "--help",
    "--version",
    "deadline --program part_d --level redetermination --notice-date 2026-03-02",
    "decision-due --program fehb --level reconsideration --request-received 2026-03-02",
    "classify --group CO --carc 50 --rarc N115 --cpt 77080",
    "classify --group CO --carc 16 --json",
    "ladder --program tricare",
    "law",
]


def imported(words: str, home: Path) -> set[str]:
    """Return the modules that a command has imported when it is done."""
    script = (
        "import sys; from toolkit.cli import main\n"
        f"try: main({words.split()!r})\n"
        "except SystemExit: pass\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"XDG_CACHE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("words", LIGHT)
def test_a_light_command_imports_nothing_heavy(words, tmp_path):
    heavy = {"pandas", "numpy", "pyarrow", "matplotlib", "papermill", "duckdb", "jinja2"}
    # The first start parses and keeps the rules that the command needs; no other has to.
    first_only = {"yaml", "csv", "tempfile", "toolkit.rules.parsing"}
    never = {"subprocess", "traceback", "shutil", "toolkit.denials.text", "typing_extensions"}
    assert not heavy & imported(words, tmp_path)
    assert not (heavy | first_only | never) & imported(words, tmp_path)


@pytest.mark.parametrize("words", ["--help", "--version"])
def test_help_and_version_import_neither_law_nor_codes_nor_rules(words, tmp_path):
    names = imported(words, tmp_path)
    ours = {name for name in names if name.startswith("toolkit")}
    of_the_command_line = {name for name in ours if name.startswith("toolkit.cli")}
    assert ours - of_the_command_line == {"toolkit", "toolkit.errors", "toolkit.lazy"}
    assert "msgspec" not in names


def test_a_deadline_reads_the_rules_of_its_program_only(tmp_path):
    imported(LIGHT[2], tmp_path)
    kept = sorted(path.name for path in tmp_path.rglob("*.*") if path.is_file())
    assert [name for name in kept if name.startswith("programs-")] == ["programs-part_d.yaml"]
    assert not [name for name in kept if name.startswith("denials-")]


def test_the_version_is_the_one_of_the_project(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    project = tomllib.loads((SAMPLES.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert capsys.readouterr().out == f"toolkit {__version__}\n"
    assert __version__ == project["project"]["version"]


def test_a_command_that_does_not_come_first_is_still_told_what_is_wrong(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--json", "law"])
    assert stopped.value.code == 2
    with pytest.raises(SystemExit):
        main(["no-such-command"])
    told = capsys.readouterr().err
    assert "invalid choice: 'no-such-command'" in told
    assert all(f"'{name}'" in told for name in commands())


def test_a_reader_that_goes_away_is_no_fault():
    command = f"{sys.executable} -m toolkit law | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == "" and done.stdout.count("\n") == 1


@pytest.mark.parametrize("port", ["0", "65536", "http", "taken"])
def test_the_desk_refuses_a_port_that_cannot_be_used_before_it_starts_anything(capsys, port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1]) if port == "taken" else port
        try:
            code = main(["desk", "--no-browser", "--port", port])
        except SystemExit as ended:
            code = ended.code
    assert code == 2 and "port" in capsys.readouterr().err
