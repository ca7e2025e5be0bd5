"""Whose claims these are: the hospital's own providers, and claims that name another's NPI.

A file may hold claims of another practice or hospital, as where a clearinghouse serves both. They
are named, never worked: nobody here may appeal them.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from toolkit.claims.payers import cell_at, columns_of, read_table
from toolkit.claims.tables import TABLES, Claims, conform
from toolkit.errors import InputError

LOCAL = Path("local") / "providers.csv"
COLUMNS = ("npi", "tax_id", "name")
_NPI = re.compile(r"[12]\d{9}")


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """One row of providers.csv: a billing provider of the hospital."""

    npi: str
    tax_id: str = ""
    name: str = ""


def read_providers(path: Path | None = None) -> tuple[Provider, ...]:
    """Return the hospital's billing providers: those of `path`, else of local/providers.csv, else none.

    One row per NPI; `npi` alone is needed. Raises InputError naming the row and the column.
    """
    if path is None:
        return read_providers(LOCAL) if LOCAL.exists() else ()
    headings, rows = read_table(path)
    places, _ = columns_of(headings, COLUMNS, path.name)
    if "npi" not in places:
        raise InputError(f"{path.name}, row 1: no column npi; add it")
    found = []
    for number, row in rows:
        cells = {name: cell_at(row, places.get(name)) for name in COLUMNS}
        if not _NPI.fullmatch(cells["npi"]):
            raise InputError(f"{path.name}, row {number}, npi: is not an NPI of ten digits")
        found.append(Provider(**cells))
    return tuple(found)


def foreign_claims(claims: Claims, providers: Iterable[Provider]) -> np.ndarray:
    """Return which rows of `claims.claims` name the NPI of a provider that is not the hospital's.

    A claim that names no NPI, or something else in its place, is not called foreign; without any
    provider nothing is.
    """
    ours = {provider.npi for provider in providers}
    named = claims.claims["provider_npi"]
    if not ours:
        return np.zeros(len(named), dtype=bool)
    npi = named.str.fullmatch(_NPI.pattern).fillna(False).to_numpy(dtype=bool)
    return npi & ~named.isin(ours).to_numpy(dtype=bool)


def own_claims(claims: Claims, providers: Iterable[Provider]) -> Claims:
    """Return the tables without the claims of other providers, with a finding that counts them."""
    foreign = foreign_claims(claims, providers)
    if not foreign.any():
        return claims
    keys = set(claims.claims.loc[foreign, "claim_key"])
    tables = {
        name: table[~table["claim_key"].isin(keys)].reset_index(drop=True)
        for name in TABLES
        if "claim_key" in (table := getattr(claims, name))
    }
    some = claims.claims[foreign].groupby(["file_id"], sort=False)["row"].agg(["size", "first"])
    of_file = claims.files.drop_duplicates("file_id").set_index("file_id")["file"]
    told = pd.DataFrame(
        {
            "file": of_file.reindex(some.index).to_numpy(),
            "file_id": some.index,
            "row": some["first"].to_numpy(),
            "column": "provider_npi",
            "code": "foreign_claims",
            "count": some["size"].to_numpy(),
            "says": "naming the NPI of a provider that is not in providers.csv, not worked: add every "
            "NPI of yours there, billing and rendering",
        }
    )
    findings = pd.concat([claims.findings, conform(told, "findings")], ignore_index=True)
    return replace(claims, **tables, findings=findings)
