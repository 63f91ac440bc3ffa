"""The written mapping from the labels of public data sets to those of the guide, `labelled/guide.md`.

An intent that is ambiguous for this purpose stands in no table and its rows are not used. `urgency` and mood are judgements
about the intent, not labels of the row: the card says what that is worth. Rows that were labelled by hand stand in
`marked.tsv` and go before all of this.
"""

import re

TYPES = [
    "account",
    "card",
    "payment",
    "refund",
    "order",
    "delivery",
    "cancellation-or-subscription",
    "invoice",
    "technical",
    "fraud",
    "complaint",
    "information",
    "feedback",
    "other",
]
URGENCIES = ["low", "normal", "high", "critical"]
SENTIMENTS = ["negative", "neutral", "positive"]
ANGERS = ["no", "yes"]


def table(text: str) -> dict:
    """`type urgency: intent intent …` a line."""
    made = {}
    for line in text.strip().splitlines():
        head, intents = line.split(":")
        kind, urgency = head.split()
        if kind not in TYPES or urgency not in URGENCIES:
            raise ValueError(f"`{head}` names no type or no urgency")
        made.update({intent: (kind, urgency) for intent in intents.split()})
    return made


BANKING77 = table(
    """
    account low: why_verify_identity verify_source_of_funds
    account normal: edit_personal_details unable_to_verify_identity verify_my_identity terminate_account
    account high: passcode_forgotten lost_or_stolen_phone
    card low: card_delivery_estimate getting_virtual_card card_acceptance get_physical_card visa_or_mastercard
    card low: disposable_card_limits change_pin getting_spare_card get_disposable_virtual_card
    card normal: card_arrival card_linking contactless_not_working declined_card_payment order_physical_card
    card normal: virtual_card_not_working activate_my_card card_about_to_expire
    card high: card_not_working pin_blocked declined_cash_withdrawal card_swallowed
    card critical: lost_or_stolen_card
    payment low: automatic_top_up exchange_via_app top_up_by_bank_transfer_charge top_up_limits transfer_timing
    payment low: receiving_money transfer_into_account verify_top_up top_up_by_cash_or_cheque exchange_charge
    payment low: top_up_by_card_charge apple_pay_or_google_pay
    payment normal: card_payment_wrong_exchange_rate extra_charge_on_statement pending_cash_withdrawal pending_top_up
    payment normal: card_payment_fee_charged transfer_not_received_by_recipient top_up_reverted topping_up_by_card
    payment normal: balance_not_updated_after_cheque_or_cash_deposit balance_not_updated_after_bank_transfer
    payment normal: declined_transfer pending_transfer pending_card_payment transaction_charged_twice top_up_failed
    payment normal: reverted_card_payment? beneficiary_not_allowed transfer_fee_charged failed_transfer
    payment normal: wrong_exchange_rate_for_cash_withdrawal cash_withdrawal_charge
    payment normal: wrong_amount_of_cash_received
    payment high: cancel_transfer
    refund normal: request_refund Refund_not_showing_up
    fraud high: card_payment_not_recognised direct_debit_payment_not_recognised cash_withdrawal_not_recognised
    fraud critical: compromised_card
    information low: exchange_rate fiat_currency_support age_limit supported_cards_and_currencies atm_support country_support
    """
)

BITEXT = table(
    """
    account normal: edit_account recover_password registration_problems delete_account
    account low: create_account
    payment low: check_payment_methods
    payment normal: payment_issue
    refund normal: get_refund track_refund
    refund low: check_refund_policy
    order normal: place_order change_order
    delivery normal: track_order change_shipping_address set_up_shipping_address
    delivery low: delivery_period delivery_options
    cancellation-or-subscription normal: cancel_order
    cancellation-or-subscription low: check_cancellation_fee newsletter_subscription
    invoice normal: get_invoice
    invoice low: check_invoice
    complaint normal: complaint
    information low: contact_customer_service contact_human_agent
    feedback low: review
    """
)

CLINC150 = table(
    """
    account low: balance rewards_balance spending_history transactions
    account normal: application_status
    account high: account_blocked freeze_account
    card low: credit_limit expiration_date pin_change replacement_card_duration travel_notification
    card normal: card_declined credit_limit_change damaged_card new_card
    card critical: report_lost_card
    payment low: international_fees
    payment normal: direct_deposit pay_bill transfer
    invoice low: bill_balance bill_due
    delivery normal: order_status
    cancellation-or-subscription normal: cancel_reservation insurance_change
    fraud critical: report_fraud
    information low: interest_rate apr routing exchange_rate insurance
    feedback low: thank_you
    other low: oos alarm are_you_a_bot calculator calendar calendar_update calories change_accent change_ai_name cook_time
    other low: current_location date definition directions distance do_you_have_pets find_phone flip_coin food_last fun_fact
    other low: gas gas_type goodbye greeting how_old_are_you ingredient_substitution ingredients_list jump_start
    other low: last_maintenance maybe meal_suggestion meaning_of_life measurement_conversion meeting_schedule mpg
    other low: next_song no nutrition_info oil_change_how oil_change_when payday play_music plug_type
    other low: pto_balance pto_request pto_request_status pto_used recipe reminder reminder_update
    other low: restaurant_suggestion roll_dice schedule_meeting share_location shopping_list shopping_list_update smart_home
    other low: spelling tell_joke text timer tire_change tire_pressure todo_list todo_list_update traffic
    other low: translate travel_suggestion uber update_playlist vaccines weather what_are_your_hobbies what_is_your_name
    other low: what_song where_are_you_from whisper_mode who_do_you_work_for who_made_you yes
    """
)

# Rows of `thankyou` and of talk that is no request are told apart by `small_talk`.
MULTIDOGO = {
    "airline": table("order normal: bookflight changeseatassignment getboardingpass getseatinfo"),
    "finance": table(
        """
        account normal: updateaddress closeaccount
        account low: checkbalance
        card critical: reportlostcard
        card normal: replacecard
        payment normal: transfermoney disputecharge
        order normal: orderchecks
        information low: checkoffereligibility getroutingnumber
        """
    ),
    "insurance": table(
        """
        technical normal: reportbrokenphone
        account normal: getproofofinsurance
        information normal: checkclaimstatus
        """
    ),
    "software": table(
        """
        technical normal: reportbrokensoftware softwareupdate checkserverstatus
        order normal: startorder changeorder
        cancellation-or-subscription normal: stoporder
        information low: getpromotions
        """
    ),
}
TALK = {"contentonly", "confirmation", "rejection", "openinggreeting", "closinggreeting", "thankyou"}

CFPB_FRAUD = {
    "Fraud or scam",
    "Unauthorized transactions or other transaction problem",
    "Identity theft protection or other monitoring services",
    "Problem with fraud alerts or security freezes",
}
# Products whose complaints are about debts, loans and records nearly always; in the others any desk may be asked.
CFPB_DISPUTES = ("Credit reporting", "Debt collection", "Student loan", "Vehicle loan", "Payday loan", "Mortgage")
THEFT = re.compile(
    r"identity theft|identity thief|stolen identity|fraudulent|scam|hacked|unauthori[sz]ed (charge|transaction|account|purchase)"
    r"|(not|never|n't) (mine|my account|belong to me|open|apply|authori)|no knowledge of",
    re.I,
)
MONEY_GONE = re.compile(
    r"unauthori[sz]ed (charge|transaction|purchase|withdraw|transfer)|stole|scammed|hacked|withdrew|withdrawn", re.I
)
PRESSING = re.compile(
    r"foreclos|evict|garnish|repossess|auction|no access to my|access to my (money|funds|account)|(hold|froze|locked)\w* my (money|funds|account)",
    re.I,
)
ANGRY = re.compile(
    r"ridiculous|unacceptable|fed up|sick (and tired )?of|disgust|disgrace|outrag|thie(f|ves)\b|crook|\bliars?\b|\blied\b"
    r"|idiot|stupid|incompetent|shame|bull(shit|y)|\bdamn|\bhell\b|criminals|evil|pathetic|worst|[!?]{3}",
    re.I,
)
HOW_TO = re.compile(r"^(what (should|do|can|must) |how (do|can|would|long) |what happens|can i |is there |where |when )", re.I)

# Requests that are put without displeasure as a rule: a row of them is neutral unless it says more, such as a swear-word.
MATTER_OF_FACT = set(
    """
    edit_personal_details verify_my_identity order_physical_card activate_my_card card_about_to_expire card_linking
    edit_account create_account delete_account recover_password place_order change_order track_order
    change_shipping_address set_up_shipping_address delivery_options delivery_period cancel_order check_cancellation_fee
    newsletter_subscription get_invoice check_invoice get_refund track_refund check_refund_policy check_payment_methods
    cancel_reservation insurance_change credit_limit_change new_card application_status direct_deposit pay_bill transfer
    card_arrival pending_top_up pending_transfer pending_card_payment pending_cash_withdrawal passcode_forgotten
    bookflight changeseatassignment getboardingpass getseatinfo getproofofinsurance checkclaimstatus orderchecks
    replacecard checkserverstatus order_status startorder changeorder stoporder updateaddress closeaccount transfermoney softwareupdate
    """.split()
)
# Requests that exist because something went wrong at the writer's cost: negative unless they only ask how.
AT_A_COST = set(
    """
    complaint payment_issue registration_problems declined_card_payment declined_cash_withdrawal declined_transfer
    card_not_working contactless_not_working virtual_card_not_working card_swallowed failed_transfer top_up_failed
    top_up_reverted reverted_card_payment? transaction_charged_twice wrong_amount_of_cash_received compromised_card
    card_payment_not_recognised cash_withdrawal_not_recognised direct_debit_payment_not_recognised lost_or_stolen_card
    lost_or_stolen_phone extra_charge_on_statement card_payment_wrong_exchange_rate beneficiary_not_allowed
    wrong_exchange_rate_for_cash_withdrawal transfer_not_received_by_recipient unable_to_verify_identity
    balance_not_updated_after_cheque_or_cash_deposit balance_not_updated_after_bank_transfer Refund_not_showing_up
    card_declined damaged_card report_lost_card report_fraud account_blocked
    reportlostcard reportbrokensoftware disputecharge
    """.split()
)

POSITIVE = set("admiration amusement approval caring desire excitement gratitude joy love optimism pride relief".split())
NEGATIVE = set(
    "anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse sadness".split()
)


def small_talk(text: str) -> tuple:
    """(type, sentiment) of a line that asks for nothing: thanks are feedback, all else is out of scope."""
    closing = re.search(r"\bno\b|nothing|bye|nice|day\b|that'?s? (is )?(all|it)", text, re.I)
    if re.search(r"\bthank", text, re.I) and (re.search(r"thank\w*( you)? (so|very) much|help|great|lot", text, re.I) or not closing):
        return "feedback", "positive"
    return "other", "neutral"


def narrative(text: str, product: str, issue: str) -> tuple:
    """(type or None, urgency, anger) of a consumer's complaint; one sign of theft alone leaves the type open."""
    theft = 2 * (issue in CFPB_FRAUD) + len(THEFT.findall(text))
    disputed = "complaint" if product.startswith(CFPB_DISPUTES) else None
    kind = "fraud" if theft > 1 else None if theft else disputed
    urgent = PRESSING.search(text) or (theft and MONEY_GONE.search(text))
    return kind, "high" if urgent else "normal", "yes" if angry(text) else "no"


def angry(text: str) -> bool:
    """Two signs of anger, a sentence in capitals being one of them; one is enough in a short text."""
    shouted = re.search(r"(\b[A-Z]{3,}\b\W+){4}", text) and not text.isupper()
    return len(ANGRY.findall(text)) + bool(shouted) >= (1 if len(text.split()) < 60 else 2)


def nlupp(intents: frozenset) -> tuple | None:
    """One request, one type: the first rule that holds. Rows of no clear type are not used."""
    if "lost_stolen" in intents and intents & {"card", "contactless"}:
        return "card", "critical"
    if "refund" in intents:
        return "refund", "normal"
    if "booking" in intents:
        if intents & {"cancel_close_leave_freeze", "change"}:
            return "cancellation-or-subscription", "normal"
        return ("order", "normal") if "make_open_apply_setup_get_activate" in intents else None
    if intents & {"pin", "card"}:
        return "card", "normal"
    if intents & {"direct_debit", "standing_order", "transfer_payment_deposit", "cheque", "withdrawal"}:
        return "payment", "normal"
    if "account" in intents and intents & {"cancel_close_leave_freeze", "change", "make_open_apply_setup_get_activate"}:
        return "account", "normal"
    if intents & {"parking", "swimming_pool", "pets", "gym", "spa", "wifi", "restaurant", "mortgage", "loan"}:
        return ("information", "low") if intents & {"request_info", "how", "when", "how_much"} else None
    return None


def sentiment(emotions: frozenset) -> str | None:
    """GoEmotions in three groups; rows that carry both signs, or only surprise and its like, are not used."""
    good, bad = emotions & POSITIVE, emotions & NEGATIVE
    if good and bad:
        return None
    if good or bad:
        return "positive" if good else "negative"
    return "neutral" if "neutral" in emotions else None


def anger(emotions: frozenset, text: str) -> str | None:
    """Annoyance alone is anger where the words say so, and is not used else."""
    if emotions & {"anger", "disgust"}:
        return "yes" if emotions & {"anger"} or ANGRY.search(text) else None
    if "annoyance" in emotions:
        return "yes" if ANGRY.search(text) else None
    return "no"
