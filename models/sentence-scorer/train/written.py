"""A thread written for the project."""

SUBJECT = "Re: Leaking boiler in flat 12"
MESSAGES = [
    (
        "Marta",
        "The boiler in flat 12 has leaked since Sunday and the kitchen floor is wet. "
        "Could somebody please come before Wednesday? My phone number is 0555 014-22.",
    ),
    (
        "Piet",
        "Thank you for letting us know. I think the valve is broken, because the same model failed in flat 9. "
        "Our plumber has time on Tuesday at 10:30 — does that suit you?",
    ),
    ("Marta", "Tuesday is fine. We need hot water again for the baby, so please don't let it slip."),
    (
        "Piet",
        "However, if THAT fails, see https://boilers.example/flat_12 [or write to help@boilers.example].",
    ),
]
THREAD = {
    "subject": SUBJECT,
    "messages": [{"from": sender, "body": body} for sender, body in MESSAGES],
    "summaries": [],
}
