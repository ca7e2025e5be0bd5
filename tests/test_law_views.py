"""A clock as people get it: text, ledger, picture, calendar file, and the page of the law."""

import importlib.util
import json
import re
import stat
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from icalendar import Calendar

from toolkit.cli import main
from toolkit.errors import RefusedError, UsageError
from toolkit.law import decision_due, filing_deadline, on_file, program, programs
from toolkit.law.age import marks, stale
from toolkit.law.events import events as interruptions
from toolkit.law.ics import calendar_of, write_ics
from toolkit.law.ledger import ledger_html, ledger_text
from toolkit.law.model import states
from toolkit.law.wording import FILERS, MARKS, SERVICES, STAGES, span
from toolkit.reports.timeline import timeline_html

ROOT = Path(__file__).parents[1]
MADE_AT = datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC)
NASTY = '</td><script>alert("x")</script>& <b>'


def reconsideration(**facts):
    given = {"notice_date": date(2026, 9, 25), "stage": "payment", "filer": "non_contract_provider"}
    return filing_deadline("medicare_advantage", "reconsideration", **(given | facts))


def one_day():
    return filing_deadline(
        "original_medicare", "redetermination", notice_date=date(2026, 1, 15), filer="assignee"
    )


def idr():
    return filing_deadline("no_surprises", "idr_initiation", notice_date=date(2026, 10, 15))


def postmarked():
    return filing_deadline("tricare", "reconsideration", notice_date=date(2026, 10, 1))


def automatic():
    return filing_deadline("medicare_advantage", "ire_review", notice_date=date(2026, 12, 15))


def due():
    return decision_due(
        "medicare_advantage",
        "reconsideration",
        request_received=date(2026, 11, 24),
        stage="payment",
    )


CLOCKS = [reconsideration, one_day, idr, postmarked, automatic, due]


# ---- text


@pytest.mark.parametrize("document", ["README.md", "docs/using.md", "docs/tour.md"])
def test_the_text_of_a_deadline_is_what_the_documents_show(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    shown = re.findall(r"^\$ toolkit deadline (.*)\n((?:.*\n)*?)```", text, re.M)
    compared = 0
    for words, printed in shown:
        if printed.startswith("toolkit: "):  # a refusal
            continue
        given = dict(zip(words.split()[::2], words.split()[1::2], strict=True))
        name, level = given.pop("--program"), given.pop("--level")
        facts = {key[2:].replace("-", "_"): value for key, value in given.items()}
        facts["notice_date"] = date.fromisoformat(facts["notice_date"])
        assert ledger_text(filing_deadline(name, level, **facts)) == printed.rstrip()
        compared += 1
    assert compared


def test_the_command_line_prints_the_ledger_text(capsys):
    words = "--program medicare_advantage --level reconsideration --notice-date 2026-09-25"
    more = "--stage payment --filer non_contract_provider"
    assert main(["deadline", *words.split(), *more.split()]) == 0
    assert capsys.readouterr().out.rstrip() == ledger_text(reconsideration())


def test_a_deadline_read_back_from_json_has_the_same_text():
    found = reconsideration()
    again = msgspec.convert(json.loads(msgspec.json.encode(found)), type(found))
    assert ledger_text(again) == ledger_text(found)


def test_a_postmarked_request_is_not_said_to_be_postmarked_by_the_decider():
    assert "postmarked by" not in ledger_text(postmarked())
    assert ", postmarked" in ledger_text(postmarked())


# ---- the ledger


class Outline(HTMLParser):
    """Tags with their attributes, and the text of cells."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def count(self, tag, **attrs):
        return sum(name == tag and attrs.items() <= got.items() for name, got in self.tags)


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_ledger_is_a_table_with_a_caption_and_headings_by_scope(clock):
    clock = clock()
    found = Outline(ledger_html(clock))
    assert not found.open
    assert found.count("table") == found.count("caption") == 1
    assert found.count("th", scope="col") == 3
    assert found.count("th", scope="row") == len(clock.steps)
    assert found.count("section", **{"class": "law-ledger"}) == 1
    assert next(got["aria-label"] for tag, got in found.tags if tag == "section")
    said = "".join(found.text)
    for step in clock.steps:
        assert step.what[1:] in said and step.citation in said
    for warning in clock.warnings:
        assert warning in said
    assert MARKS[clock.status] in said and clock.citation in said and clock.source in said


def test_the_ledger_names_the_days_that_matter_in_words():
    said = " ".join("".join(Outline(ledger_html(reconsideration())).text).split())
    assert "Sun, Nov 29, 2026" in said and "Tue, Nov 24, 2026" in said
    assert "receipt last filing date" in said and "non-contract provider file by" in said
    assert "waiver of liability" in said
    assert "Nothing to file" in ledger_html(automatic())
    assert "Not before" in ledger_html(idr())
    assert "If missed" in ledger_html(due())


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        (date(2026, 11, 20), "4 days left"),
        (date(2026, 11, 23), "1 day left"),
        (date(2026, 11, 24), "today"),
        (date(2026, 11, 25), "1 day past"),
    ],
)
def test_the_ledger_says_how_many_days_are_left(as_of, said):
    assert f"{said}; the safe day" in ledger_html(reconsideration(), as_of=as_of)
    assert "left" not in "".join(Outline(ledger_html(reconsideration())).text)


@pytest.mark.parametrize("clock", [reconsideration, due])
def test_every_text_of_the_ledger_is_escaped(clock):
    clock = clock()
    texts = {
        name: NASTY
        for name in clock.__struct_fields__
        if isinstance(getattr(clock, name), str) and name not in ("program", "level", "filed_when")
    }
    steps = tuple(type(step)(step.date, NASTY, NASTY) for step in clock.steps)
    nasty = msgspec.structs.replace(clock, **texts, steps=steps, warnings=(NASTY,))
    if getattr(clock, "standing", None):
        who = msgspec.structs.replace(clock.standing, says=NASTY, citation=NASTY, papers=(NASTY,))
        nasty = msgspec.structs.replace(nasty, standing=who)
    if hasattr(clock, "if_favorable"):
        nasty = msgspec.structs.replace(nasty, if_favorable=(NASTY,))
    html = ledger_html(nasty)
    assert "<script" not in html and "&lt;script&gt;" in html
    assert not Outline(html).open


def test_the_ledger_says_its_colors_for_a_light_and_a_dark_theme():
    html = ledger_html(one_day())
    light, dark = re.findall(r"\{\s*(--law-ink[^}]*)color-scheme: (?:light|dark);", html)
    names = re.findall(r"(--law-[a-z-]+): #", light)
    assert names == re.findall(r"(--law-[a-z-]+): #", dark)
    assert set(re.findall(r"var\((--law-[a-z-]+)\)", html)) <= set(names)
    for theme in (light, dark):
        colors = dict(re.findall(r"(--law-[a-z-]+): (#[0-9a-f]{6})", theme))
        for name in ("ink", "quiet", "safe", "last"):
            assert contrast(colors[f"--law-{name}"], colors["--law-page"]) >= 4.5, name
        assert contrast(colors["--law-ink"], colors["--law-note-soft"]) >= 4.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.1."""

    def light(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


# ---- the picture


@pytest.mark.parametrize("clock", [reconsideration, one_day, idr, postmarked])
def test_the_timeline_is_a_picture_whose_words_say_its_message(clock):
    clock = clock()
    found = Outline(timeline_html(clock))
    (image,) = [got for tag, got in found.tags if tag == "img"]
    assert image["src"].startswith("data:image/png;base64,")
    assert f"{clock.file_by:%a, %b} {clock.file_by.day}, {clock.file_by.year}" in image["alt"]
    assert clock.level_name in image["alt"]
    assert len(image["src"]) < 200_000


def test_the_timeline_says_how_far_the_safe_day_is_from_the_last():
    assert "file by Tue, Nov 24, 2026, 5 days before the last filing date, Sun, Nov 29, 2026" in (
        timeline_html(reconsideration())
    )
    assert "which is the last filing date" in timeline_html(one_day())


def test_no_label_of_a_timeline_meets_another():
    from toolkit.reports.timeline import _days, _figure

    for name in programs():
        for level in program(name).levels:
            for rule in level.filing:
                if rule.open_ended:
                    continue
                start = max(rule.applies_from, date(2024, 12, 20))
                start = min(start, rule.applies_until or start)
                found = filing_deadline(
                    name, level.id, notice_date=start, received=start + timedelta(days=2),
                    effective_date=start + timedelta(days=2), amount=5000, state_window=100,
                    expedited=bool(rule.when.expedited),
                    last_outcome=rule.after[0] if rule.after else None,
                )  # fmt: skip
                figure = _figure(_days(found))
                figure.canvas.draw()
                labels = [
                    text.get_window_extent()
                    for text in figure.axes[0].texts
                    if text.get_text() and text.get_color() != "none"
                ]
                for place, one in enumerate(labels):
                    for other in labels[place + 1 :]:
                        assert not one.overlaps(other), (name, level.id)
                    assert one.x0 >= 0 and one.x1 <= figure.bbox.x1, (name, level.id)


def test_nothing_to_file_has_no_timeline():
    with pytest.raises(ValueError, match="a day to file"):
        timeline_html(automatic())


# ---- the calendar file


def calendar(*clocks, case="1a2b3c4d-000012", made_at=MADE_AT) -> Calendar:
    return Calendar.from_ical(
        calendar_of(clocks, title="Appeal clocks", made_at=made_at, case=case)
    )


def events(*clocks, **kind) -> dict[str, object]:
    return {
        str(one["summary"]).partition(":")[0]: one
        for one in calendar(*clocks, **kind).walk("VEVENT")
    }


def test_a_calendar_has_a_whole_day_for_each_day_to_keep():
    found = events(reconsideration(), due())
    days = {name: one.decoded("dtstart") for name, one in found.items()}
    assert days == {
        "File by": date(2026, 11, 24),
        "Last filing date": date(2026, 11, 29),
        "Decision due": date(2027, 1, 23),
    }
    for one in found.values():
        assert one["dtstart"].params["VALUE"] == one["dtend"].params["VALUE"] == "DATE"
        assert one.decoded("dtend") == one.decoded("dtstart") + timedelta(days=1)
        assert one["transp"] == "TRANSPARENT"
        assert one.decoded("dtstamp") == MADE_AT
        assert str(one["categories"].cats[0]) == "Appeal clocks"


def test_the_hour_of_a_last_day_stands_in_headline_page_and_calendar():
    found = filing_deadline(
        "original_medicare", "qio_termination", notice_date=date(2026, 3, 2),
        received=date(2026, 3, 2), filer="enrollee",
    )  # fmt: skip
    assert found.by_hour == "noon"
    assert "Last filing date  Tue 2026-03-03 by noon" in ledger_text(found)
    assert "by noon; the safe day" in ledger_html(found)
    assert b"File by noon: Fast appeal" in calendar_of([found], title="x", made_at=MADE_AT)


def test_a_request_without_a_last_day_says_so_and_has_no_calendar_without_a_safe_day():
    found = filing_deadline("original_medicare", "alj_hearing", last_outcome="missed")
    assert "Last filing date  the rules give none: file without delay" in ledger_text(found)
    assert "the rules give none" in ledger_html(found) and "File by" not in ledger_html(found)
    with pytest.raises(RefusedError, match="No filing date is known"):
        calendar_of([found], title="x", made_at=MADE_AT)
    with pytest.raises(ValueError, match="timeline"):
        timeline_html(found)
    safe = filing_deadline(
        "fehb", "opm_review", notice_date=date(2026, 3, 10), last_outcome="missed"
    )
    assert "120 calendar days from that day" in ledger_text(safe)
    safe = filing_deadline(
        "commercial_plan", "external_review", notice_date=date(2026, 3, 10), last_outcome="missed"
    )
    made = calendar_of([safe], title="x", made_at=MADE_AT)
    assert made.count(b"BEGIN:VEVENT") == 1 and b"20260710" in made


def test_a_last_filing_date_on_the_same_day_is_no_second_event():
    assert list(events(one_day())) == ["File by"]


def test_the_first_day_of_a_window_that_opens_late_stands_in_the_calendar():
    found = events(idr())
    assert found["Not before"].decoded("dtstart") == idr().not_before


def test_an_event_says_why_with_citations_and_the_mark():
    said = str(events(reconsideration())["File by"]["description"])
    for text in (
        "42 CFR 422.582(b)(1)",
        "Paper: waiver of liability",
        MARKS["V2"],
        "Sun 2026-11-29",
    ):
        assert text in said
    missed = str(events(due())["Decision due"]["description"])
    assert "the plan must send the case file to the Part C IRE" in missed


def test_reminders_come_days_before_at_nine_in_the_morning():
    alarms = events(reconsideration(), due())
    before = [one.decoded("trigger") for one in alarms["File by"].walk("VALARM")]
    nine = timedelta(hours=9)
    assert before == [nine - timedelta(days=days) for days in (7, 14, 2)]
    assert {str(one["action"]) for one in alarms["File by"].walk("VALARM")} == {"DISPLAY"}
    after = [one.decoded("trigger") for one in alarms["Decision due"].walk("VALARM")]
    assert after == [nine + timedelta(days=1)]


def test_the_same_case_level_and_rule_keep_their_identity_when_a_date_is_corrected():
    first = events(reconsideration())
    later = MADE_AT + timedelta(hours=2)
    second = events(reconsideration(notice_date=date(2026, 10, 2)), made_at=later)
    for name in ("File by", "Last filing date"):
        assert first[name]["uid"] == second[name]["uid"]
        assert first[name].decoded("dtstart") < second[name].decoded("dtstart")
        assert first[name]["sequence"] < second[name]["sequence"]


def test_other_cases_levels_and_days_are_other_events():
    uids = [
        one["uid"]
        for found in (
            events(reconsideration(), due()),
            events(reconsideration(), case="1a2b3c4d-000013"),
            events(one_day()),
            events(one_day(), case=None),
            events(reconsideration(), case=None),
            events(reconsideration(notice_date=date(2026, 10, 2)), case=None),
        )
        for one in found.values()
    ]
    assert len(uids) == len(set(uids)) == 3 + 2 + 1 + 1 + 2 + 2


def test_the_same_clock_given_twice_is_one_event_and_two_days_for_one_clock_are_refused():
    assert len(calendar(one_day(), one_day()).walk("VEVENT")) == 1
    with pytest.raises(RefusedError, match="a calendar for each case"):
        calendar(reconsideration(), reconsideration(notice_date=date(2026, 10, 2)))


def test_the_file_keeps_what_outlook_and_google_ask_of_rfc_5545():
    raw = calendar_of([reconsideration(), due()], title="Appeal, clocks; a case", made_at=MADE_AT)
    assert raw.endswith(b"END:VCALENDAR\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 75  # octets, without the line's end
    text = raw.decode("utf-8").replace("\r\n ", "")
    for line in ("VERSION:2.0", "METHOD:PUBLISH", "CALSCALE:GREGORIAN",
                 "PRODID:-//denial-toolkit//appeal clocks//EN",
                 r"X-WR-CALNAME:Appeal\, clocks\; a case"):  # fmt: skip
        assert text.count(f"\r\n{line}\r\n") == 1
    assert "VTIMEZONE" not in text and "TZID" not in text and "ATTENDEE" not in text
    for event in re.findall(r"BEGIN:VEVENT(.*?)(?:BEGIN:VALARM|END:VEVENT)", text, re.S):
        for name in ("UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "SEQUENCE"):
            assert len(re.findall(rf"^{name}[:;]", event, re.M)) == 1
    assert re.search(r"^DTSTAMP:20261123T150405Z\r$", text, re.M)
    for alarm in re.findall(r"BEGIN:VALARM(.*?)END:VALARM", text, re.S):
        assert all(f"\r\n{name}:" in alarm for name in ("ACTION", "TRIGGER", "DESCRIPTION"))


def test_the_same_clocks_made_at_the_same_moment_are_the_same_bytes():
    eastern = timezone(timedelta(hours=-5))
    one = calendar_of([reconsideration()], title="t", made_at=MADE_AT, case="c")
    assert one == calendar_of(
        [reconsideration()], title="t", made_at=MADE_AT.astimezone(eastern), case="c"
    )


def test_text_that_would_break_a_line_stays_inside_its_property():
    raw = calendar_of(
        [one_day()], title="x\r\nBEGIN:VEVENT", made_at=MADE_AT, case="k\nATTENDEE:mailto:a@b.c"
    )
    found = Calendar.from_ical(raw)
    assert len(found.walk("VEVENT")) == 1
    assert b"\nATTENDEE" not in raw and "attendee" not in found.walk("VEVENT")[0]


@pytest.mark.parametrize("clocks", [[], ["automatic"]])
def test_a_calendar_without_events_is_refused(tmp_path, clocks):
    given = [automatic()] if clocks else []
    path = tmp_path / "empty.ics"
    with pytest.raises(RefusedError, match="No clock was given|an empty calendar") as refused:
        write_ics(given, path, title="t", made_at=MADE_AT)
    assert refused.value.needs
    assert not path.exists()
    if given:
        assert "Nothing has to be filed" in str(refused.value)
        assert "must send an affirmed denial" in str(refused.value)


def test_a_moment_without_its_time_zone_is_refused():
    with pytest.raises(UsageError, match="time zone"):
        calendar_of([one_day()], title="t", made_at=MADE_AT.replace(tzinfo=None))


def test_the_calendar_file_is_written_for_its_owner_only(tmp_path):
    path = write_ics([one_day()], tmp_path / "a" / "case.ics", title="t", made_at=MADE_AT)
    assert len(Calendar.from_ical(path.read_bytes()).walk("VEVENT")) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 or sys.platform == "win32"
    assert [one.name for one in path.parent.iterdir()] == ["case.ics"]


def test_the_law_loads_no_calendar_library_until_a_calendar_is_made():
    said = subprocess.check_output(
        [
            sys.executable,
            "-c",
            "import sys, toolkit.law, toolkit.law.ics, toolkit.law.ledger; "
            "print('icalendar' in sys.modules, 'matplotlib' in sys.modules, 'pandas' in sys.modules)",
        ],
        text=True,
    )
    assert said.split() == ["False", "False", "False"]


# ---- the page of the law


@pytest.fixture(scope="module")
def law_page():
    spec = importlib.util.spec_from_file_location("law_page", ROOT / "scripts" / "law_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_law_is_what_the_rules_say(law_page):
    assert law_page.PAGE.read_text(encoding="utf-8") == law_page.page(), "run make law"


def test_every_sentence_of_every_rule_stands_on_the_page_of_the_law(law_page):
    page = law_page.page()
    missing = [
        (one.id, text)
        for one in on_file()
        for text in sentences(one.rules)
        if law_page._cell(text) not in page and law_page._text(text) not in page
    ]
    assert missing == []


def sentences(value) -> list[str]:
    """The texts of a rule that are no ids: whatever has a space in it."""
    if isinstance(value, str):
        return [value.replace("{reason}", "[the reason]")] if " " in value else []
    if isinstance(value, tuple | list):
        return [text for one in value for text in sentences(one)]
    if isinstance(value, dict):
        return [text for one in value.values() for text in sentences(one)]
    fields = getattr(value, "__struct_fields__", ())
    return [text for name in fields for text in sentences(getattr(value, name))]


def test_the_page_has_every_program_level_and_year(law_page):
    page = law_page.page()
    for name in programs():
        assert f"\n## {program(name).name}\n" in page
        for level in program(name).levels:
            assert f"(`{level.id}`)" in page
    assert "| 2019 | not known | not known |" in page
    assert (
        "**State law is included only if it has its own section below"
        in page.split("## Programs")[0]
    )
    for state in states().values():
        for rules in state.programs:
            assert f"\n## {state.name}: {program(rules.program).name}\n" in page


def test_the_page_has_every_event_and_counts_every_mark(law_page):
    page = law_page.page()
    for event in interruptions():
        assert law_page._cell(event.says) in page and law_page._cell(event.citation) in page
    for one in on_file():
        counted = " | ".join(str(number) for number in marks(one.rules).values())
        assert re.search(rf"`{re.escape(one.id)}` \|.*\| {re.escape(counted)} \|", page), one.id


def test_a_look_of_more_than_a_year_ago_is_said_and_one_of_a_year_is_not():
    assert stale("1 CFR 1", "2025-11-27", date(2026, 11, 27)) == ()
    (warning,) = stale("1 CFR 1", "2025-11-27", date(2026, 11, 28))
    assert "1 CFR 1" in warning and "more than a year ago" in warning


def test_every_table_of_the_page_has_as_many_cells_in_each_row(law_page):
    for table in re.findall(r"(?:^\|.*\n)+", law_page.page(), re.M):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


def test_every_stage_and_filer_of_the_law_has_its_words():
    from toolkit import law

    assert set(STAGES) == set(law.STAGES)
    assert set(FILERS) == set(law.FILERS)
    assert set(SERVICES) == set(law.SERVICES)


@pytest.mark.parametrize(
    ("count", "unit", "first", "said"),
    [
        (120, "days", False, "120 calendar days"),
        (1, "years", False, "1 calendar year"),
        (72, "hours", False, "72 hours"),
        (34, "business_days", True, "34 business days, the first day counted"),
        (0, "days", False, "on the day itself"),
        (-1, "days", False, "1 calendar day before"),
    ],
)
def test_a_span_reads_as_words(count, unit, first, said):
    from toolkit.law.model import Span

    assert span(Span(count=count, unit=unit, first_day_counts=first)) == said


def test_a_page_and_a_calendar_say_with_whom_a_request_is_filed_where_that_is_not_the_decider():
    review = filing_deadline("commercial_plan", "external_review", notice_date=date(2026, 2, 27))
    assert "filed with the plan or issuer, decided by an independent" in ledger_html(review)
    made_at = datetime(2026, 3, 4, tzinfo=UTC)
    calendar = calendar_of([review], title="A case", made_at=made_at).replace(b"\r\n ", b"")
    assert b"filed with the plan or issuer\\, decided by" in calendar
    assert b"Received where it is filed by" in calendar
    appeal = filing_deadline("commercial_plan", "internal_appeal", notice_date=date(2026, 3, 3))
    assert "filed with" not in ledger_html(appeal)


def test_a_decision_s_ledger_names_the_day_its_clock_starts_on():
    due = decision_due(
        "medicaid_managed_care",
        "state_fair_hearing",
        request_received=date(2026, 3, 2),
        case_file_date=date(2026, 3, 6),
        expedited=True,
    )
    assert "the clock starts: the day the decider received the case file" in ledger_text(due)


# ---- the state whose law a clock follows


def test_ledger_and_calendar_name_the_state_whose_law_the_clock_follows():
    asked = ("commercial_plan", "external_review")
    filing = filing_deadline(*asked, received=date(2026, 8, 3), filer="enrollee", jurisdiction="NY")
    decision = decision_due(*asked, request_received=date(2026, 8, 3), jurisdiction="NY")
    for clock in (filing, decision):
        assert "External appeal (New York)" in ledger_html(clock)
        assert "Commercial plan (ERISA and ACA), New York" in ledger_html(clock)
        shown = calendar_of([clock], title="Clocks", made_at=MADE_AT).replace(b"\r\n ", b"")
        assert b"External appeal (New York)" in shown
    assert "(commercial_plan, New York)" in ledger_text(filing)
    federal = filing_deadline(*asked, received=date(2026, 8, 3))
    assert "(commercial_plan)" in ledger_text(federal)
