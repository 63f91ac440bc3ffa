use super::*;

fn page(number: usize, text: &str) -> Text {
    Text {
        document: "a.pdf".into(),
        page: Some(number),
        content: crate::document::Page::plain(text.into()),
    }
}

fn invoice_of(text: &str) -> Option<Invoice> {
    read(&[&page(1, text)], None, &Config::default())
}

/// The fields that were found on these pages as they are written, each with its page and how sure it is; what stands at its place must be that.
fn written(pages: &[&str]) -> BTreeMap<&'static str, (String, usize, f64)> {
    let texts: Vec<Text> = (1..).zip(pages).map(|(n, text)| page(n, text)).collect();
    let texts: Vec<&Text> = texts.iter().collect();
    let found = read(&texts, None, &Config::default()).unwrap().found;
    let told = found.into_iter().map(|(field, evidence)| {
        let number = evidence.place.page.unwrap();
        let bytes = evidence.place.start..evidence.place.end;
        assert_eq!(pages[number - 1][bytes], evidence.value, "{field}");
        assert_eq!(evidence.place.source, "attachment:a.pdf");
        (field, (evidence.value, number, evidence.confidence))
    });
    told.collect()
}

fn expected<const N: usize>(
    fields: [(&'static str, &str, usize, f64); N],
) -> BTreeMap<&'static str, (String, usize, f64)> {
    let told = fields.map(|(field, value, page, sure)| (field, (value.to_owned(), page, sure)));
    told.into()
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

#[test]
fn each_field_stands_where_it_says_as_it_is_written() {
    let first = "Müller& Söhne GmbH, Speicherweg 4\nRechnung Nr. re-2025/118\nRechnungsdatum (Tag): 14. März 2025\nFällig am\n13.04.2025\n";
    let second = "Netto\t1.000,00\nzzgl. MwSt 19 %\t190,00\nGesamtbetrag\t€ 1.190,00\n";
    assert_eq!(
        written(&[first, second]),
        expected([
            ("issuer", "Müller& Söhne GmbH", 1, evidence::WEIGHED),
            ("number", "re-2025/118", 1, evidence::BESIDE),
            ("date", "14. März 2025", 1, evidence::BESIDE),
            ("due_date", "13.04.2025", 1, evidence::BELOW),
            ("total", "1.190,00", 2, evidence::ADDS_UP),
            ("tax", "190,00", 2, evidence::ADDS_UP),
            ("currency", "€", 2, evidence::BESIDE),
        ])
    );
}

#[test]
fn a_sum_that_nothing_confirms_is_less_sure_and_so_is_a_currency_that_stands_elsewhere() {
    let text = "Invoice INV-7\nAll prices in USD\nTotal due\n – 1,250.50\n";
    assert_eq!(
        written(&[text]),
        expected([
            ("number", "INV-7", 1, evidence::BESIDE),
            ("total", "1,250.50", 1, evidence::BELOW),
            ("currency", "USD", 1, evidence::WEIGHED),
        ])
    );
    let text = "Invoice INV-8\nTotal: -$ 20.00\n";
    assert_eq!(
        written(&[text]),
        expected([
            ("number", "INV-8", 1, evidence::BESIDE),
            ("total", "-$ 20.00", 1, evidence::BESIDE),
            ("currency", "$", 1, evidence::BESIDE),
        ])
    );
    let text = "Invoice INV-9\nTotal: 12 euros\n";
    assert_eq!(
        written(&[text]),
        expected([
            ("number", "INV-9", 1, evidence::BESIDE),
            ("total", "12 euros", 1, evidence::BESIDE),
            ("currency", "12 euros", 1, evidence::BESIDE),
        ])
    );
}

#[test]
fn an_issuer_stands_where_its_name_is_spelled_as_most_often() {
    let text = "Nordlicht Werkzeuge GmbH\nInvoice INV-7\nIBAN of Nordlicht\nNordlicht Werkzeug GmbH\nTotal 5.00\nNordlicht Werkzeug GmbH\n";
    let (value, _, _) = &written(&[text])["issuer"];
    assert_eq!(value, "Nordlicht Werkzeug GmbH");
}
