"""The SQL of a triage: equi-joins of denial rows with key tables, for the dialects that are run here.

Nothing of the law, the codes or the texts is said in it: it joins, fills, and chooses the columns of
the keys. Dialects: duckdb and spark.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.engines import facts
from toolkit.errors import UsageError
from toolkit.law import telling_amounts

DIALECTS = ("duckdb", "spark")

WHO_ANSWERS = ("program", "program_from", "contracted", "contracted_from")
WHAT_ANSWERS = (
    "denial_category", "reason", "route", "nature", "preventable", "liability", "confidence",
    "decided_by",
)  # fmt: skip
STEP_ANSWERS = (
    "appealable", "level", "last_filing_date", "file_by", "filed_when", "citation", "rule_status",
    "days_left", "due", "standing", "gap", "why",
)  # fmt: skip
DAY_TABLES = {"dn": "notice_date", "dr": "remittance_date", "dd": "decided_on"}
DAY_ANSWERS = ("notice_date", "notice_from")
TABLES = ("who", "what", "step", "service", "look", "day", "amount")

# Every sign that Python's `strip` takes for a blank: tabs, line ends, separators, spaces of all widths.
_BLANKS = "".join(sign for sign in map(chr, range(1, 0x3001)) if sign.isspace())


def name(column: str, dialect: str = "duckdb") -> str:
    """Return a column's name as SQL has it."""
    mark = "`" if dialect == "spark" else '"'
    return mark + column.replace(mark, mark * 2) + mark


@dataclass(frozen=True)
class Source:
    """What the SQL has to know of the rows: each column with its kind.

    Kinds: text, date, list, cents (whole cents), dollars (an exact decimal) and other.
    """

    kinds: Mapping[str, str]
    dialect: str = "duckdb"
    idle: tuple[str, ...] = ()  # facts that no answer turns on

    def __post_init__(self) -> None:
        if self.dialect not in DIALECTS:
            raise UsageError(f"dialect: is none of those that are run here: {', '.join(DIALECTS)}")

    @property
    def there(self) -> tuple[str, ...]:
        """The facts among the columns."""
        return tuple(f for f in facts.FACTS if f in self.kinds and f not in self.idle)

    def has(self, *columns: str) -> bool:
        """Say whether one of the columns is there."""
        return any(column in self.kinds for column in columns)

    def quoted(self, column: str) -> str:
        """Return a column of the rows, quoted."""
        return f"s.{name(column, self.dialect)}"

    def text(self, column: str) -> str:
        """Return a column as it is a key: text, or a day."""
        quoted, kind = self.quoted(column), self.kinds[column]
        if kind in ("text", "date"):
            return quoted
        if kind == "list":
            joined = "concat_ws(' ', {})" if self.dialect == "spark" else "array_to_string({}, ' ')"
            return joined.format(quoted)
        return f"CAST({quoted} AS {'STRING' if self.dialect == 'spark' else 'VARCHAR'})"

    def stated(self, column: str) -> str:
        """Return whether a cell holds something, and no word for nothing."""
        quoted = self.text(column)
        if self.kinds[column] == "date":
            return f"{quoted} IS NOT NULL"
        words = ", ".join(f"'{word}'" for word in sorted(facts.missing_words()))
        return f"({quoted} IS NOT NULL AND lower({self._trimmed(quoted)}) NOT IN ({words}))"

    def _trimmed(self, text: str) -> str:
        """Return a text without the blanks at its ends that Python's `strip` takes away."""
        if self.dialect == "spark":
            blanks = "".join(f"\\u{ord(sign):04x}" for sign in _BLANKS)
            return f"trim(BOTH '{blanks}' FROM {text})"
        return f"trim({text}, '{_BLANKS}')"

    def any_stated(self, *columns: str) -> str:
        """Return whether one of those columns that are there holds something."""
        return " OR ".join(self.stated(c) for c in columns if c in self.kinds) or "FALSE"

    # --- keys ------------------------------------------------------------------------------------

    def keys(self) -> dict[str, str]:
        """Return each fact as it is a key: what cannot change an answer is left out of it.

        An appeal's decision is the notice of the next one, so a row with an appeal has no notice in
        its key; a decision's day counts only beside its outcome.
        """
        out = {c: self.text(c) for c in self.there if c not in facts.AMOUNT}
        if "denial_text" in out:
            out["denial_text"] = self._text_key(out["denial_text"])
        filed = self.any_stated("last_level", "filed_on", "decided_on")
        for column in ("notice_date", "notice_received", "remittance_date"):
            if column not in out:
                continue
            no = [] if filed == "FALSE" else [filed]
            if column == "remittance_date" and self.has("notice_date"):
                no.append(self.stated("notice_date"))
            if no:
                out[column] = f"CASE WHEN {' OR '.join(no)} THEN NULL ELSE {out[column]} END"
        if "filed_on" in out:
            out["filed_on"] = f"CASE WHEN {self.stated('filed_on')} THEN 'filed' END"
        if "decided_on" in out and self.has("outcome"):
            # without an outcome the day only says that something was filed
            other = f"CASE WHEN {self.stated('decided_on')} THEN {self._some_day()} END"
            out["decided_on"] = (
                f"CASE WHEN {self.stated('outcome')} THEN {out['decided_on']} ELSE {other} END"
            )
        return out

    def _some_day(self) -> str:
        return "DATE '2000-01-01'" if self.kinds["decided_on"] == "date" else "'2000-01-01'"

    def _text_key(self, text: str) -> str:
        every = ", 'g'" if self.dialect == "duckdb" else ""
        return f"regexp_replace({text}, '{facts.LONG_NUMBER}', '{facts.ANY_NUMBER}'{every})"

    # --- amounts ---------------------------------------------------------------------------------

    @property
    def amount(self) -> str | None:
        """The column of the denied amount, if there is one."""
        return next((column for column in facts.AMOUNT if column in self.kinds), None)

    def plain_amount(self) -> str:
        """Return whether an amount is in plain digits; any other is read by the key table."""
        digits = "[0-9]{1,15}" if self.amount == "denied_cents" else "[0-9]{1,13}([.][0-9]{1,2})?"
        text = self.text(self.amount)
        if self.dialect == "spark":
            return f"({text} RLIKE '^-?{digits}$')"
        return f"regexp_full_match({text}, '-?{digits}')"

    def cents(self) -> str:
        """Return the denied amount in whole cents, exactly; it needs the table `amount` for texts."""
        if self.amount is None:
            return "CAST(NULL AS BIGINT)"
        kind, quoted = self.kinds[self.amount], self.quoted(self.amount)
        if kind == "cents":
            return f"CAST({quoted} AS BIGINT)"
        if kind == "dollars":
            return f"CAST({quoted} * 100 AS BIGINT)"
        text = self.text(self.amount)
        if self.amount == "denied_cents":
            plain = f"CAST({text} AS BIGINT)"
        else:
            plain = f"CAST(CAST({text} AS DECIMAL(18,2)) * 100 AS BIGINT)"
        return f"CASE WHEN {self.plain_amount()} THEN {plain} ELSE a.cents END"

    def odd_amount(self) -> str:
        """Return the text of an amount that is not plain."""
        stated = self.stated(self.amount)
        return f"CASE WHEN {stated} AND NOT {self.plain_amount()} THEN {self.text(self.amount)} END"

    @property
    def odd_amounts(self) -> bool:
        """Whether amounts are texts, some of which only the key table can read."""
        return self.amount is not None and self.kinds[self.amount] not in ("cents", "dollars")

    def side(self) -> str:
        """Return on which side of the rules' amounts a decided row lies; NULL where it is no matter."""
        if self.amount is None or not self.has("outcome"):
            return "CAST(NULL AS INTEGER)"
        sides = " + ".join(
            f"CASE WHEN {self.cents()} >= {dollars * 100} THEN 1 ELSE 0 END"
            for dollars in telling_amounts()
        )
        decided = self.stated("outcome")
        return f"CASE WHEN {decided} AND {self.cents()} IS NOT NULL THEN 1 + {sides} END"

    # --- the joins -------------------------------------------------------------------------------

    def joins(self, tables: Mapping[str, str], *, looks: bool, days: bool) -> str:
        """Return the joins of rows `s` with the key tables, whose names `tables` gives.

        Aliases: w (who), c (what), t (step), k and l (service and look, where `looks`), dn, dr, dd
        (days, where `days`), a (amounts that are not plain).
        """
        keys = self.keys()
        parts = []
        amount = self.amount_join(tables["amount"]) + "\n" if self.odd_amounts else ""
        parts.append((tables["who"], "w", self._same("w", facts.WHO, keys)))
        what = self._same("c", facts.WHAT, keys)
        parts.append((tables["what"], "c", [*what, "c.program_number = w.program_number"]))
        step = self._same("t", facts.WHEN, keys)
        if self.amount and self.has("outcome"):
            side = f"CASE WHEN w.amount_matters THEN {self.side()} END"
            step.append(f"t.side IS NOT DISTINCT FROM {side}")
        step += ["t.who_class = w.who_class", "t.what_class = c.what_class"]
        parts.append((tables["step"], "t", step))
        if looks:
            if "procedure_code" in keys:
                parts.append((tables["service"], "k", self._same("k", ("procedure_code",), keys)))
                parts.append((tables["look"], "l", ["l.what = c.what", "l.kind = k.kind"]))
            else:
                parts.append((tables["look"], "l", ["l.what = c.what"]))
        if days:
            for alias, column in DAY_TABLES.items():
                if self.kinds.get(column, "date") != "date":
                    parts.append((tables["day"], alias, [f"{alias}.raw = {self.text(column)}"]))
        return amount + "\n".join(
            f"LEFT JOIN {table} {alias} ON {' AND '.join(on or ['TRUE'])}"
            for table, alias, on in parts
        )

    def amount_join(self, table: str) -> str:
        """Return the join with the amounts that are not plain."""
        return f"LEFT JOIN {table} a ON a.raw = {self.odd_amount()}"

    def _same(self, alias: str, columns: tuple[str, ...], keys: Mapping[str, str]) -> list[str]:
        return [
            f"{alias}.{column} IS NOT DISTINCT FROM {keys[column]}"
            for column in columns
            if column in keys
        ]

    def answer(self, wanted: str) -> str:
        """Return one answer, as an expression over the joined tables."""
        if wanted in WHO_ANSWERS:
            return f"w.{wanted}_"
        if wanted == "route":
            disputed = "t.by_contract AND c.route_ = 'appeal'"
            return f"CASE WHEN {disputed} THEN 'contract_dispute' ELSE c.route_ END"
        if wanted in WHAT_ANSWERS:
            return f"c.{wanted}_"
        if wanted == "why":
            return "coalesce(t.why_, c.why_not_)"
        if wanted in STEP_ANSWERS:
            return f"t.{wanted}_"
        if wanted == "second_look":
            return "l.second_look_"
        if wanted == "notice_date":
            return self._notice_date()
        if wanted == "notice_from":
            return self._notice_from()
        return self._findings()

    def _day(self, column: str) -> str | None:
        if column not in self.kinds:
            return None
        if self.kinds[column] != "date":
            return f"{next(a for a, c in DAY_TABLES.items() if c == column)}.day"
        quoted = self.quoted(column)
        known = f"{quoted} BETWEEN DATE '1900-01-01' AND DATE '2099-12-31'"
        return f"CASE WHEN {known} THEN {quoted} END"

    def _notice_date(self) -> str:
        whens = []
        if decided := self._day("decided_on"):
            whens.append(f"WHEN t.from_decision THEN {decided}")
        if notice := self._day("notice_date"):
            whens.append(f"WHEN {self.stated('notice_date')} THEN {notice}")
        if remittance := self._day("remittance_date"):
            whens.append(f"WHEN TRUE THEN {remittance}")
        return f"CASE {' '.join(whens)} END" if whens else "CAST(NULL AS DATE)"

    def _notice_from(self) -> str:
        whens = ["WHEN t.from_decision THEN 'decided_on'"]
        if notice := self._day("notice_date"):
            whens.append(f"WHEN {notice} IS NOT NULL THEN 'notice_date'")
            whens.append(f"WHEN {self.stated('notice_date')} THEN ''")
        if remittance := self._day("remittance_date"):
            whens.append(f"WHEN {remittance} IS NOT NULL THEN 'remittance_date'")
        return f"CASE {' '.join(whens)} ELSE '' END"

    def _findings(self) -> str:
        parts = ["w.findings_", "c.findings_", "t.unread_"]
        if self.odd_amounts:
            parts.append("a.findings")
        filled = ", ".join(f"nullif({part}, '')" for part in parts)
        return f"concat_ws('; ', {filled})"
