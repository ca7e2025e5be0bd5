"""A new user's whole day at the desk, in a real Chromium: from a file with mistakes to a filing that waits.

`make test` drives the app, `make test-long` JupyterLab.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import expect
from pypdf import PdfReader, PdfWriter
from test_desk import DEXA

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import desk_picture as driver  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
NOTEBOOK = "notebooks/draft_letters.ipynb"
TODAY = date.today()  # noqa: DTZ011  # as the desk does
SENDER = {
    "Hospital, as on the letterhead": "Example Outpatient Center",
    "Who signs": "Zelda Typedname, MD",
    "Title": "Physician advisor",
    "Signer's telephone": "555-0100",
}


def denials(path: Path, *, mended: bool) -> Path:
    """Write three denials of one payer: with a day and an amount that nobody can read, or mended."""
    rows = []
    for number, days in ((1, 30), (2, 52), (3, 12)):
        day = (TODAY - timedelta(days=days)).isoformat()
        rows.append(
            DEXA
            | {
                "Claim Number": f"ACCT-{number}",
                "Payer Claim Number": f"ICN-{number}",
                "Patient Name": "Notreal, Ivy",
                "Service From": (TODAY - timedelta(days=100)).isoformat(),
                "Service To": (TODAY - timedelta(days=100)).isoformat(),
                "Remittance Date": day,
                "Notice Date": day,
                "Financial Class": "",
                "Contracted": "",
            }
        )
    if not mended:
        rows[1]["Notice Date"] = "sometime in May"
        rows[2]["Billed Amount"] = "lots"
    pd.DataFrame(rows).to_excel(path, index=False, engine="xlsxwriter")
    return path


def note(path: Path) -> Path:
    """Write a PDF of one page, as a chart would give it."""
    writer = PdfWriter()
    writer.add_blank_page(612, 792)
    writer.write(path)
    return path


def app(running, chromium):
    """Open the desk as an app."""
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(driver.PATIENCE)
    page.goto(running.app, wait_until="commit")
    return page


def lab(running, chromium):
    """Open the desk in JupyterLab."""
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    driver.run_all(page, running, NOTEBOOK)
    return page


HOSTS = [
    pytest.param((driver.desk, app), id="app"),
    pytest.param((driver.lab, lab), id="lab", marks=pytest.mark.long),
]


@pytest.mark.parametrize("host", HOSTS)
def test_the_whole_day_goes_from_a_file_with_mistakes_to_a_filing_that_waits(host, tmp_path):
    serve, opened = host
    place = driver.project(tmp_path / "project")
    with driver.browser() as chromium:
        with serve(place) as running:
            page = opened(running, chromium)
            open_with_mistakes_and_mend(page, tmp_path)
            set_payer_and_sender(page, place)
            account = open_the_next_to_expire(page)
            attach(page, note(tmp_path / "gait study.pdf"))
            draft(page)
            download_packet(page, place)
            record_filing(page)
            page.close()
        with serve(place) as running:  # the next morning
            page = opened(running, chromium)
            open_file(page, "data/incoming/denials-2.xlsx")
            page.locator(".dd-search input").fill(account)
            row = page.locator(".dd-case")
            expect(row).to_have_count(1)
            expect(row).to_contain_text("Awaiting a decision")
            expect(row).to_contain_text("decision due")
            expect(row).to_contain_text("letter written")
            page.close()


def open_file(page, name: str) -> None:
    page.locator(".dd-files select").select_option(name)
    page.locator("button.dd-open").click()
    expect(page.locator(".dd-summary")).to_contain_text(f"{Path(name).name}:")


def open_with_mistakes_and_mend(page, folder: Path) -> None:
    expect(page.locator(".dd-open-case").first).to_be_visible()
    more = page.locator(".dd-more input")
    for mended, name in ((False, "denials.xlsx"), (True, "denials-2.xlsx")):
        if not more.is_checked():
            more.check()
        upload = page.locator(".dd-incoming-file input")
        upload.set_input_files(denials(folder / "denials.xlsx", mended=mended))
        expect(page.locator(".dd-notice-top")).to_contain_text("Press Open")
        open_file(page, f"data/incoming/{name}")
        findings = page.locator(".dd-summary details")
        findings.locator("summary").click()
        wrong = findings.get_by_text("notice_date is not a date")
        expect(wrong).to_have_count(0 if mended else 1)
        if not mended:
            expect(wrong).to_contain_text("row 3")
    expect(findings).to_contain_text("state the programs in payers.csv")


def set_payer_and_sender(page, place: Path) -> None:
    page.locator("button.dd-open-settings").click()
    form = page.locator(".dd-settings-part")
    form.get_by_label("Program").select_option("Medicare Advantage (Part C)")
    form.get_by_label("Contract with the hospital").select_option("no contract")
    form.get_by_label("Address for appeals").fill("Appeals, PO Box 100\nSpringfield, ST 00000")
    form.locator("button.dd-save-payer").click()
    said = page.locator(".dd-notice-settings")
    expect(said).to_contain_text("Saved in payers.csv")
    for label, value in SENDER.items():
        form.get_by_label(label, exact=True).fill(value)
    form.get_by_label("Address", exact=True).fill("100 Example Way\nSpringfield, ST 00000")
    form.locator("button.dd-save-sender").click()
    expect(said).to_contain_text("Saved in hospital.yaml")
    assert "Zelda Typedname" in (place / "local" / "hospital.yaml").read_text(encoding="utf-8")
    page.locator("button.dd-leave-settings").click()


def open_the_next_to_expire(page) -> str:
    rows = page.locator(".dd-case")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("days left")
    expect(rows.first.locator(".dd-open-case")).to_have_text("ACCT-2")  # its notice is the oldest
    rows.first.locator(".dd-open-case").click()
    expect(page.locator(".dd-case-head h2")).to_be_visible()
    return "ACCT-2"


def attach(page, path: Path) -> None:
    page.locator(".dd-document-file input").set_input_files(path)
    page.locator(".dd-document-what select").select_option("other document")
    page.locator("button.dd-document-attach").click()
    expect(page.locator(".dd-notice-document")).to_contain_text("Attached")
    expect(page.locator(".dd-documents-table")).to_contain_text("gait study.pdf")


def draft(page) -> None:
    stated = {"hospital_address", "signer_name", "signer_title", "signer_phone"}
    facts = {name: value for name, value in driver.facts(TODAY).items() if name not in stated}
    days = {"evaluation_date": 125, "order_date": 124, "waiver_date": 3}
    facts |= {name: (TODAY - timedelta(days=back)).isoformat() for name, back in days.items()}
    driver.fill_in(page, facts)
    expect(page.locator(".dd-missing")).to_contain_text("Nothing is missing")
    expect(page.locator(".dd-preview .letter")).to_contain_text("Zelda Typedname, MD")
    expect(page.locator(".dd-criteria")).to_contain_text("record page 4")
    expect(page.locator(".dd-criteria")).to_contain_text("0 not met, 0 not known")


def download_packet(page, place: Path) -> None:
    expect(page.get_by_label("gait study.pdf")).to_be_checked()
    page.locator("button.dd-save-packet").click()
    expect(page.locator(".dd-notice-letter")).to_contain_text("Saved: reports/letters/")
    with page.expect_download() as download:
        page.locator(".dd-paper .dd-download button").click()
    (saved,) = (place / "reports" / "letters").rglob("*-packet.pdf")
    assert Path(download.value.path()).read_bytes() == saved.read_bytes()
    words = " ".join(one.extract_text() for one in PdfReader(saved).pages)
    assert "Zelda Typedname, MD" in words and "Exhibit A" in words and "gait study" in words


def record_filing(page) -> None:
    typed = page.locator(".dd-record-day input")
    typed.fill(TODAY.strftime("%m/%d/%Y"))
    typed.blur()
    page.locator("button.dd-record-save").click()
    expect(page.locator(".dd-notice-record")).to_contain_text("awaiting a decision")
