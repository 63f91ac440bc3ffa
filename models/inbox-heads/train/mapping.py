"""The written mapping from the intents of public data sets to `type` and `urgency`.

An intent that is ambiguous for this purpose stands in no table and its rows are not used. `urgency` is a judgement about
the intent, not a label of the row: the card says what that is worth.
"""

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
    payment high: cancel_transfer wrong_amount_of_cash_received
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

MULTIDOGO = {
    "finance": table(
        """
        account normal: updateaddress closeaccount
        account low: checkbalance
        card critical: reportlostcard
        card normal: replacecard
        payment normal: transfermoney disputecharge
        information low: checkoffereligibility getroutingnumber
        """
    ),
    "insurance": table("technical normal: reportbrokenphone"),
    "software": table(
        """
        technical normal: reportbrokensoftware softwareupdate checkserverstatus
        order normal: startorder changeorder
        cancellation-or-subscription normal: stoporder
        information low: getpromotions
        """
    ),
}

CFPB_FRAUD = {
    "Fraud or scam",
    "Unauthorized transactions or other transaction problem",
    "Identity theft protection or other monitoring services",
    "Problem with fraud alerts or security freezes",
}
CFPB_PRESSING = {"Took or threatened to take negative or legal action", "Struggling to pay mortgage"}

# Requests that are put without displeasure as a rule: a row of them is neutral unless it says more, such as a swear-word.
MATTER_OF_FACT = set(
    """
    edit_personal_details verify_my_identity order_physical_card activate_my_card card_about_to_expire card_linking
    edit_account create_account delete_account recover_password place_order change_order track_order
    change_shipping_address set_up_shipping_address delivery_options delivery_period cancel_order check_cancellation_fee
    newsletter_subscription get_invoice check_invoice get_refund track_refund check_refund_policy check_payment_methods
    cancel_reservation insurance_change credit_limit_change new_card application_status direct_deposit pay_bill transfer
    order_status startorder changeorder stoporder updateaddress closeaccount transfermoney softwareupdate
    """.split()
)
# Requests that exist only because the writer is displeased.
DISPLEASED = {"complaint"}

POSITIVE = set("admiration amusement approval caring desire excitement gratitude joy love optimism pride relief".split())
NEGATIVE = set(
    "anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse sadness".split()
)


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
