use super::*;
use proptest::prelude::*;

fn found(text: &str) -> Vec<(Kind, String)> {
    let normal = |f: Finding| {
        (
            f.kind,
            f.normalized
                .unwrap_or_else(|| format!("?{}", f.readings.join("|"))),
        )
    };
    all(text, &Config::default())
        .into_iter()
        .map(normal)
        .collect()
}

fn of(kind: Kind, text: &str) -> Vec<String> {
    found(text)
        .into_iter()
        .filter(|(k, _)| *k == kind)
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn amounts_in_the_ways_of_many_languages() {
    for (text, amount) in [
        ("$1,234.56", "USD 1234.56"),
        ("EUR 1.234,56", "EUR 1234.56"),
        ("1 234,56 €", "EUR 1234.56"),
        ("1\u{202f}234,56\u{a0}€", "EUR 1234.56"),
        ("CHF 1'234.50", "CHF 1234.50"),
        ("£20", "GBP 20"),
        ("20 pounds", "GBP 20"),
        ("15 dollars", "USD 15"),
        ("US$ 5.5", "USD 5.5"),
        ("A$12", "AUD 12"),
        ("1.234 €", "EUR 1234"),
        ("0.125 BHD", "BHD 0.125"),
        ("1,000,000 JPY", "JPY 1000000"),
        ("12,- €", "EUR 12"),
        ("-€20.00", "EUR -20.00"),
        ("99 zł", "PLN 99"),
        ("it cost €49.99.", "EUR 49.99"),
    ] {
        assert_eq!(of(Kind::Amount, text), [amount], "{text}");
    }
}

#[test]
fn numbers_without_a_currency_are_no_amounts() {
    for text in [
        "1234.56",
        "version 1.2.3",
        "10:30",
        "5 items",
        "EURO2024",
        "20 %",
        "12,34,5 EUR",
    ] {
        assert!(
            of(Kind::Amount, text).is_empty(),
            "{text}: {:?}",
            found(text)
        );
    }
    assert_eq!(of(Kind::Amount, "$5 $10"), ["USD 5", "USD 10"]);
    assert_eq!(of(Kind::Amount, "5 EUR 10 EUR"), ["EUR 5", "EUR 10"]);
}

#[test]
fn dates_become_iso_8601() {
    for (text, date) in [
        ("2025-03-14", "2025-03-14"),
        ("2025-03-14T10:00:00Z", "2025-03-14"),
        ("14.03.2025", "2025-03-14"),
        ("3.4.2025", "2025-04-03"),
        ("14/03/2025", "2025-03-14"),
        ("03/14/2025", "2025-03-14"),
        ("04/04/2025", "2025-04-04"),
        ("14/03/25", "2025-03-14"),
        ("14 March 2025", "2025-03-14"),
        ("3rd of May, 2025", "2025-05-03"),
        ("March 14th, 2025", "2025-03-14"),
        ("Sept. 9, 2024", "2024-09-09"),
        ("14. März 2025", "2025-03-14"),
        ("14 mars 2025", "2025-03-14"),
        ("due on 12 March", "--03-12"),
        ("29/02/2024", "2024-02-29"),
    ] {
        assert_eq!(of(Kind::Date, text), [date], "{text}");
    }
}

#[test]
fn a_date_of_two_readings_is_given_in_both_unless_the_config_says() {
    let finding = all("03/04/2025", &Config::default()).remove(0);
    assert_eq!(
        (finding.normalized, finding.readings),
        (None, vec!["2025-04-03".to_owned(), "2025-03-04".to_owned()])
    );
    let first = |dates| {
        all(
            "03/04/2025",
            &Config {
                dates,
                ..Config::default()
            },
        )
        .remove(0)
        .normalized
        .unwrap()
    };
    assert_eq!(first(date::Order::DayFirst), "2025-04-03");
    assert_eq!(first(date::Order::MonthFirst), "2025-03-04");
}

#[test]
fn what_is_no_day_is_no_date() {
    for text in [
        "30/02/2025",
        "2025-13-01",
        "1.2.3.4",
        "99/99/2025",
        "for 5 may be too few",
        "I march 14 miles",
        "May 99",
        "10-20-30-40",
        "29/02/2025",
    ] {
        assert!(of(Kind::Date, text).is_empty(), "{text}: {:?}", found(text));
    }
}

#[test]
fn references_by_their_words_or_prefix() {
    for (text, kind, value) in [
        ("Order no. 48213907", Kind::OrderNumber, "48213907"),
        ("order #A-1029-X", Kind::OrderNumber, "A-1029-X"),
        ("my order 48213907 is late", Kind::OrderNumber, "48213907"),
        ("Order number:\t48213907", Kind::OrderNumber, "48213907"),
        ("the order number is 4821", Kind::OrderNumber, "4821"),
        ("PO-88213", Kind::OrderNumber, "PO-88213"),
        (
            "Il numero d'ordine è HX-204881",
            Kind::OrderNumber,
            "HX-204881",
        ),
        (
            "mijn bestelling met nummer 48213907",
            Kind::OrderNumber,
            "48213907",
        ),
        (
            "a minha encomenda n.º 48213907",
            Kind::OrderNumber,
            "48213907",
        ),
        (
            "El número de pedido es HX-204881",
            Kind::OrderNumber,
            "HX-204881",
        ),
        ("moje zamówienie nr 48213907", Kind::OrderNumber, "48213907"),
        ("Номер заказа HX-204881", Kind::OrderNumber, "HX-204881"),
        ("注文番号はHX-204881です", Kind::OrderNumber, "HX-204881"),
        ("Заказ №48213907 не пришёл", Kind::OrderNumber, "48213907"),
        ("ZAMÓWIENIE NR 48213907", Kind::OrderNumber, "48213907"),
        ("order ES-204881", Kind::OrderNumber, "ES-204881"),
        ("ticket MET-1042", Kind::CaseNumber, "MET-1042"),
        ("order N48213", Kind::OrderNumber, "N48213"),
        ("see INV-2025-00417.", Kind::InvoiceNumber, "INV-2025-00417"),
        ("Invoice 2025/117", Kind::InvoiceNumber, "2025/117"),
        (
            "Rechnungsnummer: RE20250311",
            Kind::InvoiceNumber,
            "RE20250311",
        ),
        ("ticket ID 99812", Kind::CaseNumber, "99812"),
        ("Our ref: cs-4451/b", Kind::CaseNumber, "CS-4451/B"),
        ("customer number K-20931", Kind::CustomerNumber, "K-20931"),
        ("account no 12345678", Kind::AccountNumber, "12345678"),
        (
            "tracking number JD0142839201",
            Kind::TrackingNumber,
            "JD0142839201",
        ),
    ] {
        assert_eq!(found(text), [(kind, value.to_owned())], "{text}");
    }
}

#[test]
fn talk_of_orders_is_no_reference() {
    for text in [
        "I ordered 3 lamps",
        "the order was late",
        "in order to 12345 ways",
        "order of 2024",
        "invoice of 14 March 2025",
        "invoice 1,250.00",
        "border 12345678",
        "refund 12345678",
        "Die Rechnung ist 1250 Euro zu hoch",
        "Meine Bestellung ist 2025 aufgegeben worden",
        "mijn bestelling met 1000 stuks",
        "Our customer met 2500 people",
    ] {
        let references = found(text)
            .into_iter()
            .filter(|(kind, _)| !matches!(kind, Kind::Date | Kind::Amount))
            .count();
        assert_eq!(references, 0, "{text}: {:?}", found(text));
    }
    assert_eq!(
        of(Kind::InvoiceNumber, "invoice 2025-03-14"),
        Vec::<String>::new()
    );
}

#[test]
fn names_after_an_introduction_and_below_a_closing() {
    assert_eq!(
        of(Kind::Person, "Hello, my name is Anna-Lena O'Neill and"),
        ["Anna-Lena O'Neill"]
    );
    assert_eq!(
        of(
            Kind::Person,
            "Please help.\n\nKind regards,\n\nJane Whitfield\nLeeds"
        ),
        ["Jane Whitfield"]
    );
    assert_eq!(
        of(Kind::Person, "Thanks,\nI will wait for your call"),
        Vec::<String>::new()
    );
    assert_eq!(
        name::sender("\"Jane Whitfield\" <jane@example.com>")
            .unwrap()
            .value,
        "Jane Whitfield"
    );
    assert_eq!(name::sender("jane@example.com"), None);
}

#[test]
fn the_stricter_check_keeps_the_place() {
    let text = "Call about IBAN DE89 3704 0044 0532 0130 00, card 4111 1111 1111 1111, on +44 20 7946 0958.";
    let kinds: Vec<Kind> = found(text).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [Kind::Iban, Kind::Card, Kind::Phone]);
    let card = &all(text, &Config::default())[1];
    assert_eq!(
        (card.value.as_str(), card.normalized.as_deref()),
        ("••1111", Some("••1111"))
    );
}

proptest! {
    #[test]
    fn spans_lie_on_boundaries_and_do_not_overlap(
        text in "(order |no\\. |€|\\$|EUR |[0-9]{1,4}|[.,/:#-]|March |ł|zł| |\n|regards,\n|Jo |my name is ){0,30}",
    ) {
        let found = all(&text, &Config::default());
        for pair in found.windows(2) {
            prop_assert!(pair[0].span.end <= pair[1].span.start);
        }
        for finding in &found {
            prop_assert!(text.get(finding.span.start..finding.span.end).is_some());
        }
    }

    #[test]
    fn a_generated_amount_is_read_back(whole in 0u64..10_000_000, cents in 0u32..100, style in 0usize..4) {
        let digits = whole.to_string();
        let grouped = |mark: &str| {
            let first = digits.len() % 3;
            let mut parts: Vec<&str> = if first > 0 { vec![&digits[..first]] } else { Vec::new() };
            parts.extend((first..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
            parts.join(mark)
        };
        let text = match style {
            0 => format!("EUR {}.{cents:02}", grouped(",")),
            1 => format!("{},{cents:02} €", grouped(".")),
            2 => format!("{},{cents:02} EUR", grouped("\u{a0}")),
            _ => format!("€{digits}.{cents:02}"),
        };
        prop_assert_eq!(of(Kind::Amount, &text), vec![format!("EUR {whole}.{cents:02}")], "{}", text);
    }
}

#[test]
fn a_mark_that_begins_a_text_is_no_part_of_its_date() {
    for text in [".23 May 2025", "-23.05.2025", "·23 May 2025"] {
        let found = date::find(&Scan::new(text), date::Order::Ambiguous);
        assert_eq!(found[0].normalized.as_deref(), Some("2025-05-23"), "{text}");
    }
    assert!(date::find(&Scan::new("v.23.05.2025"), date::Order::Ambiguous).is_empty());
}
