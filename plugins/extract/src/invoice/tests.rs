use super::*;

fn invoice_of(text: &str) -> Option<Invoice> {
    let text = Text {
        document: "a.pdf".into(),
        page: Some(1),
        content: crate::document::Page::plain(text.into()),
    };
    read(&[&text], &Config::default())
}

#[test]
fn a_german_invoice_is_read() {
    let invoice = invoice_of("Muster AG, Bern\nRechnung Nr. 2025-118\nRechnungsdatum: 14.03.2025\nzahlbar bis 13.04.2025\nNetto CHF 100,00\nMwSt 8,1 %\t8,10\nGesamtbetrag CHF 108,10\n").unwrap();
    assert_eq!(invoice.issuer.as_deref(), Some("Muster AG"));
    assert_eq!(invoice.number.as_deref(), Some("2025-118"));
    assert_eq!(
        (invoice.date.as_deref(), invoice.due_date.as_deref()),
        (Some("2025-03-14"), Some("2025-04-13"))
    );
    assert_eq!(
        (
            invoice.total.as_deref(),
            invoice.tax.as_deref(),
            invoice.currency.as_deref()
        ),
        (Some("108.10"), Some("8.10"), Some("CHF"))
    );
}

#[test]
fn a_total_is_neither_the_net_nor_the_tax() {
    let invoice =
        invoice_of("Invoice INV-1001\nTotal net\t$90.00\nSales tax total\t$9.00\nTotal\t$99.00")
            .unwrap();
    assert_eq!(
        (
            invoice.total.as_deref(),
            invoice.tax.as_deref(),
            invoice.currency.as_deref()
        ),
        (Some("99.00"), Some("9.00"), Some("USD"))
    );
    assert_eq!(invoice.due_date, None);
}

#[test]
fn a_text_that_is_no_invoice_gives_none() {
    assert_eq!(invoice_of("Dear sir, total: 99.00"), None);
    assert_eq!(invoice_of("I never got an invoice."), None);
}
