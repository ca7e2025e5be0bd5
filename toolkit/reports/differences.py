"""Whether payers, or facilities, differ in what they overturn at all: one sentence for every report."""

from toolkit.reports.page import Page

ALPHA = 0.05  # as `toolkit.metrics.studies`, which a kernel does not import
_NOUNS = {"payer_name": "payer", "facility": "facility"}


def difference(page: Page, column: str = "payer_name") -> str:
    """Return in one sentence whether the groups differ in what is overturned, and which ones do."""
    tests, noun = page.given.prepared("differences"), _NOUNS[column]
    tests = tests[tests["cut"] == column]
    nouns = {"payer": "payers", "facility": "facilities"}[noun]
    if tests.empty:
        return f"No appeal has been decided, so no {noun} can be compared with another."
    if len(tests) == 1:
        return f"One {noun} has decided appeals, so there is none to compare it with."
    p, chi2, df = (tests.iloc[0][name] for name in ("overall_p", "chi2", "df"))
    found = f"chi-squared {chi2:.2f} on {int(df)} df, p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}"
    if p >= ALPHA:
        return (
            f"A test finds no difference between the overturn rates of {nouns} ({found}), "
            f"so {nouns} are listed by dollars and not ranked."
        )
    apart = page.facts.names(column, tests.loc[tests["differs"], "group"])
    who = (
        f"{', '.join(apart)} {'differs' if len(apart) == 1 else 'differ'} from the others"
        if apart
        else f"no single {noun} stands out"
    )
    return (
        f"A test finds that {nouns} differ in what is overturned ({found}); false discoveries held at 5%, "
        f"{who}."
    )
