"""The hospital: what it states about itself and its payers, required by everything that triages."""

from toolkit import lazy

_WHERE = {
    "Hospital": "hospital",
    "Payer": "payers",
    "PayerBook": "payers",
    "Provider": "providers",
    "Sender": "sender",
    "Signer": "sender",
    "coverage_names": "payers",
    "home": "places",
    "local_folder": "places",
    "program_of": "payers",
    "read_hospital": "hospital",
    "read_payer_table": "payers",
    "read_payers": "payers",
    "read_providers": "providers",
    "read_sender": "sender",
    "sample_hospital": "hospital",
    "save_payer": "saving",
    "save_sender": "saving",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)
