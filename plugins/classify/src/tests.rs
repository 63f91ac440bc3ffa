use super::STAGE;
use fleetwright_sdk::harness::{Harness, json};
use fleetwright_sdk::nn::{Code, Error, Tensor, Tensors};
use fleetwright_sdk::{Failure, harness};
use serde_json::Value;
use std::{cell::RefCell, rc::Rc};

const TYPES: [&str; 4] = ["card", "refund", "delivery", "other"];

fn heads_card() -> Value {
    json!({ "name": "inbox-heads", "version": "2.0.0",
        "inputs": {
            "states": { "type": "f32", "dims": ["batch", "tokens", 384] },
            "attention_mask": { "type": "i64", "dims": ["batch", "tokens"] } },
        "outputs": {
        "type": { "type": "f32", "dims": ["batch", 4], "labels": TYPES },
        "urgency": { "type": "f32", "dims": ["batch", 2], "labels": ["low", "high"] },
        "sentiment": { "type": "f32", "dims": ["batch", 2], "labels": ["negative", "neutral"] } } })
}

/// What an encoder gives for so many tokens.
fn encoded(tokens: usize) -> Result<Tensors, Error> {
    let outputs = [
        ("embedding", Tensor::new(&[1, 384], &[0.5_f32; 384])?),
        (
            "states",
            Tensor::new(&[1, tokens, 384], &vec![0.5_f32; 384 * tokens])?,
        ),
    ];
    Ok(outputs.into_iter().collect())
}

/// A stage over an encoder that notes how many tokens it was given, and heads that give `types`.
fn stage(types: Vec<f32>) -> (Harness<'static>, Rc<RefCell<usize>>) {
    let seen = Rc::new(RefCell::new(0));
    let note = Rc::clone(&seen);
    let harness = Harness::new(&STAGE)
        .card(
            "encoder",
            json!({ "name": "minilm", "version": "1.0.0", "limits": { "tokens": 16 } }),
        )
        .card("heads", heads_card())
        .model("encoder", move |given| {
            *note.borrow_mut() = given.i64("input_ids")?.len();
            encoded(*note.borrow())
        })
        .model("heads", move |given| {
            let states = given.f32("states")?;
            let mask = given.i64("attention_mask")?;
            mask.shaped(&[1, states.dims()[1]])?;
            assert_eq!(given.names().count(), 2, "only what the card names");
            let outputs = [
                ("type", Tensor::new(&[1, types.len()], &types)?),
                ("urgency", Tensor::new(&[1, 2], &[0.1_f32, 0.9])?),
                ("sentiment", Tensor::new(&[1, 2], &[0.7_f32, 0.3])?),
            ];
            Ok(outputs.into_iter().collect())
        });
    (harness, seen)
}

#[test]
fn labels_come_from_the_card_and_confidences_from_the_heads() {
    let (harness, _) = stage(vec![0.1, 0.8, 0.04, 0.06]);
    let run = harness
        .fields(json!({ "subject": "Kettle", "body": "It is broken." }))
        .run();
    let answer = run.answer();
    assert_eq!(answer.confidence, Some(0.8));
    assert_eq!(
        answer.fields,
        json!({
            "type": "refund", "type_confidence": 0.8, "urgency": "high", "urgency_confidence": 0.9,
            "sentiment": "negative", "sentiment_confidence": 0.7,
            "alternatives": [
                { "type": "refund", "confidence": 0.8 }, { "type": "card", "confidence": 0.1 }, { "type": "other", "confidence": 0.06 }
            ],
            "out_of_scope": false, "low_confidence": false, "nothing_read": false
        })
    );
}

#[test]
fn out_of_scope_and_a_low_confidence_are_said() {
    let (harness, _) = stage(vec![0.2, 0.2, 0.15, 0.45]);
    let fields = json!({ "body": "Do you have a recipe?" });
    let run = harness.config(json!({ "floor": 0.6 })).fields(fields).run();
    assert_eq!(run.answer().fields["out_of_scope"], true);
    assert_eq!(run.answer().fields["low_confidence"], true);
}

#[test]
fn the_type_out_of_scope_and_the_number_of_alternatives_are_the_configs() {
    let (harness, _) = stage(vec![0.1, 0.6, 0.1, 0.2]);
    let run = harness
        .config(json!({ "out_of_scope": "refund", "alternatives": 1 }))
        .fields(json!({ "body": "x" }))
        .run();
    let fields = &run.answer().fields;
    assert_eq!(fields["out_of_scope"], true);
    let only = json!([{ "type": "refund", "confidence": 0.6 }]);
    assert_eq!(fields["alternatives"], only);
}

/// A stage over heads that have the two flags `praise` and `anger`, and no type.
fn flags() -> Harness<'static> {
    let flag = json!({ "type": "f32", "dims": ["batch", 2], "labels": ["no", "yes"] });
    let mut card = heads_card();
    card["outputs"] = json!({ "praise": flag, "anger": flag });
    let (harness, _) = stage(Vec::new());
    harness.card("heads", card).model("heads", |_| {
        let outputs = [
            ("praise", Tensor::new(&[1, 2], &[0.9_f32, 0.1])?),
            ("anger", Tensor::new(&[1, 2], &[0.3_f32, 0.7])?),
        ];
        Ok(outputs.into_iter().collect())
    })
}

#[test]
fn labels_no_and_yes_are_answered_with_a_boolean() {
    let run = flags().fields(json!({ "body": "x" })).run();
    let answer = run.answer();
    assert_eq!(answer.confidence, Some(0.7), "that of the least sure");
    assert_eq!(
        answer.fields,
        json!({
            "praise": false, "praise_confidence": 0.9, "anger": true, "anger_confidence": 0.7,
            "alternatives": [], "out_of_scope": false, "low_confidence": false, "nothing_read": false
        })
    );
}

#[test]
fn the_least_sure_answer_decides_where_there_is_no_type() {
    let config = json!({ "floor": 0.8 });
    let run = flags().config(config).fields(json!({ "body": "x" })).run();
    assert_eq!(run.answer().fields["low_confidence"], true);
}

#[test]
fn without_text_no_flag_is_claimed_either() {
    let run = flags().run();
    assert_eq!(
        run.answer().fields,
        json!({
            "praise": null, "praise_confidence": 0.0, "anger": null, "anger_confidence": 0.0,
            "alternatives": [], "out_of_scope": false, "low_confidence": true, "nothing_read": true
        })
    );
}

#[test]
fn an_output_that_would_stand_where_the_answer_says_something_else_is_refused_by_name() {
    for name in ["nothing_read", "type_confidence"] {
        let (harness, _) = stage(vec![0.7, 0.1, 0.1, 0.1]);
        let mut card = heads_card();
        card["outputs"][name] =
            json!({ "type": "f32", "dims": ["batch", 2], "labels": ["no", "yes"] });
        let run = harness
            .card("heads", card)
            .fields(json!({ "body": "x" }))
            .run();
        assert!(
            matches!(run.failure(), Failure::Inference(text) if text.contains(&format!("`{name}`"))),
            "{:?}",
            run.failure()
        );
    }
}

#[test]
fn an_output_without_labels_is_refused_by_name() {
    let (harness, _) = stage(vec![0.7, 0.1, 0.1, 0.1]);
    let mut card = heads_card();
    card["outputs"]["vector"] = json!({ "type": "f32", "dims": ["batch", 384] });
    let run = harness
        .card("heads", card)
        .fields(json!({ "body": "x" }))
        .run();
    assert!(
        matches!(run.failure(), Failure::Inference(text) if text.contains("`vector` no labels"))
    );
}

#[test]
fn the_text_is_cut_at_the_bound_of_the_encoders_card() {
    let (harness, seen) = stage(vec![0.7, 0.1, 0.1, 0.1]);
    let run = harness.fields(json!({ "body": "word ".repeat(500) })).run();
    assert!(run.result.is_ok());
    assert_eq!(*seen.borrow(), 16);
}

#[test]
fn a_thread_without_a_body_is_read_by_the_newest_message_of_its_opener() {
    let (harness, seen) = stage(vec![0.7, 0.1, 0.1, 0.1]);
    let thread = json!([
        { "from": "ann", "body": "one" },
        { "from": "ann", "body": "one two three" },
        { "from": "shop", "body": "four" },
    ]);
    let run = harness.fields(json!({ "messages": thread })).run();
    assert!(run.result.is_ok());
    assert_eq!(*seen.borrow(), 5);
}

#[test]
fn without_text_nothing_is_claimed_and_no_model_runs() {
    for fields in [
        json!({}),
        json!({ "subject": " ", "body": "\n", "messages": [{ "body": "" }] }),
    ] {
        let run = Harness::new(&STAGE)
            .card("heads", heads_card())
            .model("encoder", |_| panic!("the encoder ran"))
            .model("heads", |_| panic!("the heads ran"))
            .fields(fields)
            .run();
        let answer = run.answer();
        assert_eq!(answer.confidence, Some(0.0));
        assert_eq!(
            answer.fields,
            json!({
                "type": "other", "type_confidence": 0.0, "urgency": null, "urgency_confidence": 0.0,
                "sentiment": null, "sentiment_confidence": 0.0, "alternatives": [],
                "out_of_scope": false, "low_confidence": true, "nothing_read": true
            })
        );
    }
}

#[test]
fn heads_that_do_not_fit_their_card_are_an_inference_failure() {
    let (harness, _) = stage(vec![0.7, 0.3]);
    let run = harness.fields(json!({ "body": "x" })).run();
    assert!(matches!(run.failure(), Failure::Inference(text) if text.contains("2 classes")));
    let (harness, _) = stage(vec![f32::NAN; 4]);
    let run = harness.fields(json!({ "body": "x" })).run();
    assert!(matches!(run.failure(), Failure::Inference(_)));
}

#[test]
fn heads_on_the_vector_alone_are_given_that_alone() {
    let (harness, _) = stage(vec![0.7, 0.1, 0.1, 0.1]);
    let mut card = heads_card();
    card["inputs"] = json!({ "embedding": { "type": "f32", "dims": ["batch", 384] } });
    let run = harness
        .card("heads", card)
        .model("heads", |given| {
            assert_eq!(given.names().collect::<Vec<_>>(), ["embedding"]);
            let outputs = [
                ("type", Tensor::new(&[1, 4], &[0.1_f32, 0.6, 0.2, 0.1])?),
                ("urgency", Tensor::new(&[1, 2], &[0.1_f32, 0.9])?),
                ("sentiment", Tensor::new(&[1, 2], &[0.7_f32, 0.3])?),
            ];
            Ok(outputs.into_iter().collect())
        })
        .fields(json!({ "body": "x" }))
        .run();
    assert_eq!(run.answer().fields["type"], "refund");
}

#[test]
fn heads_that_want_what_nobody_gives_are_an_inference_failure_that_names_it() {
    let (harness, _) = stage(vec![0.7, 0.1, 0.1, 0.1]);
    let mut card = heads_card();
    card["inputs"]["token_type_ids"] = json!({ "type": "i64", "dims": ["batch", "tokens"] });
    let run = harness
        .card("heads", card)
        .model("heads", |_| panic!("the heads ran"))
        .fields(json!({ "body": "x" }))
        .run();
    assert!(
        matches!(run.failure(), Failure::Inference(text)
            if text.contains("want `token_type_ids`") && text.contains("\"embedding\"")),
        "{:?}",
        run.failure()
    );
}

#[test]
fn a_refusal_of_the_host_is_passed_on() {
    let (harness, _) = stage(vec![0.7, 0.1, 0.1, 0.1]);
    let run = harness
        .model("encoder", |_| {
            Err(harness::refuse(Code::Timeout, "the time is up"))
        })
        .fields(json!({ "body": "x" }))
        .run();
    assert!(matches!(run.failure(), Failure::Inference(text) if text.contains("timeout")));
}

#[test]
fn quotes_and_signature_are_not_read() {
    let (harness, seen) = stage(vec![0.7, 0.1, 0.1, 0.1]);
    let body = "Still nothing here.\n\n-- \nAnn\n\nOn 3 May 2024 at 10:12, Shop <a@b.example> wrote:\n> We sent it.\n";
    let run = harness.fields(json!({ "body": body })).run();
    assert!(run.result.is_ok());
    // [CLS] still nothing here . [SEP]
    assert_eq!(*seen.borrow(), 6);
    let (harness, seen) = stage(vec![0.7, 0.1, 0.1, 0.1]);
    let run = harness.fields(json!({ "body": "> We sent it.\n" })).run();
    assert!(run.result.is_ok());
    assert!(*seen.borrow() >= 6);
}

#[test]
fn a_disguised_or_repeated_text_is_read_as_a_reader_sees_it() {
    let tokens = |body: &str| {
        let (harness, seen) = stage(vec![0.9, 0.05, 0.03, 0.02]);
        let run = harness.fields(json!({ "body": body })).run();
        assert!(run.result.is_ok());
        *seen.borrow()
    };
    let plain = tokens("My card was blocked & I need it.");
    for disguised in [
        "Му cаrd w\u{200b}аs blоckеd & I need it.",
        "Ｍｙ ｃａｒｄ ｗａｓ ｂｌｏｃｋｅｄ ＆ Ｉ ｎｅｅｄ ｉｔ．",
        "<html><body><style>p {}</style><p>My card was blocked &amp; I need it.</p></body></html>",
        "My card was blocked & I need it.\n\nMy card was blocked & I need it.\n",
    ] {
        assert_eq!(tokens(disguised), plain, "{disguised}");
    }
}

/// A stage whose heads find a card in whole letters and, of parts, what `parts` says.
fn asked_often(parts: [[f32; 4]; 2]) -> Harness<'static> {
    Harness::new(&STAGE)
        .card("encoder", json!({ "name": "minilm", "version": "1.0.0" }))
        .card("heads", heads_card())
        .model("encoder", |given| {
            let ids = given.i64("input_ids")?;
            let dims = [ids.dims()[0], ids.dims()[1], 384];
            let states = Tensor::new(&dims, &vec![0.5_f32; dims.iter().product()])?;
            Ok([("states", states)].into_iter().collect())
        })
        .model("heads", move |given| {
            let rows = given.i64("attention_mask")?.dims()[0];
            let types = if rows == 1 {
                vec![0.9, 0.05, 0.03, 0.02]
            } else {
                parts.concat()
            };
            let outputs = [
                ("type", Tensor::new(&[rows, 4], &types)?),
                (
                    "urgency",
                    Tensor::new(&[rows, 2], &[0.1_f32, 0.9].repeat(rows))?,
                ),
                (
                    "sentiment",
                    Tensor::new(&[rows, 2], &[0.7_f32, 0.3].repeat(rows))?,
                ),
            ];
            Ok(outputs.into_iter().collect())
        })
}

const TWICE: &str = "My card is worn, can I have a new one? Also, where is my order?";

#[test]
fn a_letter_that_asks_for_two_things_has_both_said() {
    let run = asked_often([[0.8, 0.1, 0.05, 0.05], [0.1, 0.1, 0.7, 0.1]])
        .config(json!({ "asks": 8 }))
        .fields(json!({ "body": TWICE }))
        .run();
    let answer = run.answer();
    assert_eq!(answer.fields["type"], "card");
    assert_eq!(
        answer.fields["asks"],
        json!([{ "type": "card", "confidence": 0.8 }, { "type": "delivery", "confidence": 0.7 }])
    );
}

#[test]
fn parts_are_not_told_where_all_ask_the_same_or_are_out_of_scope_or_none_are_wanted() {
    let same = [[0.8, 0.1, 0.05, 0.05]; 2];
    let other = [[0.8, 0.1, 0.05, 0.05], [0.1, 0.1, 0.7, 0.1]];
    let aside = [[0.8, 0.1, 0.05, 0.05], [0.1, 0.1, 0.1, 0.7]];
    for (parts, most, body) in [
        (same, 8, TWICE),
        (aside, 8, TWICE),
        (other, 0, TWICE),
        (other, 1, TWICE),
        (other, 8, "My card is worn. Can I have a new one?"),
    ] {
        let run = asked_often(parts)
            .config(json!({ "asks": most }))
            .fields(json!({ "body": body }))
            .run();
        assert!(run.answer().fields.get("asks").is_none(), "{most}: {body}");
    }
}
