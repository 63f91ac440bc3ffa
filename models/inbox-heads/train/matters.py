"""Business letters put together from parts written for the project: courtesy, a matter, details, a next step.

Courtesy and details say nothing about the mood: the matter decides whether a letter is neutral or tells, however politely, of a fault
that costs its writer something; who tells of one may press for it, too. Each part belongs to one split only.
"""

import itertools

import numpy as np

SEED = 9
COURTESIES = {
    "train": [
        "thank you for your quick answer.",
        "thanks for taking the time on the phone yesterday.",
        "I hope that this finds you well.",
        "many thanks for your message of last week.",
        "further to my note of the 9th:",
        "thank you for passing this on to your colleagues, Ms Hall.",
        "I appreciate that you have a lot to do at the moment.",
        "as discussed with Mr Ito,",
        "sorry to trouble you again.",
        "thank you for the friendly talk at the desk.",
        "I refer to our correspondence below.",
        "thanks for getting back to me, Paul.",
    ],
    "dev": [
        "thank you for your patience with me.",
        "I come back to your letter of Monday.",
        "thanks, that was a clear explanation.",
        "I understand that these things take a while.",
    ],
}
DETAILS = {
    "train": [
        "My customer number is 663-019.",
        "The reference is KX-20418.",
        "You will find the papers attached.",
        "The amount in question is 74.20.",
        "My account is GB33BUKB20201555555555.",
        "You can reach me under 020 7946 0018 in the mornings.",
        "The contract is in the name of my husband, R. Adeyemi.",
        "It concerns our branch in Leith.",
        "A copy of the receipt is enclosed.",
        "My address has not changed.",
    ],
    "dev": ["The file number is 5-7713.", "I attach a photograph.", "My bank details are FR1420041010050500013M02606.", "Please write to this address only."],
}
STEPS = {
    "train": [
        "Please confirm by 14 June.",
        "I look forward to hearing from you.",
        "Could you let me know how we go on from here?",
        "Please send me a line when it is done.",
        "I would be grateful for a date.",
        "May I ask you to see to it this week?",
        "Should you need anything else from me, please say so.",
    ],
    "dev": ["Please tell me the next step.", "A short note would do.", "I ask you to arrange this by the 20th."],
}
# What somebody says who has waited for long, without a loud word.
PRESSING = {
    "train": [
        "If I have no answer by the end of the month, I will turn to my adviser.",
        "Otherwise I will ask the consumer office how to proceed.",
        "Kindly put it right.",
        "I would not like to have to ask once more.",
        "Should nothing have come by the 9th, I will have my card company take the sum back.",
        "I set you a term until Friday week.",
        "After that I see no other way than the arbitration board.",
        "I hope that it will not take another letter.",
    ],
    "dev": ["Otherwise I shall have to take advice.", "I will not wait beyond the 30th.", "Failing that, I will hand it over to my insurer."],
}
CLOSINGS = ["Best regards,", "Kind regards,", "Yours sincerely,", "With best wishes,", "Regards,", "Many thanks,"]
NAMES = ["Helen Marsh", "Tomasz Zielinski", "Aoife Brennan", "R. Castellano", "Ines Duarte", "Graham Pell", "Yuki Tanabe", "M. Oyelaran"]

# type, urgency: sentences that tell of a fault at the writer's cost, then sentences that tell of none.
MATTERS = {
    "train": {
        ("refund", "normal"): (
            [
                "The airline called the flight off in April, you promised the fare back within ten days, and by now it is the middle of June. Please transfer the 212.00.",
                "You took the cot back a good while ago, and up to this day I have not seen a penny of what I paid for it.",
                "I was to have the deposit for the marquee back after the wedding. That was in May; nothing has arrived, and I am out of pocket. Please pay it.",
                "Your colleague told me twice that the money was on its way. My bank has no trace of it. Please look where it is and send it.",
                "Only half of the price of the returned chairs was credited. The other half is missing, and I have to do without it. Please pay the rest.",
                "It is five weeks since you had the blinds back, which you confirmed yourselves, and there is no credit on my card yet. Please let me have the 88.50, with the postage.",
                "I gave you my bank details twice, and the overpaid rent is still with you. I ask you to pay it out now.",
                "More than a month has gone by since the workshop was called off, and I am still without my money. Please settle it in full.",
                "The course was cancelled by you, and yet the fee has not come back after two reminders. I would ask you to return it in full.",
            ],
            [
                "I have decided to give the second pair of skis back unused, as your terms allow. Please credit the price to my account.",
                "As agreed, the deposit for the hall can now be returned to the account below.",
                "We were fewer guests than we had booked for. Please return the difference of two menus, as your offer provides.",
                "The parcel with the returned lamps will reach you on Thursday. Please credit it when it is there.",
            ],
        ),
        ("payment", "normal"): (
            [
                "The transfer to our supplier left my account last week and never reached him; he has stopped his deliveries to us. Please find it.",
                "You collected the yearly fee although I had been promised that it would be waived. I have to cover an overdraft for it now.",
                "The standing order was carried out twice this month, and the second rent is missing from my account.",
                "The amount that you took by mistake is still missing from my account, although it was to be back within a week.",
                "I was charged a late fee for a bill that I had paid on time, as the attached statement shows. Please take it off.",
            ],
            [
                "From next month we would like to pay by direct debit rather than by transfer. Please tell me what you need for that.",
                "I would like to pay the remaining sum in three parts. Is that possible?",
                "Our bank has changed; from now on the fees should be collected from the account below.",
            ],
        ),
        ("delivery", "normal"): (
            [
                "The tiles should have been here in the first week of May. The fitters came, and had to go again without having done a thing; I must pay them all the same.",
                "The page has said that it was handed over, but neither I nor a neighbour has it, and I had to buy the present a second time.",
                "It is the fourth week by now, and the cupboard that was to come within ten days is not here. We eat off boxes.",
                "Your carrier has now moved the date three times, and each time I stayed at home for it without pay. I still wait for the freezer.",
                "The crate arrived open, and two of the six glasses are broken.",
            ],
            [
                "We will be on holiday in the second half of July. Please deliver the bench after the 1st of August.",
                "Please bring the pallet to the back gate in Mill Lane; the front is closed for lorries.",
                "Could you tell me on which day the wardrobe is going to come, so that I can be at home?",
            ],
        ),
        ("order", "normal"): (
            [
                "There were four boxes of filters in the parcel in place of the ten that we paid for, and our workshop cannot go on with those.",
                "In place of the grey carpet I got a brown one, already cut, that I cannot use.",
                "You confirmed the seats in row C and then gave them to others; we had to sit apart from our children.",
            ],
            [
                "Please add two more of the oak shelves to our order, at the price in your offer.",
                "We would like to order the same paper as last year, forty boxes, for the first week of September.",
                "Please change the colour of the ordered blinds from white to sand, if they are not cut yet.",
            ],
        ),
        ("invoice", "normal"): (
            [
                "The bill charges for eleven hours, whereas your fitter was here for six. I would have to pay for five that nobody worked. Please correct it.",
                "You have reminded me of a bill that I never received, and added a fee for it. I find that wrong, and ask you to cancel the fee.",
                "For the third time the bill is made out to our old company. The tax office has refused it, and we bear the loss. Please issue it anew.",
            ],
            [
                "For our books I need the bill of March once more, as a PDF, please.",
                "Please put our order number 4471 on the bill, and send it to the accounts department.",
                "Would you split the bill in two, one for each of the flats?",
            ],
        ),
        ("technical", "normal"): (
            [
                "Since the update the scanner reads every second page only, and I have to do my work twice.",
                "The heating control that you repaired has failed again after four days; we have sat in the cold since Sunday.",
                "The program loses what I have typed whenever I save. I have lost two evenings' work by now.",
            ],
            [
                "Which settings does the printer need for envelopes? I could not find it in the manual.",
                "We would like to use the program on a second computer. How is the licence moved?",
                "How do I connect the thermostat with the new router?",
            ],
        ),
        ("account", "normal"): (
            [
                "You closed the account of our club by mistake, as you wrote yourselves, and it is still closed; our members' fees go back to them.",
                "My name is still wrong in your records in spite of three letters, so that my post goes to somebody else.",
            ],
            [
                "Please take my daughter off the list of those who may see the account; she has moved out.",
                "We have a new treasurer. Which papers do you need so that he can sign?",
                "Please send me a list of what was booked on my account in the last quarter.",
            ],
        ),
        ("card", "normal"): (
            [
                "The card was refused at the till three times this week although there is money enough on it, which was most awkward in front of my guests.",
                "The new card was promised for Easter; it is not here, and I have had to borrow from a colleague more than once.",
            ],
            ["Please send the next card to our branch office, where I will be from autumn on.", "I would like a second card for my wife. What does it cost?"],
        ),
        ("cancellation-or-subscription", "normal"): (
            [
                "I gave notice in time, as you confirmed, and yet you go on collecting the fee every month. Please end it at last.",
                "The journal has not come since March, though I have paid for the year. Please end the subscription.",
            ],
            [
                "We no longer need the second line from the end of the quarter. Please confirm the end of that contract.",
                "I would like to end my membership at the next possible date. It was a good time, but I move away.",
                "Please change our subscription from weekly to monthly.",
            ],
        ),
        ("complaint", "normal"): (
            [
                "Your technician was an hour late, would not take his boots off, and left the kitchen in such a state that I had to clean it for an evening. I wish to make a complaint about that.",
                "My case has been with you since winter, each time somebody else answers, and nothing has come of it. I ask for it to be looked at by a person in charge.",
            ],
            [],
        ),
    },
    "dev": {
        ("refund", "normal"): (
            [
                "You accepted the returned carpet cleaner on the 2nd of last month. My account shows nothing to this day, which puts me in a tight place.",
                "The promised repayment for the cancelled concert is overdue by far, and I have had to ask for it twice. Please pay it now.",
            ],
            ["Please pay the deposit for the returned bottles to our association's account.", "I return two of the six lamps unopened; please credit them."],
        ),
        ("payment", "normal"): (
            ["You have taken the insurance for the old car as well, though it was sold in spring. I paid for nothing."],
            ["Please collect the fees on the 15th in place of the 1st from now on."],
        ),
        ("delivery", "normal"): (
            ["We have waited for the doors since Whitsun, and live with a sheet in the frame."],
            ["The shipment may be left with the caretaker, who knows about it."],
        ),
        ("invoice", "normal"): (
            ["The discount that was agreed is missing from the bill, so that I am to pay 60 too much."],
            ["May I have the bill in English, please?"],
        ),
        ("technical", "normal"): (
            ["The new lock opens at the fifth try at best; last night I stood in the rain for half an hour."],
            ["Which cable does the display need?"],
        ),
        ("order", "normal"): (
            ["Two of the ordered uniforms are in the wrong size, and the new colleagues start without."],
            ["Please book the seminar room for the 8th, too."],
        ),
    },
}
# How many letters are made of each matter.
EACH = {"train": 4, "dev": 3}


def matters(split: str) -> list:
    """(text, type, urgency, sentiment) of each letter; none to test on."""
    if split not in MATTERS:
        return []
    random = np.random.default_rng([SEED, list(EACH).index(split)])
    made = []
    for (kind, urgency), (faults, plain) in MATTERS[split].items():
        for mood, told in (("negative", faults), ("neutral", plain)):
            for matter, _ in itertools.product(told, range(EACH[split])):
                steps = STEPS[split] + (PRESSING[split] if mood == "negative" else [])
                made.append((letter(matter, kind, steps, split, random), kind, urgency, mood))
    return made


def letter(matter: str, kind: str, steps: list, split: str, random: np.random.Generator) -> str:
    def one(items: list) -> str:
        return items[int(random.integers(len(items)))]

    lines = [one(["Hello,", "Dear Sir or Madam,", "Dear Ms Hall,", "Hi Paul,", "Good morning,", "Dear team,"])]
    body = [matter]
    if random.random() < 0.8:
        body.insert(0, one(COURTESIES[split]))
    if random.random() < 0.7:
        body.append(one(DETAILS[split]))
    if random.random() < 0.8:
        body.append(one(steps))
    lines += [one([" ", "\n\n"]).join(body), f"{one(CLOSINGS)}\n{one(NAMES)}"]
    subject = one(["Re: {}", "Re: Re: {}", "{}"]).format(one(SUBJECTS[kind]))
    return f"{subject}\n\n" + "\n\n".join(lines)


SUBJECTS = {
    "refund": ["Refund", "Repayment of booking 3310", "Credit for my return"],
    "payment": ["Payment", "Your collection of 3 May", "Transfer"],
    "delivery": ["Delivery", "Shipment 88213", "Date of delivery"],
    "order": ["Order 5520-K", "Our order", "Booking"],
    "invoice": ["Invoice 2025-118", "Your bill", "Bill for March"],
    "technical": ["Support request", "Question about the device", "Ticket 7702"],
    "account": ["Our account", "Details on record", "Customer 663-019"],
    "card": ["My card", "Card ending 0031"],
    "cancellation-or-subscription": ["Contract 12-880", "Subscription", "Notice"],
    "complaint": ["My case", "Complaint"],
}
