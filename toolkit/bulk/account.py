"""The claims of one account number in a book, from all its files: for the history of a single claim."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from toolkit.bulk.book import Book, File, Piece, accounts_of
from toolkit.bulk.kernel import Done, export_rows, together
from toolkit.claims.export.pieces import numbers_of
from toolkit.claims.restated import once
from toolkit.claims.tables import Claims


def account_in(book: Book, number: str) -> Claims:
    """Return the tables of the claims with an account number (the payer's, for claims without ours).

    Only the pieces that have the number are read. Empty where none has it.
    """
    [wanted] = numbers_of([number])
    files = book.files()
    parts = [
        _of_piece(book, file, piece, wanted)
        for file in files
        for piece in file.pieces
        if np.isin(wanted, book.read_accounts(file, piece))
    ]
    if not parts:
        return Claims()
    return once(together(parts), order=[file.file_id for file in files])[0]


def _of_piece(book: Book, file: File, piece: Piece, wanted: np.uint64) -> Claims:
    if file.source == "export":
        table = book.read_rows(file, piece)
        rows = pa.array(table["row"].to_numpy().astype(np.int64) + piece.first)
        table = table.set_column(table.schema.get_field_index("row"), "row", rows)
        return export_rows(
            file, table.filter(pa.array(table["account"].to_numpy() == wanted)), Done()
        )
    tables = book.read_claims(file, piece)
    claims = tables["claims"]
    keys = set(claims.loc[accounts_of(claims) == wanted, "claim_key"])
    kept = {
        name: table[table["claim_key"].isin(keys)].reset_index(drop=True)
        if "claim_key" in table
        else table
        for name, table in tables.items()
    }
    return replace(Claims(**kept), files=file.row(len(keys), first=False))
