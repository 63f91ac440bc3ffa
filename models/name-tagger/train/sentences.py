"""Sentences of letters, forms, chats and news, written for the project, with names, companies and places put in.

`{p}` a person, `{f}` a first name, `{s}` a surname after a title, `{o}` an organisation, `{l}` a place; `{n}` a number, `{a}` the
number and name of a street, `{e}` an e-mail address, `{d}` a day: those are no names.
"""

import re

import numpy as np

import names
from tagging import Text

MONTHS = "January February March April May June July August September October November December".split()
STREETS = "Mill Lane|Station Road|Church Street|High Street|Elm Avenue|Kings Road|Park Drive|Harbour Way|Maple Court|Victoria Terrace".split("|")
FRAMES = """
Kind regards,\\n{p}
Best wishes,\\n{p}\\n{o}
Regards {f}
Cheers, {f}
Yours sincerely,\\n{t} {s}\\nAccounts, {o}
Dear {t} {s},\\n\\nthank you for your letter of {d}.
Dear {f},\\nplease find the report attached.
Hi {f}, did you get my message?
Hello, my name is {p} and I ordered a lamp last week.
my name is {p}
i am {p}
this is {p} calling about my account
{p}
{f}
name: {p}
Name: {p}\\nAddress: {a}, {l}\\nPhone: {n}
Customer: {p} ({n})
Full name {p}, date of birth {d}
First name: {f}\\nLast name: {s}
Contact {p} at {e} or on {n}.
Please update the billing address of {p} to {a}, {l}.
I just moved to {a}, {l}. Can you change it for me? {p}
My new address is {a}, {l} {n}.
{a}\\n{l}\\n{n}
I live in {l} but work in {l}.
How do I get a new card? I lost mine in {l}. Thanks, {p}
My card {n} was declined at {o} in {l}.
I want to increase the limit on card number {n}, it belongs to {p}.
Please transfer {n} to {p} at {o}.
Send the money to the account of {p}, {n}, please.
A cheque from {o} made out to {p} has bounced.
I spoke to {p} on the phone, who promised to call back.
{t} {s} told me to write to you.
Have you met {t} {s} from {o}?
According to {p}, the contract with {o} ends in {d}.
{p}, {n}, lives at {a} in {l}.
{p} is the new head of {o}.
{p} and {p} were married in {l} on {d}.
{f} and {f} are coming over for dinner.
{f}'s parcel was delivered to {f} by mistake.
{p}'s brother works for {o}.
The patient, {p}, was admitted on {d}.
Doctor {s} will see {f} now.
The meeting is with {p} of {o} and {p} of {o}.
The author of the book is {p}.
Who is {p}? I got an invoice in that name.
My boss {p} says that {o} will not pay.
{p}: can you hear me?
From: {p}\\nTo: {p}\\nSubject: visit to {l}
From: {p} <{e}>\\nTo: {o}
Attn: {p}, {o}, {a}, {l}
Invoice\\n{o}\\nInvoice number {n}\\nBill to: {p}
Bill to\\n{p}\\n{o}\\n{a}\\n{l}
Account holder {p}, IBAN {n}
The account is in the name of {p} and {f} {s}.
Your colleague {f} was very helpful. Thanks, {p}
You were right, {f}.
I asked {f} to order from {o} again.
We at {o} have been your customers since 2014. Regards, {p}
I am writing on behalf of {o} about our last invoice.
Our supplier {o} went out of business last month.
Is {o} in {l} open on Sundays?
{o} has cancelled my flight from {l} to {l}.
{o} announced that it will close its plant in {l}.
Shares of {o} fell after {p} resigned.
The police in {l} are looking for {p}, who was last seen in {l}.
{p} (born {d} in {l}) is a painter.
The film stars {p} and {p} as two friends from {l}.
In {l}, {p} won against {p} in two sets.
{l} is lovely in spring.
I would like to travel from {l} to {l} on {d}.
Is there a branch of {o} near {a}, {l}?
The ambassador of {l}, {p}, met {t} {s}.
{t} {p} signed for {o}.
The reservation is for {p}, four people, {d}.
Please add {p} as an authorised user, his e-mail is {e}.
Her maiden name was {s}.
The signature reads {f} {s}, {o}.
Signed, {p}
Driver's licence of {p}: {n}
Passport {n} was issued to {p} in {l}.
Social security number {n}. Name {p}.
{p} {n}
{f} {n} and {n}
{p}, {e}
Thank you for contacting {o}. My name is {f}, how can I help?
Meet me at {a}.
Please cancel my subscription at the end of {d}.
Thank you very much for the quick delivery of the parcel!
Dear Sir or Madam, where is my order? I paid on Friday.
Good morning, dear team, I cannot sign in to the app. Many thanks in advance.
My card was stolen on the bus. Please block it today.
Order {n} has not arrived. Tracking says it is in {l}.
What is the exchange rate of the dollar today?
The router has been down since Monday and nobody picks up.
Please reset the password for {e}.
Can I pay by Visa or Mastercard at your shop in {l}?
Happy birthday {f}!! see you in {l} x
@{f} lol no way, {o} again??
so {f} told me {o} is hiring in {l}
""".strip().split("\n")


def made(count: int, seed: int) -> list:
    """Texts of one to three sentences, some in small letters or capitals alone."""
    random = np.random.default_rng(seed)
    return [text(random) for _ in range(count)]


def text(random: np.random.Generator) -> Text:
    done = Text("", "written")
    for _ in range(1 + (random.random() < 0.3) + (random.random() < 0.1)):
        frame = FRAMES[random.integers(len(FRAMES))].replace("\\n", "\n")
        done.text += ("\n" if random.random() < 0.5 else " ") if done.text else ""
        for piece in re.split(r"(\{\w\})", frame):
            value, kind = filled(piece[1], random) if re.fullmatch(r"\{\w\}", piece) else (piece, None)
            if kind:
                done.spans.append((len(done.text), len(done.text) + len(value), kind))
            done.text += value
    case = random.random()
    changed = done.text.lower() if case < 0.2 else done.text.upper() if case < 0.25 else done.text
    return Text(changed if len(changed) == len(done.text) else done.text, done.source, done.spans)


def filled(mark: str, random: np.random.Generator) -> tuple:
    def one(words: list) -> str:
        return words[random.integers(len(words))]

    match mark:
        case "p":
            return person(one, random), "PER"
        case "f":
            return one(names.FIRST), "PER"
        case "s":
            return one(names.LAST), "PER"
        case "o":
            return one(names.COMPANIES) + one(names.FORMS), "ORG"
        case "l":
            return one(names.PLACES), "LOC"
        case "t":
            return one(names.TITLES), None
        case "a":
            return f"{random.integers(1, 200)} {one(STREETS)}", None
        case "e":
            return f"{one(names.FIRST)}.{one(names.LAST)}@example.com".lower().replace(" ", "").replace("'", ""), None
        case "d":
            return f"{random.integers(1, 29)} {one(MONTHS)}", None
        case _:
            return "".join(str(random.integers(10)) for _ in range(random.integers(3, 17))), None


def person(one, random: np.random.Generator) -> str:
    form = random.random()
    if form < 0.7:
        return f"{one(names.FIRST)} {one(names.LAST)}"
    if form < 0.8:
        return f"{one(names.FIRST)} {chr(65 + random.integers(26))}. {one(names.LAST)}"
    if form < 0.87:
        return f"{one(names.FIRST)} {one(names.FIRST)} {one(names.LAST)}"
    if form < 0.93:
        return f"{one(names.FIRST)} {one(names.LAST)}-{one(names.LAST)}"
    return one(names.FIRST)
