"""What each adjustment of a set of claims is: once each, summed, with what its codes and remarks say."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from toolkit.claims.adjudication import Stated, money_of, repeated
from toolkit.denials.second_look import programs_looked_at
from toolkit.law import barred_categories
from toolkit.worklist.claim_set import ClaimPayers, ClaimSet
from toolkit.worklist.keys import Coded, coded, combined, keys_of, positions, taken
from toolkit.worklist.memory import Answered, Brain


@dataclass(frozen=True, eq=False)
class Adjustments:
    """Adjustments that count, as the tables state them; each field has one entry per adjustment."""

    claim: np.ndarray
    line: np.ndarray  # -1: on the claim
    place: np.ndarray
    group_code: Coded
    carc: Coded
    text: Coded
    amount: np.ndarray  # whole cents; nothing stated counts as zero, see `unknown`
    unknown: np.ndarray
    row: pd.api.extensions.ExtensionArray
    file_id: Coded

    def take(self, at: np.ndarray) -> Self:
        """Return these adjustments; `at` are places, or says of each whether it stays."""
        if at.dtype == bool:
            if at.all():
                return self
            at = np.flatnonzero(at)
        return replace(self, **{name: column.take(at) for name, column in vars(self).items()})

    def code_words(self) -> Coded:
        """Return each adjustment's group code and CARC as one text."""
        number, first = combined([self.group_code, self.carc])
        groups, carcs = self.group_code.take(first), self.carc.take(first)
        pairs = zip(groups.plain(), carcs.plain(), strict=True)
        return Coded(number, [f"{group or ''}-{carc or ''}".strip("-") for group, carc in pairs])


@dataclass(frozen=True, eq=False)
class Classified(Adjustments):
    """Adjustments with what they are."""

    alone: np.ndarray  # the only one of a line that was paid nothing
    unpaid_alone: np.ndarray  # the same, of a claim that no other payer decided first
    rarcs: Coded
    codes: Answered

    def answer(self, name: str) -> Coded:
        """Return what the codes say of each adjustment."""
        return self.codes.of(name)

    def rank(self) -> np.ndarray:
        """Return the rank of each adjustment's category."""
        return np.array([*self.codes.table["rank"].values, 0])[self.answer("rank").code]


def classified(set_: ClaimSet, who: ClaimPayers, asked: Brain) -> tuple[Classified, Stated]:
    """Return the adjustments with what they are, and the money of those that count.

    Those without an amount are there only where they may be a reason.
    """
    every, counted = _stated(set_, asked)
    found = _summed(every)
    stated = (found.amount != 0) | found.unknown
    paid = set_.tables.claim_lines["paid_cents"].to_numpy("int64", na_value=-1)
    number = np.bincount(found.place[stated], minlength=int(found.place.max(initial=-1)) + 1)
    alone = number[found.place] == 1
    alone &= taken(paid, set_.line_at(found.line), -1) == 0
    claim = set_.claim_at(found.claim)
    kept = stated | alone | taken(set_.status.denied, claim, False)
    # After another payer's decision a whole charge that is contractual hides nothing.
    first = ~taken(set_.status.secondary, claim, False)[kept]
    alone = (alone & stated)[kept]
    found = found.take(kept)
    rarcs, unpaid_alone = _remarks(set_, found), alone & first
    program = who.of("program", found.claim)
    facts = {
        # A correction's group code says nothing of what a refused claim was refused for.
        "group_code": found.group_code.only(~found.group_code.isin({"CR"})),
        "carc": found.carc,
        "rarcs": rarcs,
        "text": found.text,
        "program": program.only(np.zeros(len(program.code), dtype=bool)),
        "unpaid_alone": Coded(unpaid_alone.astype("int8"), [False, True]),
    }
    facts["program"] = program.only(_matters_to_a_code(program, asked.ask("code", facts)))
    codes = asked.ask("code", facts)
    more = {"alone": alone, "unpaid_alone": unpaid_alone, "rarcs": rarcs, "codes": codes}
    return Classified(**vars(found), **more), counted


def _matters_to_a_code(program: Coded, codes: Answered) -> np.ndarray:
    """Return which rows' programs matter to what their codes say: they bar it, or a second look asks."""
    category, reason = codes.of("denial_category"), codes.of("reason")
    matters = np.zeros(len(program.code), dtype=bool)
    for name in program.values:
        looked_at = {one for one in reason.values if name in programs_looked_at(one)}
        here = category.isin(barred_categories(name)) | reason.isin(looked_at)
        matters |= here & program.isin({name})
    return matters


def _stated(set_: ClaimSet, asked: Brain) -> tuple[Adjustments, Stated]:
    """Return the adjustments that count, without corrections' own and netted claims', and the money of all.

    Each counts once, however often it is repeated.
    """
    table = set_.tables.adjustments
    amount = table["amount_cents"]
    found = Adjustments(
        claim=set_.claim,
        line=set_.line,
        place=set_.place(set_.line, set_.claim),
        group_code=coded(table["group_code"]),
        carc=coded(table["carc"]),
        text=asked.normalized(coded(table["denial_text"])),
        amount=amount.to_numpy("int64", na_value=0),
        unknown=amount.isna().to_numpy(),
        row=table["row"].array,
        file_id=coded(table["file_id"]),
    )
    money = money_stated(set_, found)
    again = repeated(money, ~set_.netted)
    claim = money.claim
    stays = ~found.group_code.isin({"CR"})
    if not stays.all():
        explained = np.zeros(len(set_.status.denied), dtype=bool)
        explained[claim[stays & (claim >= 0)]] = True
        stays |= taken(set_.status.denied & ~explained, claim, False)
    stays &= ~again
    if set_.netted.any():
        stays &= ~taken(set_.netted, claim, False)
    return found.take(stays), money.without(again)


def money_stated(set_: ClaimSet, found: Adjustments) -> Stated:
    """Return adjustments with the money of their claims and lines."""
    return Stated(
        set_.claim_at(found.claim),
        set_.line_at(found.line),
        combined([found.group_code, found.carc])[0],
        found.amount,
        found.unknown,
        *money_of(set_.tables.claims),
        *money_of(set_.tables.claim_lines),
    )


def _summed(found: Adjustments) -> Adjustments:
    """Return one adjustment for those that agree in place, group code, CARC and text."""
    same = [found.group_code, found.carc, found.text]
    places = Coded(found.place, range(found.place.max() + 1 if len(found.place) else 0))
    number, first = combined([places, *same])
    if len(first) == len(number):
        return found
    amount = np.zeros(len(first), dtype="int64")
    np.add.at(amount, number, found.amount)
    unknown = np.bincount(number, weights=found.unknown, minlength=len(first)) > 0
    summed = replace(found.take(first), amount=amount, unknown=unknown)
    # Of several rows the first one that says where it stands.
    row = found.row.take(_first_known(number, first, ~found.row.isna()))
    at = _first_known(number, first, found.file_id.code >= 0)
    return replace(summed, row=row, file_id=found.file_id.take(at))


def _first_known(number: np.ndarray, first: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the first row of each number that is known, else its first row."""
    if known.all():
        return first
    at = np.flatnonzero(known)[::-1]
    found = first.copy()
    found[number[at]] = at
    return found


def _remarks(set_: ClaimSet, found: Adjustments) -> Coded:
    """Return the remark codes of each adjustment's line and of its claim, sorted, as one text."""
    remarks = set_.tables.remark_codes
    nothing = Coded(np.zeros(len(found.place), dtype="int8"), [""])
    if remarks.empty or not len(found.place):
        return nothing
    rarc = coded(remarks["rarc"])
    words = sorted(rarc.values)
    rank = {word: at for at, word in enumerate(words)}
    rarc = np.array([*map(rank.get, rarc.values), -1], dtype="int64")[rarc.code]
    line_keys = keys_of(remarks["line_key"])
    on_line = line_keys.is_valid().to_numpy(zero_copy_only=False) & (rarc >= 0)
    on_claim = np.flatnonzero(~on_line & (rarc >= 0))
    size = len(set_.line_keys) + len(set_.claim_keys)
    wanted = np.zeros(size, dtype=bool)
    wanted[found.place] = True

    line = positions(line_keys, set_.line_keys)
    at = np.flatnonzero(on_line & (line >= 0))
    at = at[wanted[line[at]]]
    place, word = line[at], rarc[at]
    if len(on_claim):
        keys = keys_of(remarks["claim_key"].iloc[on_claim])
        claim = positions(keys, set_.claim_keys)
        all_places, times = _places_of(found, claim)
        place = np.concatenate([place, all_places])
        word = np.concatenate([word, np.repeat(rarc[on_claim], times)])
    pair = np.sort(place * len(words) + word)
    pair = pair[np.diff(pair, prepend=-1) != 0]
    owner, item = np.divmod(pair, len(words)) if len(words) else (pair, pair)
    told = joined_words(owner, Coded(item, words), size)
    return told.take(found.place).filled("")


def _places_of(found: Adjustments, claim: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of each of the claims one after the other, and how many each has."""
    number, first = combined([Coded(found.place, range(found.place.max() + 1))])
    owner = found.claim[first]
    order = np.argsort(owner, kind="stable")
    place, owner = found.place[first][order], owner[order]
    begin = np.searchsorted(owner, claim, side="left")
    times = np.where(claim < 0, 0, np.searchsorted(owner, claim, side="right") - begin)
    nth = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return place[np.repeat(begin, times) + nth], times


def joined_words(owner: np.ndarray, each: Coded, size: int) -> Coded:
    """Return for each of `size` owners its words in order, one space between; -1 without any.

    `owner` is sorted, and says whose each word is. Words are joined once per distinct row of words: a
    row is the one before it and one word more.
    """
    item, words = each.code, each.values
    code = np.full(size, -1, dtype="int32")
    told: list[str] = []
    nth = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
    turn = 0
    while len(owner):
        now = nth == turn
        pair = (code[owner[now]] + 1).astype("int64") * len(words) + item[now]
        number, distinct = pd.factorize(pair)
        code[owner[now]] = len(told) + number
        told += [
            f"{told[before - 1]} {words[word]}" if before else words[word]
            for before, word in (divmod(one, len(words)) for one in distinct.tolist())
        ]
        owner, item, nth, turn = owner[~now], item[~now], nth[~now], turn + 1
    return Coded(code, told)
