"""Questions about a business and unasked-for offers, put together from parts written for the project.

The public data sets have few of either, and both must be told from what is out of scope or from praise.
"""

import itertools

import numpy as np

SEED = 5
PARTS = {
    "{day}": ["on Sundays", "on Saturday afternoon", "on public holidays", "at Easter", "on 24 December", "on New Year's Day", "in the evening", "next Monday", "during the school holidays"],
    "{place}": ["branch in the centre", "shop in Bristol", "office in Cork", "store at the station", "showroom", "service desk", "Glasgow branch", "workshop"],
    "{thing}": ["running shoes", "home insurance", "the annual ticket", "a business account", "solar panels", "language courses", "the premium plan", "gift vouchers", "garden sheds", "a safe deposit box"],
    "{group}": ["students", "pensioners", "families", "small firms", "charities", "new customers"],
    "{gain}": ["sales", "traffic", "ranking", "followers", "leads", "conversion rate", "revenue", "reach"],
    "{service}": ["search engine work", "web design", "paid links", "social media posts", "bulk mailing", "cheap toner", "video adverts", "office cleaning", "staff recruiting"],
    "{firm}": ["Our agency", "My team", "Our company", "Our studio", "We"],
}  # fmt: skip
QUESTIONS = [
    "Are you open {day}?",
    "What time does your {place} open {day}?",
    "Until when is the {place} open {day}?",
    "Could you tell me the opening hours of your {place}?",
    "Is your {place} closed {day}?",
    "Do you have {thing}, and what does it cost?",
    "I would like to know more about {thing}. Could you send me some details?",
    "Is there a discount for {group} on {thing}?",
    "What are the terms for {thing}?",
    "How can {group} apply for {thing}?",
    "Where is the {place} and can I park there?",
    "Do I need an appointment at the {place} {day}?",
    "Please tell me how {thing} works before I decide.",
    "Is it possible to pay in cash at your {place}?",
]
OFFERS = [
    "I looked at your website and saw that your {gain} could be much better. {firm} can help with {service}.",
    "{firm} offers {service} at a great price. Would you be interested in a short call?",
    "Want more {gain}? {firm} has done {service} for hundreds of businesses like yours.",
    "Get 50% more {gain} within a month, guaranteed! Reply now for a free quote on {service}.",
    "Hi, just following up on my last mail about {service}. {firm} would love to work with you.",
    "Special offer this week: {service} from only 199. Improve your {gain} today!",
    "Dear owner, {firm} has helped many sites to grow their {gain}. Are you open to a chat?",
    "Limited time only! Buy {service} and get a second package free. Click the link to unsubscribe.",
]


def phrases(split: str, count: int) -> list:
    """(text, type) of `count` of each kind. A sentence's frame belongs to one split only."""
    place = ["train", "dev", "test"].index(split)
    random = np.random.default_rng([SEED, place])
    made = []
    for kind, templates in (("information", QUESTIONS), ("other", OFFERS)):
        own = [text for index, text in enumerate(templates) if max(0, index % 7 - 4) == place]
        for template in itertools.islice(itertools.cycle(own), count):
            for slot, values in PARTS.items():
                template = template.replace(slot, values[random.integers(len(values))])
            made.append((template, kind))
    return made
