"""Whose claims these are: the hospital's own providers, and claims that name another's NPI.

A file may hold claims of another practice or hospital, as where a clearinghouse serves both. They
are named, never worked: nobody here may appeal them.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from toolkit.claims.tables import TABLES, Claims, among, conform
from toolkit.hospital.providers import NPI, Provider


def foreign_claims(claims: Claims, providers: Iterable[Provider]) -> np.ndarray:
    """Return which rows of `claims.claims` name the NPI of a provider that is not the hospital's.

    A claim that names no NPI, or something else in its place, is not called foreign; without any
    provider nothing is.
    """
    ours = {provider.npi for provider in providers}
    named = claims.claims["provider_npi"]
    if not ours:
        return np.zeros(len(named), dtype=bool)
    npi = named.str.fullmatch(NPI.pattern).fillna(False).to_numpy(dtype=bool)
    return npi & ~named.isin(ours).to_numpy(dtype=bool)


def names_another(npi: str | None, ours: set[str]) -> bool:
    """Return whether an NPI is that of a provider that is none of `ours`; by the rule of foreign_claims."""
    return bool(ours) and npi is not None and bool(NPI.fullmatch(npi)) and npi not in ours


def own_claims(claims: Claims, providers: Iterable[Provider]) -> Claims:
    """Return the tables without the claims of other providers, with a finding that counts them."""
    foreign = foreign_claims(claims, providers)
    if not foreign.any():
        return claims
    keys = set(claims.claims.loc[foreign, "claim_key"])
    tables = {
        name: table[~among(table["claim_key"], keys)].reset_index(drop=True)
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
            "says": "with the NPI of a provider that is not in providers.csv, not worked: add all your NPIs there, billing and rendering",
        }
    )
    findings = pd.concat([claims.findings, conform(told, "findings")], ignore_index=True)
    return replace(claims, **tables, findings=findings)
