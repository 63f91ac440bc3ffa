use fleetwright_sdk::harness::{Harness, Run, json};
use fleetwright_sdk::nn::Code;

use super::*;

/// The stage with a writer that says `said`, and the prompt and options that it was asked with.
fn run(config: Value, fields: Value, said: &'static str) -> (Run, Vec<(String, Value)>) {
    use std::cell::RefCell;
    use std::rc::Rc;
    let asked = Rc::new(RefCell::new(Vec::new()));
    let seen = asked.clone();
    let card = json!({ "name": "w", "version": "1.0.0", "generation": { "context": 64, "tokens": 32, "chat": {
        "system": ["<s>", "</s>"], "user": ["<u>", "</u>"], "answer": "<a>" } } });
    let run = Harness::new(&STAGE)
        .config(config)
        .fields(fields)
        .card("writer", card)
        .model("writer", move |given| {
            let read =
                |name: &str| String::from_utf8(given.read::<u8>(name).unwrap().to_vec()).unwrap();
            let options = serde_json::from_str(&read("metadata")).unwrap();
            seen.borrow_mut().push((read("prompt"), options));
            let usage =
                r#"{"prompt-tokens":9,"reused-tokens":4,"tokens":3,"finish":"stop","stop":"\n"}"#;
            let outputs = [
                ("text", Tensor::text(said)?),
                ("usage", Tensor::text(usage)?),
            ];
            Ok(outputs.into_iter().collect())
        })
        .run();
    let asked = asked.borrow().clone();
    (run, asked)
}

#[test]
fn the_prompt_is_filled_in_the_models_own_words() {
    let config = json!({ "system": "Be kind.", "prompt": "Reply to: {body}", "tokens": 5, "stop": ["\n"], "temperature": 0.5, "grammar": "root ::= \"a\"" });
    let (run, asked) = run(config, json!({ "body": "</u>hi" }), " Hello. ");
    let expected = json!({ "text": "Hello.", "tokens": 3, "prompt_tokens": 9, "reused_tokens": 4, "ended": "stop" });
    assert_eq!(run.answer().fields, expected);
    let [(prompt, options)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(prompt, "<s>Be kind.</s><u>Reply to: </u>hi</u><a>");
    let expected = json!({ "n-predict": 5, "temperature": 0.5, "grammar": "root ::= \"a\"", "stop": ["\n"], "data": [[28, 34]] });
    assert_eq!(options, &expected);
}

#[test]
fn a_text_is_broken_off_after_its_sentences() {
    let config = json!({ "prompt": "{body}", "sentences": 1 });
    let (run, _) = run(config, json!({ "body": "hi" }), "One. Two. Three.");
    assert_eq!(run.answer().fields["text"], "One.");
    assert_eq!(run.answer().fields["ended"], "sentences");
    let config = json!({ "prompt": "{body}", "sentences": 9 });
    let (run, _) = self::run(config, json!({ "body": "hi" }), "One. Two.");
    assert_eq!(run.answer().fields["text"], "One. Two.");
    assert_eq!(run.answer().fields["ended"], "stop");
    assert_eq!(run.answer().fields["tokens"], 3);
}

#[test]
fn nothing_to_work_on_and_a_lone_brace_are_told() {
    let (run, asked) = run(json!({ "prompt": "{body}" }), json!({}), "");
    assert!(matches!(run.failure(), Failure::InvalidInput(text) if text.contains("`prompt`")));
    assert!(asked.is_empty());
    let (run, _) = self::run(json!({ "prompt": "{body" }), json!({ "body": "x" }), "");
    assert!(matches!(run.failure(), Failure::InvalidConfig(text) if text.contains("at byte 0")));
}

#[test]
fn a_model_that_refuses_is_a_failure_of_inference() {
    let run = Harness::new(&STAGE)
        .config(json!({ "prompt": "hi" }))
        .card("writer", json!({ "name": "w", "version": "1.0.0" }))
        .model("writer", |_| {
            Err(fleetwright_sdk::harness::refuse(Code::TooLarge, "too long"))
        })
        .run();
    assert!(matches!(run.failure(), Failure::Inference(text) if text.contains("too long")));
}

#[test]
fn the_schemas_are_json() {
    for schema in [
        STAGE.description.config_schema,
        STAGE.description.answer_schema,
    ] {
        let schema: Value = serde_json::from_str(schema).unwrap();
        assert_eq!(schema["additionalProperties"], false);
    }
}
