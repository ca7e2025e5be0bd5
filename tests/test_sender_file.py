"""The hospital's own file keeps what a person wrote in it, whatever is saved from the desk."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from toolkit.errors import InputError
from toolkit.hospital import Sender, read_sender, save_sender
from toolkit.hospital.sender import Signer
from toolkit.hospital.yaml_text import with_values

WRITTEN = """\
# Who we are. Ask Pat before changing this.
name: Example General   # as on the letterhead
npi: '1000000012'

address: |
  100 Example Way
  Springfield, ST 00000
# fax is shared with radiology
fax: 555-0101
signer:
  name: Sam Placeholder, MD  # until July
  phone: 555-0100
# end
"""
SENDER = Sender(
    name="Example General",
    npi="1000000012",
    address="100 Example Way\nSpringfield, ST 00000",
    fax="555-0101",
    signer=Signer(name="Sam Placeholder, MD", phone="555-0100"),
)


def test_a_sender_that_is_saved_unchanged_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "hospital.yaml"
    path.write_text(WRITTEN, encoding="utf-8")
    save_sender(path, SENDER)
    assert path.read_text(encoding="utf-8") == WRITTEN


def test_saving_the_sender_changes_its_lines_and_keeps_every_comment(tmp_path):
    path = tmp_path / "hospital.yaml"
    path.write_text(WRITTEN, encoding="utf-8")
    changed = replace(
        SENDER,
        address="1 New Road\nSpringfield, ST 00001",
        phone="555-0199",
        fax="",
        signer=replace(SENDER.signer, name='Lee "L." Other, MD', title="Physician advisor"),
    )
    save_sender(path, changed)
    text = path.read_text(encoding="utf-8")
    assert read_sender(path).facts() == changed.facts() and read_sender(path).phone == "555-0199"
    for kept in ("# Who we are.", "# as on the letterhead", "npi: '1000000012'", "# until July",
                 "# fax is shared with radiology", "# end", "  1 New Road\n"):  # fmt: skip
        assert kept in text
    assert "100 Example Way" not in text and "555-0101" not in text


@pytest.mark.parametrize(
    "before",
    ["", "# nothing yet", "name: X", "signer:\n", "signer: {name: X, title: Y}\nname: Z\n", "name: |\n  X\nsigner:\n  name: X"],
)  # fmt: skip
def test_a_sender_is_read_as_it_was_saved_whatever_stood_before(tmp_path, before):
    path = tmp_path / "hospital.yaml"
    path.write_text(before, encoding="utf-8")
    save_sender(path, SENDER)
    assert read_sender(path).facts() == SENDER.facts()
    once = path.read_text(encoding="utf-8")
    save_sender(path, SENDER)
    assert path.read_text(encoding="utf-8") == once


@pytest.mark.parametrize(
    "value", ["a\u2028b", "\U0001f600\nb", "é\x85", "a: b # c", " x ", "\ttab"]
)
def test_an_odd_value_is_read_back_as_it_was_saved(value):
    found = yaml.load(with_values(WRITTEN, {"fax": value, "phone": value}), Loader=yaml.BaseLoader)
    assert (found["fax"], found["phone"]) == (value, value)


@pytest.mark.parametrize("before", ["a: [", "- a list", "stranger: yes\n"])
def test_a_file_that_cannot_be_read_is_named_and_left_as_it_was(tmp_path, before):
    path = tmp_path / "hospital.yaml"
    path.write_text(before, encoding="utf-8")
    with pytest.raises(InputError, match=r"^hospital\.yaml"):
        save_sender(path, SENDER)
    assert path.read_text(encoding="utf-8") == before


@given(
    st.dictionaries(st.sampled_from(["name", "phone", "fax", "address"]), st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc"])), max_size=4),
    st.dictionaries(st.sampled_from(["name", "title"]), st.text(alphabet="ab:#'\"\\ é|-"), max_size=2),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_any_value_is_read_back_as_it_was_saved(values, signer):
    text = with_values(WRITTEN, values | {"signer": signer})
    found = yaml.load(text, Loader=yaml.BaseLoader)
    assert all(
        found.get(name, "").rstrip("\n") == value.rstrip("\n") for name, value in values.items()
    )
    assert all(found["signer"].get(name, "") == value for name, value in signer.items())
    assert "# until July" in text and "# end" in text
