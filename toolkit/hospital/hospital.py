"""The hospital: what it states about itself and its payers, required by every triage."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from toolkit.errors import InputError
from toolkit.hospital.payers import Payer, PayerBook, PayerTable, read_payer_table
from toolkit.hospital.places import LOCAL, local_folder
from toolkit.hospital.providers import Provider, read_providers
from toolkit.hospital.sender import Sender, read_sender
from toolkit.law import Contract, read_contracts

SAMPLE_PAYERS = Path(__file__).parents[2] / "data" / "samples" / "payers.csv"


@dataclass(frozen=True, kw_only=True)
class Hospital:
    """The hospital: its payers, providers, contracts, sender and column maps.

    `layouts` is the folder of its column maps, `payer_columns_not_read` the headings of its payer
    table that are not used, and `contracts_not_read` what is wrong with each contract file that was
    skipped. No function has a default hospital: `read_hospital` returns the one in `local/`,
    `Hospital.unknown` one without any information.
    """

    payers: tuple[Payer, ...]
    providers: tuple[Provider, ...]
    contracts: tuple[Contract, ...]
    sender: Sender
    layouts: Path
    payer_columns_not_read: tuple[str, ...]
    contracts_not_read: tuple[str, ...]

    @classmethod
    def unknown(cls) -> "Hospital":
        """Return a hospital without any information: for samples, and to see what files alone say."""
        return cls(
            payers=(),
            providers=(),
            contracts=(),
            sender=Sender(),
            layouts=LOCAL / "layouts",
            payer_columns_not_read=(),
            contracts_not_read=(),
        )

    @cached_property
    def payer_book(self) -> PayerBook:
        """The payer table, to look a claim's payer up in."""
        return PayerBook(self.payers)

    @cached_property
    def _contract_books(self) -> dict[str, PayerBook]:
        programs = {one.program for one in self.contracts}
        return {
            program: PayerBook(tuple(one for one in self.contracts if one.program == program))
            for program in programs
        }

    def payer(self, payer_id: str | None, payer_name: str | None, plan: str | None) -> Payer | None:
        """Return the row of the payer table for a claim's payer and plan, or None."""
        return self.payer_book.find(payer_id, payer_name, plan)

    def contract(
        self, program: str | None, payer_id: str | None, payer_name: str | None, plan: str | None
    ) -> Contract | None:
        """Return the contract that binds a claim of this program, payer and plan, or None."""
        book = self._contract_books.get(program or "")
        return book.find(payer_id, payer_name, plan) if book else None


def read_hospital(
    folder: Path | None = None, *, payers: Path | None = None, contracts: Path | None = None
) -> Hospital:
    """Return the hospital that `folder` describes (default: `local_folder`).

    Reads payers.csv, providers.csv, hospital.yaml and the folder contracts, if they exist;
    `payers` names another payer table, `contracts` another folder of contracts. Raises InputError
    with the file and the problem; a contract that cannot be read is skipped.
    """
    folder = local_folder() if folder is None else Path(folder)
    if contracts is not None and not Path(contracts).is_dir():
        raise InputError(
            f"{Path(contracts).name}: is not a folder; name the folder of the contracts"
        )
    paths = {name: folder / name for name in ("payers.csv", "providers.csv", "hospital.yaml")}
    there = {name for name, path in paths.items() if path.exists()}
    table = PayerTable()
    if payers is not None or "payers.csv" in there:
        table = read_payer_table(payers or paths["payers.csv"])
    read = read_contracts(Path(contracts) if contracts else folder / "contracts")
    return Hospital(
        payers=table.payers,
        providers=read_providers(paths["providers.csv"]) if "providers.csv" in there else (),
        contracts=read.contracts,
        sender=read_sender(paths["hospital.yaml"]) if "hospital.yaml" in there else Sender(),
        layouts=folder / "layouts",
        payer_columns_not_read=table.not_read,
        contracts_not_read=read.not_read,
    )


def sample_hospital(*, payers: Path | None = None) -> Hospital:
    """Return the hospital of the synthetic sample: its payer table, or `payers`, and nothing else.

    Where the sample data are not installed, nothing is known of its payers either.
    """
    path = payers or SAMPLE_PAYERS
    if payers is None and not path.exists():
        return Hospital.unknown()
    table = read_payer_table(path)
    return replace(Hospital.unknown(), payers=table.payers, payer_columns_not_read=table.not_read)
