"""What a letter says that nobody enters: it is computed from the case, or it is what the law says."""

# Computed from other facts and the rules; a clause may ask about them, nobody enters them.
COMPUTED = {
    "letter_date": "the date of the letter",
    "late": "whether the last day to file has passed on the date of the letter",
    "interval": "the months since the last service, against the rule's number",
    "age": "the patient's age on the day of the service",
    "service_words": "what the service is called, by its code",
    "issue": "what the denial turns on",
    "argues": "whether the letter argues the denial",
    "clinical": "whether the denial is of medical necessity",
    "is_drug": "whether the code is of a drug",
    "axial_dxa": "whether the code is of an axial DXA",
    "anticancer": "whether the service is an anticancer drug",
    "days_since_dose": "the days since the last dose",
    "appeal_level": "the level of appeal",
    "reader": "whom the letter is written to",
    "written_to": "whether that is the payer or a decider above it",
    "bare": "whether no criteria, no requirements of the payer and no medical facts are argued",
}
# From the rules of the program; each is bound to its rule, with citation, source and mark.
LAW = {
    "request_name": "what a request at this level is called",
    "request_joint": "how the request is joined to the decision it is about",
    "notice_name": "what the notice at this level is called",
    "decider": "who decides",
    "filed_with": "whom the request is filed with",
    "last_filing_date": "the last day to file",
    "file_by": "the safe day to file",
    "filing_time": "how long there is to file",
    "filing_citation": "the rule on the time to file",
    "standing_citation": "the rule on who may file",
    "decision_time": "how long the decider has",
    "answer_by": "the day the decision is due if the request arrives on the letter's date",
    "next_request": "what can be asked for after this level",
    "decision_due": "the day the decision is due",
    "decision_citation": "the rule on the time to decide",
    "if_missed": "what follows when the decision is late",
    "claim_limit": "the last day to file the claim",
    "claim_limit_citation": "the rule on the time to file claims",
    "interval_months": "the months between covered services",
    "interval_citation": "the rule on the months between covered services",
    "good_cause_request": "the request for more time",
    "good_cause_citation": "the rule on good cause",
}
DERIVED = {**COMPUTED, **LAW}
