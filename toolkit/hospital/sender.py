"""Who sends the letters: the hospital's name, address and signer, as local/hospital.yaml says."""

from pathlib import Path

import msgspec

from toolkit.errors import InputError, RulesError, not_opened
from toolkit.hospital.providers import NPI
from toolkit.rules import read

LOCAL = Path("local") / "hospital.yaml"


def _check_npi(npi: str) -> None:
    if npi and not NPI.fullmatch(npi):
        raise ValueError("npi is not an NPI of ten digits")


class Signer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The person who signs: the lines under the signature; '' if one is not known."""

    name: str = ""
    title: str = ""
    npi: str = ""
    phone: str = ""

    def __post_init__(self) -> None:
        _check_npi(self.npi)


class Sender(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The hospital as its letters name it; '' if something is not known."""

    name: str = ""
    npi: str = ""
    address: str = ""
    phone: str = ""
    fax: str = ""
    signer: Signer = Signer()

    def __post_init__(self) -> None:
        _check_npi(self.npi)

    def facts(self) -> dict[str, str]:
        """Return the facts of a letter that the sender states, by name."""
        stated = {
            "hospital_name": self.name,
            "hospital_npi": self.npi,
            "hospital_address": self.address.strip(),
            "hospital_fax": self.fax,
            "signer_name": self.signer.name,
            "signer_title": self.signer.title,
            "signer_npi": self.signer.npi,
            "signer_phone": self.signer.phone or self.phone,
        }
        return {name: value for name, value in stated.items() if value}


def read_sender(path: Path | None = None) -> Sender:
    """Return the sender in `path`, else in local/hospital.yaml, else one of which nothing is known.

    Raises InputError naming the file and the field, never its value.
    """
    if path is None:
        return read_sender(LOCAL) if LOCAL.exists() else Sender()
    try:
        return read(path, Sender)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({not_opened(error)})") from None
    except RulesError as error:
        raise InputError(f"{error}; see the example in CONTRIBUTING.md") from None
