"""The claims of some account numbers in a book, from all its files: the history of a claim, worked rows."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from toolkit.bulk.book import Book, File, Piece, accounts_of
from toolkit.bulk.kernel import Done, export_rows, together
from toolkit.claims.export.pieces import numbers_of
from toolkit.claims.restated import once
from toolkit.claims.tables import Claims


def claims_in(book: Book, numbers: Iterable[str]) -> Claims:
    """Return the tables of the claims with these account numbers (the payer's, for claims without ours).

    A number '' stands for the claims that have none. Only the pieces that have one of the numbers are read.
    Empty where none has any.
    """
    texts = sorted(set(numbers))
    wanted = np.where([text == "" for text in texts], np.uint64(0), numbers_of(texts))
    files = book.files()
    parts = [
        _of_piece(book, file, piece, wanted)
        for file in files
        for piece in file.pieces
        if np.isin(wanted, book.read_accounts(file, piece)).any()
    ]
    if not parts:
        return Claims()
    return once(together(parts), order=[file.file_id for file in files])[0]


def _of_piece(book: Book, file: File, piece: Piece, wanted: np.ndarray) -> Claims:
    if file.source == "export":
        table = book.read_rows(file, piece)
        rows = pa.array(table["row"].to_numpy().astype(np.int64) + piece.first)
        table = table.set_column(table.schema.get_field_index("row"), "row", rows)
        return export_rows(
            file, table.filter(pa.array(np.isin(table["account"].to_numpy(), wanted))), Done()
        )
    tables = book.read_claims(file, piece)
    claims = tables["claims"]
    keys = set(claims.loc[np.isin(accounts_of(claims), wanted), "claim_key"])
    kept = {
        name: table[table["claim_key"].isin(keys)].reset_index(drop=True)
        if "claim_key" in table
        else table
        for name, table in tables.items()
    }
    return replace(Claims(**kept), files=file.row(len(keys), first=False))
