mod bounds;
mod learned;

use super::*;
use fleetwright_sdk::harness::{Harness, Run, json};
use proptest::prelude::*;

/// The stage with models that find nothing.
fn harness<'a>() -> Harness<'a> {
    reading(|_| [0.0; 5])
}

const LABELS: [&str; 5] = [
    "legal-threat",
    "data-subject-request",
    "regulated-advice",
    "abuse",
    "payment-fraud",
];

/// The stage with a model that scores each piece by its token ids.
fn reading<'a>(score: impl Fn(&[f32]) -> [f32; 5] + 'static) -> Harness<'a> {
    Harness::new(&STAGE)
        .model("encoder", |given| {
            let ids = given.i64("input_ids")?;
            let dims = ids.dims().to_vec();
            let states: Vec<f32> = ids.iter().map(|id| *id as f32).collect();
            Ok([("states", Tensor::new(&[dims[0], dims[1], 1], &states)?)].into_iter().collect())
        })
        .model("heads", move |given| {
            let states = given.f32("states")?;
            let dims = states.dims().to_vec();
            let scores: Vec<f32> = states.chunks(dims[1]).flat_map(&score).collect();
            Ok([("screen", Tensor::new(&[dims[0], 5], &scores)?)].into_iter().collect())
        })
        .card("encoder", json!({ "name": "encoder", "version": "1.0.0" }))
        .card(
            "heads",
            json!({ "name": "heads", "version": "1.0.0",
                "outputs": { "screen": { "type": "f32", "dims": ["batch", 5], "labels": LABELS } } }),
        )
}

fn run(fields: Value) -> Run {
    harness().fields(fields).run()
}

fn rules_of(run: &Run) -> Vec<String> {
    run.answer().fields["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| flag["rule"].as_str().unwrap().to_owned())
        .collect()
}

fn held(run: &Run) -> Option<String> {
    match &run.answer().disposition {
        Disposition::Hold(reason) => Some(reason.clone()),
        Disposition::Continue => None,
    }
}

#[test]
fn a_card_alone_is_flagged_and_redacted() {
    let run = run(json!({ "subject": "Card", "body": "It is 4111 1111 1111 1111, please check." }));
    assert_eq!(rules_of(&run), ["pan.luhn"]);
    assert_eq!(
        run.answer().fields["redacted"]["body"],
        "It is [card ••1111], please check."
    );
    assert_eq!(run.answer().fields["held_by"], Value::Null);
    assert_eq!(held(&run), None);
}

#[test]
fn a_card_with_its_verification_value_is_held() {
    let run = run(json!({ "body": "Pay with 4111 1111 1111 1111 12/27, CVV 123." }));
    assert_eq!(run.answer().fields["held_by"], "pan.cvv");
    assert_eq!(
        run.answer().fields["redacted"]["body"],
        "Pay with [card ••1111] 12/27, CVV [cvv]."
    );
    assert!(held(&run).unwrap().contains("`pan.cvv`"));
}

#[test]
fn the_value_may_stand_in_another_text() {
    let run = run(json!({ "subject": "cvv 123", "body": "4111 1111 1111 1111" }));
    assert_eq!(run.answer().fields["held_by"], "pan.cvv");
}

#[test]
fn a_password_is_held_and_never_repeated() {
    let run = run(json!({ "body": "Login fails. My password is Winter-2031! Please look." }));
    assert_eq!(run.answer().fields["held_by"], "secret.password");
    assert!(!run.answer().fields.to_string().contains("Winter"));
    assert!(!held(&run).unwrap().contains("Winter"));
}

#[test]
fn an_iban_is_no_telephone_number() {
    let run = run(
        json!({ "body": "Call me: DE89 3704 0044 0532 0130 00 or +44 20 7946 0958, jo@example.com" }),
    );
    assert_eq!(
        rules_of(&run),
        ["iban.mod97", "phone.number", "email.address"]
    );
    assert_eq!(
        run.answer().fields["redacted"]["body"],
        "Call me: [IBAN DE••3000] or [phone ••958], [e-mail]"
    );
}

#[test]
fn an_earlier_answer_must_not_leak_a_card() {
    let run = run(
        json!({ "body": "hello", "summarize": { "summary": "Jo: card 4111111111111111 was stolen.", "confidence": 0.5 } }),
    );
    assert_eq!(run.answer().fields["held_by"], "pan.leak");
    assert_eq!(
        run.answer().fields["flags"][0]["where"],
        "stage:summarize.summary"
    );
}

#[test]
fn a_card_that_extract_found_in_a_pdf_is_flagged() {
    let entity = json!({ "kind": "card", "value": "••1111", "where": { "source": "attachment:a.pdf", "page": 1, "start": 5, "end": 24 } });
    let fields = json!({ "body": "see attached", "extract": { "entities": [entity] } });
    let run = run(fields.clone());
    assert_eq!(rules_of(&run), ["pan.luhn"]);
    assert_eq!(run.answer().fields["flags"][0]["where"], "attachment:a.pdf");
    let off = harness()
        .config(json!({ "rules": { "pan.luhn": "off" } }))
        .fields(fields)
        .run();
    assert!(rules_of(&off).is_empty());
}

#[test]
fn text_attachments_and_messages_are_read() {
    let run = harness()
        .fields(json!({ "messages": [{ "from": "a", "body": "hi" }, { "from": "b", "body": "SSN 536-22-1234" }] }))
        .attach("notes.txt", "application/octet-stream", "IBAN DE89370400440532013000")
        .attach("scan.png", "image/png", vec![0x89, b'P', 0, 0])
        .run();
    let places: Vec<&str> = run.answer().fields["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["where"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["message:1", "attachment:notes.txt"]);
}

#[test]
fn the_config_sets_actions() {
    let fields =
        json!({ "body": "jo@example.com, card 4111 1111 1111 1111, I'll see you in court" });
    let run = harness()
        .config(json!({ "rules": { "email.address": "off", "pan.luhn": "hold" } }))
        .fields(fields)
        .run();
    assert_eq!(rules_of(&run), ["pan.luhn", "legal.threat"]);
    assert_eq!(run.answer().fields["held_by"], "pan.luhn");
}

/// A pack as its file says it, cases included.
#[derive(Deserialize)]
struct Written {
    name: String,
    rules: Vec<WrittenRule>,
}

#[derive(Deserialize)]
struct WrittenRule {
    id: String,
    source: String,
    label: Option<String>,
    scope: Option<String>,
    #[serde(default)]
    positive: Vec<String>,
    negative: Vec<String>,
}

fn written() -> Vec<Written> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/packs");
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| {
            toml::from_str(&std::fs::read_to_string(file.unwrap().path()).unwrap()).unwrap()
        })
        .collect()
}

/// The rules that flag a case: a text of the request, or of an earlier stage's answer.
fn flagged_in_case(rule: &WrittenRule, text: &str) -> Vec<String> {
    let fields = match rule.scope.as_deref() {
        Some("answers") => json!({ "body": "hello", "summarize": { "summary": text } }),
        _ => json!({ "body": text }),
    };
    rules_of(&run(fields))
}

#[test]
fn every_case_of_every_rule_but_the_learned_ones_holds() {
    let mut cases = 0;
    for pack in written() {
        for rule in pack.rules.iter().filter(|rule| rule.label.is_none()) {
            for text in &rule.positive {
                assert!(
                    flagged_in_case(rule, text).contains(&rule.id),
                    "`{}` of {} misses: {text}",
                    rule.id,
                    pack.name
                );
            }
            for text in &rule.negative {
                assert!(
                    !flagged_in_case(rule, text).contains(&rule.id),
                    "`{}` of {} flags: {text}",
                    rule.id,
                    pack.name
                );
            }
            cases += rule.positive.len() + rule.negative.len();
        }
    }
    assert!(cases > 100, "{cases}");
}

#[test]
fn packs_schema_and_readme_agree() {
    let ids: Vec<&str> = SHIPPED
        .iter()
        .flat_map(|pack| pack.rules.iter())
        .map(|rule| rule.id.as_ref())
        .collect();
    let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), ids.len(), "an id stands for one rule");
    let schema: Value = serde_json::from_str(STAGE.description.config_schema).unwrap();
    let listed = schema["properties"]["rules"]["properties"]
        .as_object()
        .unwrap();
    assert_eq!(listed.keys().collect::<Vec<_>>(), ids);
    let readme = include_str!("../README.md");
    for pack in SHIPPED {
        assert!(
            readme.contains(&format!("`{}` {}", pack.name, pack.version)),
            "{}",
            pack.name
        );
        for rule in pack.rules.iter() {
            assert!(readme.contains(&format!("`{}`", rule.id)), "{}", rule.id);
            assert_eq!(
                listed[rule.id.as_ref()]["default"],
                json!(rule.action),
                "{}",
                rule.id
            );
        }
    }
    assert!(
        written()
            .iter()
            .flat_map(|pack| &pack.rules)
            .all(|rule| rule.source.len() > 5)
    );
}

#[test]
fn the_manifest_chooses_packs_and_each_flag_names_its_pack() {
    let fields = json!({ "body": "jo@example.com, card 4111 1111 1111 1111" });
    let all = run(fields.clone());
    assert_eq!(rules_of(&all), ["email.address", "pan.luhn"]);
    assert_eq!(all.answer().fields["flags"][1]["pack"], "pci@1.0.0");
    let some = harness()
        .config(json!({ "packs": ["pci@1.0.0"] }))
        .fields(fields.clone())
        .run();
    assert_eq!(rules_of(&some), ["pan.luhn"]);
    for (config, says) in [
        (
            json!({ "packs": ["hipaa"] }),
            "there is no pack `hipaa`: use one of core, pci",
        ),
        (
            json!({ "packs": ["pci@9.0.0"] }),
            "`pci` here has version 1.0.0",
        ),
        (
            json!({ "packs": ["pci"], "rules": { "email.address": "off" } }),
            "of the pack `pii`, which is not chosen",
        ),
        (
            json!({ "rules": { "pan.lun": "off" } }),
            "there are pan.cvv, pan.leak, pan.luhn",
        ),
    ] {
        let run = harness().config(config).fields(fields.clone()).run();
        assert!(
            matches!(run.failure(), Failure::InvalidConfig(text) if text.contains(says)),
            "{:?}",
            run.failure()
        );
    }
}

#[test]
fn a_manifest_brings_packs_of_its_own() {
    let rule = json!({ "id": "acme.project", "about": "a secret project", "source": "Acme policy 7", "severity": "high",
        "action": "hold", "phrases": ["Project Falcon"] });
    let own = json!({ "own": [{ "name": "acme", "version": "2.1.0", "rules": [rule] }] });
    let run = harness()
        .config(own)
        .fields(json!({ "body": "When does project  falcon start? jo@example.com" }))
        .run();
    assert_eq!(rules_of(&run), ["acme.project", "email.address"]);
    assert_eq!(run.answer().fields["flags"][0]["pack"], "acme@2.1.0");
    assert_eq!(run.answer().fields["held_by"], "acme.project");
    let instead = json!({ "own": [{ "name": "pii", "version": "1.1.0", "rules": [{ "id": "email.address", "about": "mail",
        "source": "GDPR", "severity": "low", "action": "flag", "checks": ["email"] }] }] });
    let run = harness()
        .config(instead)
        .fields(json!({ "body": "jo@example.com or 212-555-0123" }))
        .run();
    assert_eq!(rules_of(&run), ["email.address"]);
    assert_eq!(
        run.answer().fields["redacted"]["body"],
        "jo@example.com or 212-555-0123",
        "`flag` replaces nothing"
    );
    let nothing = json!({ "own": [{ "name": "x", "version": "1.0.0", "rules": [{ "id": "x.y", "about": "x", "source": "x",
        "severity": "low", "action": "flag" }] }] });
    let run = harness().config(nothing).run();
    assert!(
        matches!(run.failure(), Failure::InvalidConfig(text) if text.contains("`x.y` says not exactly one"))
    );
}

#[test]
fn what_is_disguised_is_found_where_it_stands() {
    let body = "Card: ４１１１ 11\u{200b}11 1111\u{a0}1111 – and mail jo@ex\u{ad}ample.com.";
    let run = run(json!({ "body": body }));
    assert_eq!(rules_of(&run), ["pan.luhn", "email.address"]);
    let flag = &run.answer().fields["flags"][0];
    let (start, end) = (
        flag["start"].as_u64().unwrap() as usize,
        flag["end"].as_u64().unwrap() as usize,
    );
    assert_eq!(&body[start..end], "４１１１ 11\u{200b}11 1111\u{a0}1111");
    assert_eq!(
        run.answer().fields["redacted"]["body"],
        "Card: [card ••1111] – and mail [e-mail]."
    );
}

#[test]
fn answers_of_earlier_stages_must_not_leak() {
    let summary = "Jo: SSN 536-22-1234, IBAN DE89370400440532013000, jo@example.com, diagnosed with asthma, password: hunter2";
    let run = run(json!({ "body": "hello", "summarize": { "summary": summary } }));
    assert_eq!(
        rules_of(&run),
        [
            "id.leak",
            "iban.leak",
            "contact.leak",
            "health.leak",
            "secret.password"
        ]
    );
    assert_eq!(
        run.answer().fields["redacted"]["answers"]["summarize.summary"],
        "Jo: SSN [US SSN], IBAN [IBAN DE••3000], [e-mail], diagnosed with asthma, password: [password]"
    );
    assert_eq!(run.answer().fields["held_by"], "id.leak");
}

#[test]
fn extract_may_name_what_it_is_for_but_no_more() {
    let entities = json!([{ "kind": "iban", "value": "DE89370400440532013000" }, { "kind": "order_number", "value": "536-22-1234" },
        { "kind": "account_number", "value": 4111111111111111u64 }, { "confidence": 0.4111111111111111 }]);
    let run = run(json!({ "body": "hello", "extract": { "entities": entities } }));
    assert_eq!(rules_of(&run), ["id.leak", "pan.leak"]);
}

/// The subject and body of a request in `tests/data`, as the host reads a `.txt`.
fn request(text: &str) -> Value {
    let (subject, body) = text.split_once('\n').unwrap();
    json!({ "subject": subject.trim_start_matches("Subject: "), "body": body.trim() })
}

#[test]
fn the_request_with_a_card_and_its_value_is_held() {
    let run = run(request(include_str!(
        "../../../tests/data/07-pan-and-cvv.txt"
    )));
    assert_eq!(run.answer().fields["held_by"], "pan.cvv");
    assert_eq!(rules_of(&run), ["pan.luhn", "pan.cvv", "phone.number"]);
    assert!(!run.answer().fields.to_string().contains("4111"));
}

#[test]
fn the_other_requests_go_on() {
    for (text, rules) in [
        (
            include_str!("../../../tests/data/01-card-stolen.txt"),
            &["phone.number", "email.address"][..],
        ),
        (include_str!("../../../tests/data/04-out-of-scope.txt"), &[]),
        (
            include_str!("../../../tests/data/09-charged-twice.txt"),
            &["iban.mod97"],
        ),
    ] {
        let run = run(request(text));
        assert_eq!(rules_of(&run), rules);
        assert_eq!(held(&run), None);
    }
    let login: Value =
        serde_json::from_str(include_str!("../../../tests/data/05-login-problem.json")).unwrap();
    assert_eq!(
        held(&run(login)),
        None,
        "a password that is spoken of is not told"
    );
}
