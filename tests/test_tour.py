"""The tour is true: its commands print what stands there, and its claim gets what it says."""

import re
import shlex
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from toolkit.cases import case_from
from toolkit.claims import read
from toolkit.hospital import sample_hospital
from toolkit.letters import as_markdown, draft, kind_of, with_facts
from toolkit.worklist import dollars
from toolkit.worklist.triage import triage

ROOT = Path(__file__).parents[1]
TOUR = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
SAMPLES = ROOT / "data" / "samples"
COMMANDS = re.findall(r"^```console\n\$ toolkit (.*)\n((?:.*\n)*?)```", TOUR, re.M)
TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the tour's files, as the checkout has them."""
    here = tmp_path_factory.mktemp("tour")
    shutil.copytree(SAMPLES / "tour", here / "data" / "samples" / "tour")
    shutil.copy(SAMPLES / "payers.csv", here / "data" / "samples")
    return here


@pytest.mark.parametrize(("command", "printed"), COMMANDS, ids=lambda text: text[:30])
def test_a_command_of_the_tour_prints_what_stands_there(folder, command, printed):
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *shlex.split(command)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    assert done.stdout.rstrip() == printed.rstrip()


def block(name: str) -> list[str]:
    return re.search(rf"^```{name}\n(.*?)^```", TOUR, re.M | re.S)[1].splitlines()


@pytest.fixture(scope="module")
def walked():
    claims = read(SAMPLES / "tour" / "denial.csv")
    hospital = sample_hospital()
    return claims, hospital, triage(claims, as_of=TODAY, hospital=hospital)


def test_the_worklist_says_what_the_tour_says(walked):
    _, _, worklist = walked
    row = worklist.iloc[0]
    for line in block("worklist"):
        name, said = line.split(": ")
        found = dollars(row["denied_cents"]) if name == "denied" else row[name]
        found = f"{found:%Y-%m-%d}" if isinstance(found, pd.Timestamp) else str(found)
        assert (name, found) == (name, said)


def test_the_letter_says_what_the_tour_says(walked):
    claims, hospital, worklist = walked
    case = case_from(claims, worklist, worklist["denial_key"].iloc[0], hospital=hospital)
    case = with_facts(case, SAMPLES / "tour" / "facts.yaml", as_of=TODAY)
    letter = draft(case, kind_of(case), as_of=TODAY)
    assert letter.complete
    text = as_markdown(letter).replace("\u00a0", " ")
    for sentence in block("letter"):
        assert sentence in text


def test_the_tour_has_its_commands():
    assert len(COMMANDS) >= 7
