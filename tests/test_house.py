"""The house around the toolkit: setup, lock, documents."""

import importlib.util
import json
import re
import runpy
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "data").glob("*.md")]
)


@pytest.fixture
def setup(monkeypatch, tmp_path):
    """Give scripts/setup.py as a module whose .venv is a made-up one, whole and stamped."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location("house_setup", ROOT / "scripts" / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    venv = tmp_path / ".venv"
    monkeypatch.setattr(module, "VENV", venv)
    monkeypatch.setattr(module, "BIN", venv / "bin")
    monkeypatch.setattr(module, "STAMP", venv / "made.json")
    packages = venv / "lib" / "python3.11" / "site-packages"
    (packages / "pandas").mkdir(parents=True)
    (venv / "bin").mkdir()
    (venv / "bin" / "python").symlink_to(sys.executable)
    made = {"lock": "a", "project": "b", "holds": module.holds()}
    module.STAMP.write_text(json.dumps(made), encoding="utf-8")
    return module


def test_a_whole_environment_has_no_fault(setup):
    assert setup.fault(setup.stamp(), "a") == ""


def test_an_environment_made_from_another_lock_is_noticed(setup):
    assert "requirements.lock has changed" in setup.fault(setup.stamp(), "another")


def test_an_environment_that_was_never_finished_is_noticed(setup):
    setup.STAMP.unlink()
    assert "not finished" in setup.fault(setup.stamp(), "a")


def test_a_torn_stamp_is_not_trusted(setup):
    setup.STAMP.write_text('{"lock": "a"', encoding="utf-8")
    assert "not finished" in setup.fault(setup.stamp(), "a")


def test_a_package_that_is_gone_is_noticed(setup):
    (setup.VENV / "lib" / "python3.11" / "site-packages" / "pandas").rmdir()
    assert "missing" in setup.fault(setup.stamp(), "a")


def test_a_python_that_no_longer_starts_is_noticed(setup):
    (setup.BIN / "python").unlink()
    (setup.BIN / "python").symlink_to("/nowhere/python")
    assert "no longer starts" in setup.fault(setup.stamp(), "a")


def test_a_python_that_is_too_old_is_told_which_one_is_needed(setup, monkeypatch):
    monkeypatch.setattr(setup, "probe", lambda command: (3, 9, 1))
    with pytest.raises(setup.StopError, match=r"Python 3\.11 or newer is needed"):
        setup.suitable_python()


def test_a_python_without_its_venv_part_is_told_which_package_has_it(setup, monkeypatch):
    monkeypatch.setattr(setup, "probe", lambda command: (3, 12, 0))
    monkeypatch.setattr(setup.chromium, "is_debian", lambda: True)
    monkeypatch.setattr(setup.os, "geteuid", lambda: 1000)
    with pytest.raises(setup.StopError, match=r"apt-get install -y python3\.12-venv"):
        setup.suitable_python()


def test_the_browser_tests_are_never_skipped_for_want_of_a_browser(setup, monkeypatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(setup.chromium, "_candidates", lambda: iter(()))
    monkeypatch.setattr(setup.chromium, "_apt_has_chromium", lambda: False)
    with pytest.raises(setup.chromium.NoChromiumError, match="This command helps"):
        setup.chromium.find_or_install()


def test_a_browser_that_was_named_and_does_not_start_is_not_replaced_in_silence(setup, monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(setup.chromium.NoChromiumError, match="CHROMIUM is set"):
        setup.chromium.find()


def test_a_job_that_is_stopped_waits_until_its_command_has_ended_in_its_own_way(setup, tmp_path):
    there, ended = tmp_path / "there", tmp_path / "ended"
    command = f"""
import pathlib, signal, sys, time
def end(*_):
    time.sleep(0.4)  # longer than subprocess.call waits before it kills
    pathlib.Path({str(ended)!r}).touch()
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
pathlib.Path({str(there)!r}).touch()
time.sleep(60)
"""

    def stop() -> None:
        while not there.exists():
            time.sleep(0.02)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.pthread_kill(threading.main_thread().ident, number)
            time.sleep(0.1)

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(SystemExit) as said:
        setup.call([sys.executable, "-c", command])
    assert said.value.code == 7 and ended.exists()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_make_has_every_job_of_the_setup_script(setup):
    targets = re.findall(
        r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(targets) == {"help", *setup.JOBS}


def test_the_lock_pins_every_package_by_its_hash_and_names_no_host():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lines
    assert not re.search(r"^--|^-[a-z] ", lines, re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9])", lines, flags=re.MULTILINE)[1:]
    assert blocks
    assert [b.split()[0] for b in blocks if "==" not in b or "--hash=sha256:" not in b] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(document):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)", text)
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


SHOWN_COMMANDS = [
    shown
    for page in ("README.md", "docs/using.md")
    for shown in re.findall(
        r"^```console\n\$ toolkit (.*)\n((?:.*\n)*?)```",
        (ROOT / page).read_text(encoding="utf-8"),
        re.M,
    )
]


@pytest.mark.parametrize(("command", "printed"), SHOWN_COMMANDS, ids=lambda _: "")
def test_a_command_prints_what_readme_and_docs_show(command, printed):
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *shlex.split(command)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    assert done.stdout.rstrip() == printed.rstrip()


def test_readme_and_docs_show_commands_with_their_output():
    assert len(SHOWN_COMMANDS) >= 4


def test_the_glossary_is_alphabetic_and_has_no_term_twice():
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = [
        t.strip("`").lower().replace("_", " ").replace("-", " ")
        for t in re.findall(r"^\| \*\*(.+?)\*\*", text, re.M)
    ]
    assert terms == sorted(set(terms))


def test_the_page_and_the_picture_of_the_history_are_what_the_rules_say():
    written = runpy.run_path(str(ROOT / "scripts" / "history_page.py"))["written"]()
    for path, text in written.items():
        assert path.read_text(encoding="utf-8") == text, "run: python scripts/history_page.py"


def test_the_data_dictionary_is_what_the_tables_say():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import runpy; print(runpy.run_path('scripts/tables_page.py')['page'](), end='')",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert done.stdout == page, "run: python scripts/tables_page.py"


def test_every_public_name_is_there_and_triage_stays_a_call():
    script = (
        "import toolkit; from datetime import date\n"
        "for name in dir(toolkit): assert callable(getattr(toolkit, name)), name\n"
        "import toolkit.worklist.triage\n"
        "unknown = toolkit.Hospital.unknown()\n"
        "print(len(toolkit.triage(toolkit.Claims(), as_of=date(2026, 1, 1), hospital=unknown)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"
