use super::*;
use fleetwright_sdk::harness::{Harness, json};
use fleetwright_sdk::nn::Tensors;
use fleetwright_sdk::text;
use fleetwright_sdk::tokenizer::encode;
use serde_json::Value;

mod attached;
mod places;

const INVOICE: &[u8] = include_bytes!("../../../tests/data/invoice.pdf");

/// A call with an encoder that says nothing and a tagger that marks the tokens of `name`, a person, where it is given.
fn stage(name: Option<(&'static str, &'static str)>) -> Harness<'static> {
    let labels = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"];
    let encoder = |given: Tensors| {
        let tokens = given.i64("input_ids")?.dims()[1];
        Ok([(
            "states",
            Tensor::new(&[1, tokens, 2], &vec![0f32; tokens * 2])?,
        )]
        .into_iter()
        .collect())
    };
    let tagger = move |given: Tensors| {
        let tokens = given.f32("states")?.dims()[1];
        let marked = name.map(|(text, name)| {
            let start = text.find(name).unwrap();
            let inside = move |offset: &std::ops::Range<usize>| {
                offset.start >= start && offset.end <= start + name.len() && !offset.is_empty()
            };
            encode(text, 256)
                .offsets
                .iter()
                .map(inside)
                .collect::<Vec<_>>()
        });
        let mut last = false;
        let rows = (0..tokens).flat_map(|token| {
            let inside = marked.as_ref().is_some_and(|marked| marked[token]);
            let row = match (inside, last) {
                (false, _) => [0.96, 0.01, 0.01, 0.01, 0.01],
                (true, false) => [0.1, 0.9, 0.0, 0.0, 0.0],
                (true, true) => [0.1, 0.0, 0.9, 0.0, 0.0],
            };
            last = inside;
            row
        });
        let rows: Vec<f32> = rows.collect();
        Ok([("tags", Tensor::new(&[1, tokens, 5], &rows)?)]
            .into_iter()
            .collect())
    };
    let port =
        |dims: Value, labels: &[&str]| json!({ "type": "f32", "dims": dims, "labels": labels });
    Harness::new(&STAGE)
        .model("encoder", encoder)
        .model("tagger", tagger)
        .card("encoder", json!({ "name": "e", "version": "1.0.0", "outputs": { "states": port(json!(["batch", "tokens", 2]), &[]) }, "limits": { "tokens": 256 } }))
        .card("tagger", json!({ "name": "t", "version": "1.0.0", "outputs": { "tags": port(json!(["batch", "tokens", 5]), &labels) } }))
}

#[test]
fn a_person_written_small_is_a_name_where_the_tagger_is_shown_capitals() {
    const BODY: &str = "please follow up with marek novak in march";
    let people = |shown: Value| {
        let tags = json!({ "type": "f32", "dims": ["batch", "tokens", 5], "labels": ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"] });
        let card = json!({ "name": "t", "version": "2.0.0", "inputs": shown, "outputs": { "tags": tags } });
        let run = stage(Some((BODY, "marek novak")))
            .card("tagger", card)
            .fields(json!({ "body": BODY }))
            .run();
        let entities = run.answer().fields["entities"].as_array().unwrap().clone();
        entities
            .iter()
            .filter(|entity| entity["kind"] == "person")
            .map(|entity| entity["value"].clone())
            .collect::<Vec<_>>()
    };
    let shapes = json!({ "shapes": { "type": "f32", "dims": ["batch", "tokens", 25] } });
    assert_eq!(people(shapes), [json!("marek novak")]);
    assert!(people(json!({})).is_empty());
}

#[test]
fn a_name_in_running_text_is_found_by_the_model() {
    const BODY: &str =
        "Yesterday Marek Novak told me to write. My name is Jo Doe.\n> quoted Marek Novak";
    let run = stage(Some((BODY, "Marek Novak")))
        .fields(json!({ "body": BODY }))
        .run();
    let people: Vec<(&Value, &Value)> = run.answer().fields["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (&e["value"], &e["method"]))
        .collect();
    assert_eq!(
        people,
        [
            (&json!("Jo Doe"), &json!("rule")),
            (&json!("Marek Novak"), &json!("model"))
        ]
    );
}

#[test]
fn a_model_that_fails_fails_the_stage() {
    let run = Harness::new(&STAGE)
        .fields(json!({ "body": "hello" }))
        .run();
    assert!(
        matches!(run.failure(), Failure::Inference(_)),
        "{:?}",
        run.result
    );
}

fn entity<'a>(answer: &'a Value, kind: &str) -> &'a Value {
    answer["entities"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entity| entity["kind"] == kind)
        .unwrap_or_else(|| panic!("no {kind} in {answer:#}"))
}

#[test]
fn a_request_gives_its_entities_with_their_places() {
    let run = stage(None)
        .config(json!({ "country": "GB" }))
        .fields(json!({
            "subject": "Refund for order #48213907",
            "body": "Please refund £49.99 to GB82 WEST 1234 5698 7654 32 by 12 March 2025. Order 48213907. Tel: 020 7946 0958\n\nKind regards,\nJane Whitfield",
            "from": "Jane Whitfield <jane@example.com>",
        }))
        .run();
    let answer = &run.answer().fields;
    assert_eq!(entity(answer, "order_number")["times"], 2);
    assert_eq!(
        entity(answer, "order_number")["where"],
        json!({ "source": "subject", "start": 18, "end": 26 })
    );
    assert_eq!(entity(answer, "amount")["normalized"], "GBP 49.99");
    assert_eq!(entity(answer, "amount")["currency"], "GBP");
    assert_eq!(
        entity(answer, "iban")["normalized"],
        "GB82WEST12345698765432"
    );
    assert_eq!(entity(answer, "date")["normalized"], "2025-03-12");
    assert_eq!(entity(answer, "phone")["normalized"], "+442079460958");
    assert_eq!(
        (
            &entity(answer, "person")["where"]["source"],
            &entity(answer, "person")["times"]
        ),
        (&json!("from"), &json!(2))
    );
}

#[test]
fn an_invoice_gives_its_fields() {
    let run = stage(None)
        .attach("invoice.pdf", "application/octet-stream", INVOICE)
        .run();
    let answer = &run.answer().fields;
    let mut invoice = answer["invoice"].clone();
    let found = invoice.as_object_mut().unwrap().remove("found");
    places::every_field_is_found(&invoice, &found.unwrap());
    assert_eq!(
        invoice,
        json!({
            "document": "invoice.pdf", "issuer": "Nordlicht Werkzeuge GmbH", "number": "INV-2025-00417", "date": "2025-03-14", "due_date": "2025-04-13",
            "total": "1234.57", "tax": "197.12", "currency": "EUR",
        })
    );
    assert_eq!(answer["documents"][0]["pages"], 1);
    assert_eq!(
        entity(answer, "iban")["where"]["source"],
        "attachment:invoice.pdf"
    );
    assert_eq!(entity(answer, "iban")["where"]["page"], 1);
    assert_eq!(entity(answer, "customer_number")["normalized"], "K-20931");
}

#[test]
fn a_card_number_never_leaves() {
    let run = stage(None)
        .fields(json!({ "body": "card 4111 1111 1111 1111" }))
        .run();
    assert_eq!(entity(&run.answer().fields, "card")["value"], "••1111");
    assert!(!run.answer().fields.to_string().contains("4111"));
}

#[test]
fn entities_are_bounded() {
    let body: String = (0..400).map(|n| format!("order no {n:05}\n")).collect();
    let run = stage(None).fields(json!({ "body": body })).run();
    assert_eq!(
        run.answer().fields["entities"].as_array().unwrap().len(),
        200
    );
    assert_eq!(run.answer().fields["truncated"], true);
    assert!(run.answer().fields.to_string().len() < 64 * 1024);
}

#[test]
fn nothing_at_all_is_an_answer_too() {
    let run = stage(None).run();
    assert_eq!(
        run.answer().fields,
        json!({ "entities": [], "documents": [], "truncated": false })
    );
}

/// The subject and body of a request in `tests/data`, as the host reads a `.txt`.
fn request(text: &str) -> Value {
    let (subject, body) = text.split_once('\n').unwrap();
    json!({ "subject": subject.trim_start_matches("Subject: "), "body": body.trim() })
}

fn normal_forms(run: &fleetwright_sdk::harness::Run) -> Vec<String> {
    let form = |entity: &Value| match &entity["normalized"] {
        Value::String(form) => format!("{} {form}", entity["kind"].as_str().unwrap()),
        _ => format!(
            "{} {}",
            entity["kind"].as_str().unwrap(),
            entity["readings"]
        ),
    };
    run.answer().fields["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(form)
        .collect()
}

#[test]
fn the_stolen_card_is_read() {
    let run = stage(None)
        .fields(request(include_str!(
            "../../../tests/data/01-card-stolen.txt"
        )))
        .run();
    assert_eq!(
        normal_forms(&run),
        [
            "date 2025-03-14",
            "amount GBP 186.20",
            "date 2025-03-21",
            "phone +447700900461",
            "email tom.ashdown@example.com",
            "person Tom Ashdown"
        ]
    );
}

#[test]
fn the_request_that_is_out_of_scope_holds_nothing() {
    let run = stage(None)
        .fields(request(include_str!(
            "../../../tests/data/04-out-of-scope.txt"
        )))
        .run();
    assert_eq!(normal_forms(&run), Vec::<String>::new());
}

#[test]
fn the_login_problem_and_the_delivery_are_read() {
    let fields: Value =
        serde_json::from_str(include_str!("../../../tests/data/05-login-problem.json")).unwrap();
    let run = stage(None).fields(fields).run();
    assert_eq!(
        normal_forms(&run),
        [
            "person Lena Brandt",
            "customer_number K-77120",
            "date 2025-03-19"
        ]
    );
    let fields: Value =
        serde_json::from_str(include_str!("../../../tests/data/08-delivery.json")).unwrap();
    let run = stage(None).fields(fields).run();
    assert_eq!(
        normal_forms(&run),
        [
            "order_number 48213907",
            "tracking_number NG4471902",
            "date 2025-03-13",
            "amount GBP 62.47",
            "date 2025-03-22"
        ]
    );
}

#[test]
fn a_date_of_two_readings_is_left_open() {
    let run = stage(None)
        .fields(request(include_str!(
            "../../../tests/data/09-charged-twice.txt"
        )))
        .run();
    assert_eq!(
        normal_forms(&run),
        [
            r#"date ["2025-04-03","2025-03-04"]"#,
            "amount CHF 49.00",
            "case_number 88120-MA",
            "iban CH9300762011623852957",
            "person Noëlle Favre"
        ]
    );
}

#[test]
fn messages_are_read_as_files_too() {
    let thread = stage(None)
        .attach(
            "02.eml",
            "message/rfc822",
            include_bytes!("../../../tests/data/02-refund-thread.eml").as_slice(),
        )
        .run();
    let found = normal_forms(&thread);
    for wanted in [
        "order_number HP-2048817",
        "amount EUR 129.90",
        "amount EUR 9.90",
        "iban DE89370400440532013000",
        "date 2025-03-25",
        "tracking_number JD0142839201",
        "person Priya Raman",
    ] {
        assert!(
            found.iter().any(|form| form == wanted),
            "{wanted} in {found:?}"
        );
    }
    let html = stage(None)
        .attach(
            "06.eml",
            "message/rfc822",
            include_bytes!("../../../tests/data/06-cancel.eml").as_slice(),
        )
        .run();
    let found = normal_forms(&html);
    for wanted in [
        "date 2025-03-31",
        "customer_number CU-558201",
        "amount GBP 17.99",
        "person Owen Pritchard",
    ] {
        assert!(
            found.iter().any(|form| form == wanted),
            "{wanted} in {found:?}"
        );
    }
    let invoice = stage(None)
        .attach(
            "03.eml",
            "message/rfc822",
            include_bytes!("../../../tests/data/03-invoice.eml").as_slice(),
        )
        .run();
    assert_eq!(invoice.answer().fields["invoice"]["total"], "1234.57");
    assert_eq!(
        invoice.answer().fields["documents"][1]["name"],
        "03.eml/invoice.pdf"
    );
}

/// [`stage`] with models that see one line in the upper half of any picture, and read `text` there.
fn seeing(text: &'static str) -> Harness<'static> {
    let characters: Vec<String> = std::iter::once(String::new())
        .chain((' '..='~').map(String::from))
        .collect();
    let classes = characters.len();
    let detector = |given: Tensors| {
        let dims = given.f32("x")?.dims().to_vec();
        let (height, width) = (dims[2], dims[3]);
        let lit = |at: usize| {
            let (x, y) = (at % width, at / width);
            (20..28).contains(&y) && (10..width - 10).contains(&x)
        };
        let map: Vec<f32> = (0..height * width)
            .map(|at| if lit(at) { 0.9 } else { 0.0 })
            .collect();
        Ok(
            [("fetch_name_0", Tensor::new(&[1, 1, height, width], &map)?)]
                .into_iter()
                .collect(),
        )
    };
    let upright = |given: Tensors| {
        let lines = given.f32("x")?.dims()[0];
        Ok([(
            "fetch_name_0",
            Tensor::new(&[lines, 2], &[0.9f32, 0.1].repeat(lines))?,
        )]
        .into_iter()
        .collect())
    };
    let recognizer = move |_: Tensors| {
        let steps = text
            .bytes()
            .flat_map(|byte| [usize::from(byte - b' ') + 1, 0]);
        let rows: Vec<f32> = steps
            .flat_map(|class| (0..classes).map(move |other| if other == class { 0.8 } else { 0.0 }))
            .collect();
        Ok([(
            "fetch_name_0",
            Tensor::new(&[1, 2 * text.len(), classes], &rows)?,
        )]
        .into_iter()
        .collect())
    };
    let card = |labels: &[String]| json!({ "name": "m", "version": "1.0.0", "outputs": { "fetch_name_0": { "type": "f32", "dims": [1, "steps", labels.len()], "labels": labels } } });
    stage(None)
        .model("detector", detector)
        .model("upright", upright)
        .model("recognizer", recognizer)
        .card("detector", card(&[]))
        .card("upright", card(&[]))
        .card("recognizer", card(&characters))
}

/// A white PNG.
fn blank(width: usize, height: usize) -> Vec<u8> {
    let rows = [vec![0], vec![255; width]].concat().repeat(height);
    crate::picture::tests::png_of(width as u32, height as u32, [8, 0, 0], &rows, &[])
}

#[test]
fn a_picture_is_read_where_models_for_it_are_bound() {
    let run = seeing("Order number 48213907, GBP 12.50")
        .attach("scan.png", "application/octet-stream", blank(320, 96))
        .run();
    let answer = &run.answer().fields;
    assert_eq!(answer["documents"][0]["recognized"], 0.8, "{answer:#}");
    assert_eq!(answer["documents"][0].get("problem"), None);
    assert_eq!(entity(answer, "order_number")["value"], "48213907");
    assert_eq!(
        entity(answer, "amount")["where"]["source"],
        "attachment:scan.png"
    );
    let blind = stage(None)
        .attach("scan.png", "image/png", blank(320, 96))
        .run();
    assert_eq!(
        blind.answer().fields["documents"][0]["problem"],
        "no-text-layer"
    );
}

#[test]
fn pictures_beyond_the_bounds_are_named_and_end_nothing() {
    let mut harness = seeing("Order number 48213907");
    for place in 0..8 {
        harness = harness.attach(&format!("{place}.png"), "image/png", blank(320, 64));
    }
    let run = harness
        .attach(
            "huge.png",
            "image/png",
            crate::picture::tests::png_of(60_000, 60_000, [8, 0, 0], &[0], &[]),
        )
        .attach("cut.jpg", "image/jpeg", b"\xff\xd8\xff\xe0\0".as_slice())
        .run();
    let problems: Vec<&Value> = run.answer().fields["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| &document["problem"])
        .collect();
    let (none, cut) = (&Value::Null, json!("truncated"));
    assert_eq!(
        problems[..8],
        [none, none, none, none, none, none, &cut, &cut]
    );
    assert_eq!(problems[8..], [&json!("too-large"), &json!("damaged")]);
}

#[test]
fn places_of_what_is_repeated_leave_room_in_the_answer() {
    let sums: String = (0..200)
        .map(|n| format!("EUR {}.{:02} ", 100 + n, n % 100))
        .collect();
    let run = stage(None).fields(json!({ "body": sums.repeat(30) })).run();
    let answer = run.answer();
    let entities = answer.fields["entities"].as_array().unwrap();
    let again = |entity: &Value| entity["also"].as_array().map_or(0, Vec::len);
    assert!(entities.len() > 100 && entities.iter().map(again).sum::<usize>() > 100);
    assert!(entities.iter().all(|entity| entity["times"] == 30));
    let bytes = serde_json::to_string(&answer.fields).unwrap().len();
    assert!(bytes < 64 << 10, "{bytes}");
}

#[test]
fn what_a_reader_sees_is_read_and_stands_where_it_was_written() {
    let html =
        "<html><body><p>I am <b>Ana&nbsp;Lopes</b>, call +44&#32;20 7946 0958.</p></body></html>";
    let disguised = "Pay ４０.２０ EUR to jo@ex\u{200b}ample.org";
    let entity = |run: &fleetwright_sdk::harness::Run, kind: &str| {
        let entities = run.answer().fields["entities"].as_array().unwrap().clone();
        entities.into_iter().find(|one| one["kind"] == kind)
    };
    let place = |text: &str, entity: &Value| {
        let at = |end: &str| entity["where"][end].as_u64().unwrap() as usize;
        text[at("start")..at("end")].to_owned()
    };
    let seen = text::seen(html).as_str().to_owned().leak();
    let run = stage(Some((seen, "Ana Lopes")))
        .fields(json!({ "body": html }))
        .run();
    let person = entity(&run, "person").unwrap();
    assert_eq!(place(html, &person), "Ana&nbsp;Lopes");
    let phone = entity(&run, "phone").unwrap();
    assert_eq!(phone["normalized"], "+442079460958");
    assert_eq!(place(html, &phone), "+44&#32;20 7946 0958");
    let run = stage(None).fields(json!({ "body": disguised })).run();
    let amount = entity(&run, "amount").unwrap();
    assert_eq!(amount["normalized"], "EUR 40.20");
    assert_eq!(place(disguised, &amount), "４０.２０ EUR");
    let email = entity(&run, "email").unwrap();
    assert_eq!(email["normalized"], "jo@example.org");
    assert_eq!(place(disguised, &email), "jo@ex\u{200b}ample.org");
}
