"""A thread written for the project."""

from features import Sentence

SUBJECT = "Re: Leaking boiler in flat 12"
SENTENCES = [
    Sentence("The boiler in flat 12 has leaked since Sunday and the kitchen floor is wet.", 0, 0, "Marta"),
    Sentence("Could somebody please come before Wednesday?", 0, 1, "Marta"),
    Sentence("My phone number is 0555 014-22.", 0, 2, "Marta"),
    Sentence("Thank you for letting us know.", 1, 0, "Piet"),
    Sentence("I think the valve is broken, because the same model failed in flat 9.", 1, 1, "Piet"),
    Sentence("Our plumber has time on Tuesday at 10:30 — does that suit you?", 1, 2, "Piet"),
    Sentence("Tuesday is fine.", 2, 0, "Marta"),
    Sentence("We need hot water again for the baby, so please don't let it slip.", 2, 1, "Marta"),
    Sentence("However, if THAT fails, see https://boilers.example/flat_12 [or write to help@boilers.example].", 3, 0, "Piet"),
]
