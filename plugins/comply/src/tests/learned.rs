//! What the model reads, and what becomes of it.

use super::*;

/// 2457 is the id of "court": the stub finds a threat where it stands.
fn court(row: &[f32]) -> [f32; 5] {
    let threat = if row.contains(&2457.0) { 0.8 } else { 0.1 };
    [threat, 0.0, 0.0, 0.0, 0.0]
}

#[test]
fn the_model_reads_whatever_was_submitted_each_where_it_stands() {
    let signed =
        "Please answer.\n\nKind regards,\nAda\nPS: if nothing comes of it the court is not far.\n";
    let thread =
        json!([{ "from": "a", "body": "The court is far." }, { "from": "b", "body": "No." }]);
    for (fields, place, text) in [
        (
            json!({ "subject": "court", "body": " " }),
            "subject",
            "court",
        ),
        (
            json!({ "subject": "court", "body": "Hello." }),
            "body",
            "Hello.",
        ),
        (
            json!({ "subject": "Hi", "body": signed }),
            "body",
            "Kind regards,\nAda\nPS: if nothing comes of it the court is not far.\n",
        ),
        (
            json!({ "messages": thread }),
            "message:0",
            "The court is far.",
        ),
    ] {
        let run = reading(court).fields(fields.clone()).run();
        assert_eq!(rules_of(&run), ["legal.action"], "{fields}");
        let flag = &run.answer().fields["flags"][0];
        assert_eq!(flag["where"], place, "{fields}");
        let whole = match place {
            "message:0" => &fields["messages"][0]["body"],
            field => &fields[field],
        };
        let at = |end: &str| flag[end].as_u64().unwrap() as usize;
        let found = &whole.as_str().unwrap()[at("start")..at("end")];
        assert_eq!(found.trim(), text.trim(), "{fields}");
    }
}

#[test]
fn what_other_stages_have_read_is_asked_for_as_they_do() {
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = asked.clone();
    let fields = json!({ "subject": "Lamp", "body": "It broke.\n\nKind regards,\nAda\n> old\n" });
    let run = reading(|_| [0.0; 5])
        .model("encoder", move |given| {
            let ids = given.i64("input_ids")?;
            let dims = ids.dims().to_vec();
            seen.lock().unwrap().push((dims[0], ids.to_vec()));
            let states = vec![0.0f32; dims[0] * dims[1]];
            Ok([("states", Tensor::new(&[dims[0], dims[1], 1], &states)?)]
                .into_iter()
                .collect())
        })
        .fields(fields)
        .run();
    assert!(rules_of(&run).is_empty());
    // Neither the farewell nor the quotation is read.
    let ids = fleetwright_sdk::tokenizer::encode("Lamp\n\nIt broke.", 256).ids;
    assert_eq!(*asked.lock().unwrap(), [(1, ids)]);
}

#[test]
fn the_model_reads_each_text_in_rows_and_the_best_row_is_flagged() {
    let body = format!(
        "{}We met at the court. {}",
        "Hello there, my friend. ".repeat(60),
        "Goodbye now. ".repeat(40)
    );
    let run = reading(court)
        .fields(json!({ "subject": "Friends", "body": body }))
        .run();
    assert_eq!(rules_of(&run), ["legal.action"]);
    let flag = &run.answer().fields["flags"][0];
    assert_eq!(
        (flag["where"].as_str(), flag["redacted"].as_str()),
        (Some("body"), Some(""))
    );
    let (start, end) = (
        flag["start"].as_u64().unwrap() as usize,
        flag["end"].as_u64().unwrap() as usize,
    );
    assert!(
        body[start..end].contains("court") && end - start < 1200,
        "{}",
        &body[start..end]
    );
    assert_eq!(
        flag["reason"],
        "the model reads `legal-threat` here, with 0.80"
    );
    assert!((flag["confidence"].as_f64().unwrap() - 0.8).abs() < 1e-6);
    let strict = reading(court)
        .config(json!({ "own": [{ "name": "legal-threat", "version": "1.0.1", "rules": [{ "id": "legal.action", "about": "x",
            "source": "x", "severity": "high", "action": "hold", "label": "legal-threat", "at": 0.9 }] }] }))
        .fields(json!({ "body": "court" }))
        .run();
    assert!(rules_of(&strict).is_empty(), "a pack may ask for more");
}

#[test]
fn without_a_learned_rule_no_model_runs() {
    let run = Harness::new(&STAGE)
        .config(json!({ "packs": ["core", "pci"] }))
        .fields(json!({ "body": "see you in court" }))
        .run();
    assert!(rules_of(&run).is_empty());
}

#[test]
fn without_a_model_its_rules_are_named_as_idle() {
    let fields = json!({ "body": "See you in court." });
    let run = Harness::new(&STAGE).fields(fields.clone()).run();
    assert_eq!(rules_of(&run), ["legal.threat"]);
    let idle = [
        "dsr.request",
        "legal.action",
        "advice.regulated",
        "abuse.language",
        "fraud.payment",
    ];
    assert_eq!(run.answer().fields["idle"], json!(idle));
    let off: BTreeMap<&str, &str> = idle.map(|rule| (rule, "off")).into();
    let run = Harness::new(&STAGE)
        .config(json!({ "rules": off }))
        .fields(fields.clone())
        .run();
    assert_eq!(run.answer().fields.get("idle"), None);
    let own = json!([{ "name": "x", "version": "1.0.0", "rules": [{ "id": "x.y", "about": "x", "source": "x", "severity": "low",
        "action": "flag", "label": "abuse" }] }]);
    for (config, says) in [
        (
            json!({ "rules": { "legal.action": "hold" } }),
            "rule `legal.action`",
        ),
        (json!({ "own": own }), "rule `x.y`"),
    ] {
        let run = Harness::new(&STAGE)
            .config(config)
            .fields(fields.clone())
            .run();
        assert!(
            matches!(run.failure(), Failure::InvalidConfig(text) if text.contains(says) && text.contains("add `encoder` and `heads`")),
            "{:?}",
            run.failure()
        );
    }
}

#[test]
fn one_of_two_models_is_refused() {
    let card = json!({ "name": "heads", "version": "1.0.0" });
    let run = Harness::new(&STAGE).card("heads", card).run();
    assert!(
        matches!(run.failure(), Failure::InvalidConfig(text) if text.contains("`heads` is bound, and `encoder` is not")),
        "{:?}",
        run.failure()
    );
}

#[test]
fn a_label_that_the_heads_lack_is_named() {
    let own = json!({ "own": [{ "name": "x", "version": "1.0.0", "rules": [{ "id": "x.y", "about": "x", "source": "x",
        "severity": "low", "action": "flag", "label": "spam" }] }] });
    let run = harness().config(own).fields(json!({ "body": "hi" })).run();
    assert!(
        matches!(run.failure(), Failure::InvalidConfig(text) if text.contains("`spam`") && text.contains("legal-threat"))
    );
}

#[test]
fn a_very_long_text_is_read_at_both_ends() {
    let ends = |row: &[f32]| {
        [
            0.0,
            if row.contains(&2457.0) { 0.9 } else { 0.0 },
            0.0,
            0.0,
            0.0,
        ]
    };
    let body = format!("{} court", "word ".repeat(20_000));
    let run = reading(ends).fields(json!({ "body": body })).run();
    assert_eq!(rules_of(&run), ["dsr.request"]);
    assert_eq!(run.answer().fields["truncated"], true);
    let many = |count: usize| {
        let messages = vec![json!({ "from": "a", "body": "word" }); count];
        let run = harness().fields(json!({ "messages": messages })).run();
        run.answer().fields["truncated"].clone()
    };
    assert_eq!([many(24), many(25)], [false, true]);
}

proptest! {
    #[test]
    fn masks_never_leak_and_spans_are_text(
        text in "(4111 1111 1111 1111|cvv 123|DE89370400440532013000|password: hunter2x|\\+44 20 7946 0958|jo@example\\.com|536-22-1234|ł| |\n|[a-z0-9]){0,12}",
    ) {
        let fields = json!({ "body": text });
        let run = run(fields);
        let answer = run.answer().fields.to_string();
        for secret in ["4111 1111 1111 1111", "DE89370400440532013000", "hunter2x"] {
            // A finding may be glued to other characters by chance and then is none: only what was flagged must not show.
            let flagged = run.answer().fields["flags"].as_array().unwrap().iter().any(|flag| {
                let (start, end) = (flag["start"].as_u64().unwrap() as usize, flag["end"].as_u64().unwrap() as usize);
                text.get(start..end).expect("a span on character boundaries").contains(secret)
            });
            let times = text.matches(secret).count();
            prop_assert!(!flagged || times > 1 || !answer.contains(secret), "{answer}");
        }
    }
}
