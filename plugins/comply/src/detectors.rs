//! From a check's name to what it finds in one text.

use fleetwright_detect::{Scan, Span, card, cvv, email, iban, ip, phone, url};

use crate::pack::Check;
use crate::{national, secret};

/// A finding of one check, in the text that was looked through.
#[derive(Debug)]
pub(crate) struct Hit {
    /// Where it stands.
    pub span: Span,
    /// What may stand in its place.
    pub placeholder: String,
    /// What was checked, as a phrase.
    pub reason: String,
}

/// What checks know besides the text itself.
pub(crate) struct Around<'a> {
    /// The card numbers of this text.
    pub cards: &'a [card::Card],
    /// Whether any text of the submission has one.
    pub any_card: bool,
    /// Where telephone numbers without a country code belong.
    pub country: Option<&'a str>,
}

/// Whether nothing without a digit can be a finding.
fn needs_digits(check: Check) -> bool {
    match check {
        Check::Card
        | Check::CardCvv
        | Check::Cvv
        | Check::Iban
        | Check::UsSsn
        | Check::GbNino
        | Check::DeTax
        | Check::UsDrivingLicence
        | Check::Phone => true,
        Check::PrivateKey
        | Check::ApiKey
        | Check::Password
        | Check::Email
        | Check::Ip
        | Check::Url
        | Check::Unread => false,
    }
}

/// Runs one check.
pub(crate) fn hits(check: Check, scan: &Scan<'_>, around: &Around<'_>) -> Vec<Hit> {
    if needs_digits(check) && !scan.has_digits() {
        return Vec::new();
    }
    match check {
        Check::PrivateKey => all(
            secret::private_keys(scan),
            "[private key]",
            "a private key in PEM",
        ),
        Check::ApiKey => all(
            secret::api_keys(scan),
            "[key]",
            "a key or token in a known format, or announced as one",
        ),
        Check::Password => all(
            secret::passwords(scan),
            "[password]",
            "a password or PIN told in the text",
        ),
        Check::Card => around.cards.iter().map(card_hit).collect(),
        Check::CardCvv => with_card(scan, around),
        Check::Cvv if around.any_card => Vec::new(),
        Check::Cvv => all(cvv::announced(scan), "[cvv]", "a card verification value"),
        Check::Iban => iban::find(scan).into_iter().map(iban_hit).collect(),
        Check::UsSsn => all(
            national::us_ssn(scan),
            "[US SSN]",
            "a US social security number in a range that is issued",
        ),
        Check::GbNino => all(
            national::gb_nino(scan),
            "[UK NI number]",
            "a UK National Insurance number with a prefix in use",
        ),
        Check::DeTax => all(
            national::de_tax(scan),
            "[DE tax id]",
            "a German tax id with a valid check digit",
        ),
        Check::UsDrivingLicence => all(
            national::us_driving_licence(scan),
            "[US licence]",
            "a driving licence's number, announced as one",
        ),
        Check::Email => all(
            email::find(scan)
                .into_iter()
                .map(|email| email.span)
                .collect(),
            "[e-mail]",
            "an e-mail address",
        ),
        Check::Phone => phone::find(scan, around.country)
            .into_iter()
            .map(phone_hit)
            .collect(),
        Check::Ip => all(
            ip::find(scan),
            "[ip]",
            "an address of the internet protocol",
        ),
        Check::Url => all(url::find(scan), "[url]", "a web address"),
        Check::Unread => Vec::new(), // of the text as a whole: `screen` knows
    }
}

fn all(spans: Vec<Span>, placeholder: &str, reason: &str) -> Vec<Hit> {
    spans
        .into_iter()
        .map(|span| hit(span, placeholder.to_owned(), reason.to_owned()))
        .collect()
}

fn hit(span: Span, placeholder: String, reason: String) -> Hit {
    Hit {
        span,
        placeholder,
        reason,
    }
}

fn card_hit(card: &card::Card) -> Hit {
    hit(
        card.span,
        format!("[card {}]", card::mask(&card.digits)),
        format!("a {} card number with a valid check digit", card.network),
    )
}

fn iban_hit(iban: iban::Iban) -> Hit {
    hit(
        iban.span,
        format!("[IBAN {}]", iban::mask(&iban.normalized)),
        "an IBAN of its country's length with a valid checksum".to_owned(),
    )
}

fn phone_hit(phone: phone::Phone) -> Hit {
    hit(
        phone.span,
        format!("[phone {}]", phone::mask(&phone.digits)),
        "a telephone number".to_owned(),
    )
}

/// Verification values behind a card number and its expiry date, and announced ones where the submission has a card number.
fn with_card(scan: &Scan<'_>, around: &Around<'_>) -> Vec<Hit> {
    let beside = around
        .cards
        .iter()
        .filter_map(|card| cvv::beside(scan, card))
        .collect();
    let mut found = all(
        beside,
        "[cvv]",
        "a verification value after a card number and its expiry date",
    );
    if around.any_card {
        found.extend(all(
            cvv::announced(scan),
            "[cvv]",
            "a verification value in the same submission as a full card number",
        ));
    }
    found
}
