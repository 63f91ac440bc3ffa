use super::*;

/// How wide a letter is, how high, and how far below a line the next one stands.
const LETTER: f64 = 5.0;
const SIZE: f64 = 10.0;
const LEADING: f64 = 12.0;

const FIRST: &str = "The parties agree that the goods remain the property of the seller until they are paid in full, and that \
    the buyer keeps them with care. Whatever is damaged on its way has to be told within three days, or else it \
    counts as accepted. A delay of the carrier is no fault of the seller, who tells the buyer of it without delay.";
const SECOND: &str = "Complaints are answered within ten working days by the office that sold the goods. Where a repair fails \
    twice the buyer may choose another one, or give the goods back and be paid what they cost. Nothing in these \
    terms takes away what the law of the buyer's country gives to those who buy for themselves and not for a trade.";
const THIRD: &str = "For all that these terms do not say the law of England holds, and its courts decide. A term that turns out \
    to be void leaves the others as they are, and the parties put one in its place that comes near to what was \
    meant. Changes are valid when both have signed them, and so is the choice to do without a signature at all.";

/// A text's glyphs, one a letter, at a place on the page.
fn line(text: &str, left: f64, baseline: f64) -> Vec<Glyph> {
    let place = |place: usize| left + LETTER * place as f64;
    let glyphs = text.chars().enumerate().filter(|(_, c)| *c != ' ');
    glyphs
        .map(|(at, c)| Glyph::run(c.to_string(), (place(at), place(at + 1)), baseline, SIZE))
        .collect()
}

/// A text broken into lines of so many letters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().unwrap();
        if last.is_empty() {
            last.push_str(word);
        } else if last.len() + 1 + word.len() <= width {
            *last = format!("{last} {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// A text set as a column.
fn column(text: &str, width: usize, left: f64, top: f64) -> Vec<Glyph> {
    let lines = wrapped(text, width).into_iter().enumerate();
    lines
        .flat_map(|(row, text)| line(&text, left, top + LEADING * row as f64))
        .collect()
}

fn table(rows: &[&[&str]], lefts: &[f64], top: f64) -> Vec<Glyph> {
    let rows = rows.iter().enumerate();
    rows.flat_map(|(row, cells)| {
        let cells = cells.iter().zip(lefts);
        cells.flat_map(move |(cell, left)| line(cell, *left, top + LEADING * row as f64))
    })
    .collect()
}

/// What a page reads, with the lines of prose run together.
fn read(parts: impl IntoIterator<Item = Vec<Glyph>>) -> String {
    layout::page(parts.into_iter().flatten().collect()).text
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn two_columns_are_read_one_after_the_other() {
    let page = read([
        column(FIRST, 40, 50.0, 100.0),
        column(SECOND, 40, 270.0, 100.0),
    ]);
    assert_eq!(joined(&page), joined(&format!("{FIRST} {SECOND}")));
    assert!(!page.contains('\t'), "{page}");
}

#[test]
fn a_gutter_may_be_narrow_and_columns_out_of_step() {
    for (gutter, step) in [(12.0, 0.0), (12.0, 6.0), (30.0, 5.0), (60.0, 8.0)] {
        let right = 50.0 + 40.0 * LETTER + gutter;
        let page = read([
            column(FIRST, 40, 50.0, 100.0),
            column(SECOND, 40, right, 100.0 + step),
        ]);
        let both = joined(&format!("{FIRST} {SECOND}"));
        assert_eq!(joined(&page), both, "{gutter} {step}");
    }
}

#[test]
fn lines_that_were_read_off_a_picture_are_parted_too() {
    let runs = |text: &str, left: f64| -> Vec<Glyph> {
        let lines = wrapped(text, 40).into_iter().enumerate();
        let run = |(row, text): (usize, String)| {
            let right = left + LETTER * text.len() as f64;
            Glyph::run(text, (left, right), 100.0 + LEADING * row as f64, SIZE)
        };
        lines.map(run).collect()
    };
    let page = read([runs(FIRST, 50.0), runs(SECOND, 270.0)]);
    assert_eq!(joined(&page), joined(&format!("{FIRST} {SECOND}")));
}

#[test]
fn columns_of_unequal_length_are_read_to_their_ends() {
    let long = format!("{FIRST} {THIRD}");
    for (left, right) in [(&*long, SECOND), (SECOND, &*long)] {
        let page = read([
            column(left, 40, 50.0, 100.0),
            column(right, 40, 270.0, 100.0),
        ]);
        assert_eq!(joined(&page), joined(&format!("{left} {right}")));
    }
}

#[test]
fn a_line_across_ends_the_columns() {
    let title = "Terms of delivery and of payment for customers in trade and in homes";
    let across = "What follows holds for those who buy for themselves, whatever is said above";
    let page = read([
        line(title, 60.0, 80.0),
        column(FIRST, 40, 50.0, 100.0),
        column(SECOND, 40, 270.0, 100.0),
        line(across, 50.0, 232.0),
        column(THIRD, 40, 50.0, 250.0),
        column(FIRST, 40, 270.0, 250.0),
    ]);
    let right = format!("{title} {FIRST} {SECOND} {across} {THIRD} {FIRST}");
    assert_eq!(joined(&page), joined(&right));
    assert!(
        page.starts_with(&format!("{title}\nThe parties agree")),
        "{page}"
    );
}

#[test]
fn three_columns_are_read_one_after_the_other() {
    let page = read([
        column(FIRST, 28, 40.0, 100.0),
        column(SECOND, 28, 200.0, 100.0),
        column(THIRD, 28, 360.0, 100.0),
    ]);
    assert_eq!(joined(&page), joined(&format!("{FIRST} {SECOND} {THIRD}")));
}

#[test]
fn numbers_of_paragraphs_stay_with_them() {
    let numbered = |left: f64, number: &str, text: &str| {
        [
            line(number, left, 100.0),
            column(text, 38, left + 28.0, 100.0),
        ]
        .concat()
    };
    let page = read([numbered(50.0, "1.1", FIRST), numbered(310.0, "1.2", SECOND)]);
    let right = format!("1.1 {FIRST} 1.2 {SECOND}");
    assert_eq!(joined(&page), joined(&right));
}

#[test]
fn one_column_stays_as_it_is() {
    let page = read([column(FIRST, 80, 50.0, 100.0)]);
    assert_eq!(page, wrapped(FIRST, 80).join("\n") + "\n");
}

/// Asserts that a table is read row by row, its cells parted by tabs.
fn stays(rows: &[&[&str]], lefts: &[f64]) {
    let lines: Vec<String> = rows.iter().map(|cells| cells.join("\t")).collect();
    let page = read([table(rows, lefts, 100.0)]);
    assert_eq!(page, lines.join("\n") + "\n");
}

#[test]
fn an_invoice_s_table_stays_row_by_row() {
    stays(
        &[
            &["Description", "Qty", "Price", "Amount"],
            &["Cordless drill set 18 V", "2", "289.00", "578.00"],
            &["Workbench, oak, with a vice", "1", "412.50", "412.50"],
            &["Set of chisels in a case", "4", "38.20", "152.80"],
            &["Delivery to the first floor", "1", "25.00", "25.00"],
            &["Fitting by a joiner, per hour", "3", "48.00", "144.00"],
            &["Old bench taken away", "1", "30.00", "30.00"],
        ],
        &[50.0, 250.0, 330.0, 420.0],
    );
}

#[test]
fn labels_and_values_stay_row_by_row() {
    stays(
        &[
            &["Invoice number", "INV-1"],
            &["Invoice date", "14 March 2025"],
            &["Due date", "28 March 2025"],
            &["Order number", "44810223"],
            &["Delivered to", "12 Marlowe Road, Leeds"],
            &["Paid by", "Bank transfer within two weeks"],
            &["Contact", "Jo Doe, office of the works"],
        ],
        &[50.0, 200.0],
    );
}

#[test]
fn a_table_of_words_stays_row_by_row() {
    stays(
        &[
            &["What is covered by it", "Damage by water in all rooms"],
            &[
                "When it begins and ends",
                "On the day the contract is signed",
            ],
            &["How a claim is made", "By letter, or on the telephone"],
            &["Who decides about it", "An expert that both sides choose"],
            &["What it costs in a year", "A share of what is insured"],
            &["Where it is not valid", "Outside of Europe and on ships"],
            &["How it can be ended", "In writing, a month before its end"],
        ],
        &[50.0, 220.0],
    );
}

#[test]
fn a_table_above_columns_of_prose_stays() {
    let facts: &[&[&str]] = &[
        &["Invoice number", "INV-1"],
        &["Invoice date", "14 March 2025"],
        &["Total due", "EUR 578.00"],
    ];
    let page = read([
        table(facts, &[50.0, 270.0], 100.0),
        column(FIRST, 40, 50.0, 142.0),
        column(SECOND, 40, 270.0, 142.0),
    ]);
    let (above, below) = page.split_at(page.find("The parties").unwrap());
    assert_eq!(
        above,
        "Invoice number\tINV-1\nInvoice date\t14 March 2025\nTotal due\tEUR 578.00\n"
    );
    assert_eq!(joined(below), joined(&format!("{FIRST} {SECOND}")));
}

#[test]
fn prose_beside_a_list_stays_row_by_row() {
    let list: &[&[&str]] = &[
        &["IBAN DE89 3704 0044 0532 0130 00"],
        &["BIC COBADEFFXXX"],
        &["Tax number 12/345/67890"],
        &["Register HRB 12345"],
        &["Tel. 0711 555 0142"],
        &["Office 3, open from 9 to 5"],
    ];
    let page = read([column(FIRST, 40, 50.0, 100.0), table(list, &[300.0], 100.0)]);
    assert_eq!(page.matches('\t').count(), list.len(), "{page}");
}

#[test]
fn places_beyond_all_measure_are_survived() {
    for far in [1e300, -1e300, f64::MAX, f64::MIN] {
        let mut glyphs = column(FIRST, 40, far, 100.0);
        glyphs.extend(column(SECOND, 40, 270.0, far));
        glyphs.extend(column(THIRD, 40, 270.0, 100.0));
        assert!(!read([glyphs]).is_empty());
    }
}
