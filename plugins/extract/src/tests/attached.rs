//! Names that the model finds in what is attached.

use super::*;

const LETTER: &str =
    "Yesterday Marek Novak told me on the telephone to write to you once more about it.\n";
const NAME: &str = "Marek Novak";

/// Where the model found the name.
fn places(run: &fleetwright_sdk::harness::Run) -> Vec<Value> {
    let entities = run.answer().fields["entities"].as_array().unwrap();
    let by_model = entities.iter().filter(|e| e["method"] == "model");
    let all = by_model.flat_map(|entity| {
        assert_eq!(entity["value"], NAME);
        let also = entity["also"].as_array().cloned().unwrap_or_default();
        [vec![entity["where"].clone()], also].concat()
    });
    all.collect()
}

#[test]
fn a_name_in_an_attached_letter_is_found_by_the_model() {
    let run = stage(Some((LETTER, NAME)))
        .fields(json!({ "body": "Please see the letter." }))
        .attach("letter.txt", "text/plain", LETTER.as_bytes().to_vec())
        .run();
    let found = places(&run);
    let start = LETTER.find(NAME).unwrap();
    let place =
        json!({ "source": "attachment:letter.txt", "start": start, "end": start + NAME.len() });
    assert_eq!(found, [place]);
}

#[test]
fn an_attached_mail_is_read_below_its_headers() {
    let mail = format!(
        "From: Bo Ek <bo@example.org>\r\nTo: us@example.com\r\nSubject: Lamp\r\n\r\n{LETTER}"
    );
    let run = stage(Some((LETTER, NAME)))
        .attach("mail.eml", "message/rfc822", mail.into_bytes())
        .run();
    let [place] = &places(&run)[..] else {
        panic!("{:?}", run.result)
    };
    assert_eq!(place["source"], "attachment:mail.eml");
}

#[test]
fn a_form_is_left_to_rules_and_so_is_all_where_the_config_says_so() {
    let form = "Name\tMarek Novak\nStreet\tSome Street\nItem\tMarek Novak\n";
    let form = stage(Some((form, NAME))).attach("form.txt", "text/plain", form.as_bytes().to_vec());
    assert_eq!(places(&form.run()), [] as [Value; 0]);
    let letter = stage(Some((LETTER, NAME)))
        .config(json!({ "names_attached": 0 }))
        .attach("letter.txt", "text/plain", LETTER.as_bytes().to_vec());
    assert_eq!(places(&letter.run()), [] as [Value; 0]);
}
