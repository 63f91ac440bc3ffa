use super::STAGE;
use super::vectors::WIDTH;
use fleetwright_sdk::Failure;
use fleetwright_sdk::harness::{Harness, json};
use fleetwright_sdk::nn::Tensor;
use fleetwright_sdk::tokenizer;

/// An encoder whose states point where a token's id says, and a scorer that prefers what is asked.
fn stage() -> Harness<'static> {
    Harness::new(&STAGE)
        .card(
            "encoder",
            json!({ "name": "minilm-trunk", "version": "1.0.0", "limits": { "tokens": 64 } }),
        )
        .model("encoder", |given| {
            let ids = given.i64("input_ids")?;
            let mut states = vec![0.0_f32; ids.len() * WIDTH];
            for (state, id) in states.chunks_exact_mut(WIDTH).zip(ids.iter()) {
                state[usize::try_from(*id).unwrap() % WIDTH] = 1.0;
            }
            let dims = [ids.dims()[0], ids.dims()[1], WIDTH];
            Ok([("states", Tensor::new(&dims, &states)?)]
                .into_iter()
                .collect())
        })
        .model("scorer", |given| {
            let rows = given.f32("features")?;
            let question = |row: &[f32]| row[31];
            let scores: Vec<_> = rows.rows().map(|row| 0.2 + 0.5 * question(row)).collect();
            Ok([("score", Tensor::new(&[scores.len()], &scores)?)]
                .into_iter()
                .collect())
        })
}

#[test]
fn a_thread_is_told_by_its_speakers() {
    let messages = json!([
        { "from": "Marta Ruiz <m@x.example>", "date": "2024-05-01", "body": "Hello,\nthe boiler leaks since Sunday. When can somebody come?\n\nRegards,\nMarta" },
        { "from": "Piet <p@y.example>", "date": "2024-05-02", "body": "Our plumber has time on Tuesday morning.\n> When can somebody come?" },
    ]);
    let run = stage()
        .fields(json!({ "subject": "Boiler", "messages": messages }))
        .run();
    let answer = run.answer();
    assert_eq!(
        answer.fields["summary"],
        "Marta says: The boiler leaks since Sunday. When can somebody come? Piet replies: Our plumber has time on Tuesday morning."
    );
    assert_eq!(answer.fields["words"], 20);
    assert_eq!(answer.fields["ask"], "Marta asks: When can somebody come?");
    assert_eq!(answer.fields["sentences"][2]["message"], 1);
    assert_eq!(answer.confidence, None);
}

/// Vectors are what the encoder gave for a sentence's own tokens, wherever they stand in a run of rows that are padded.
#[test]
fn a_sentence_is_as_near_to_another_as_their_tokens_are() {
    let bodies = [
        "Hello,\nthe oven is cold again. When can somebody come and mend it?",
        "We will send a plumber.",
        "The oven was new in May, and nobody came to mend it. My oven is as cold.",
        "We are sorry for that.",
    ];
    let messages: Vec<_> = bodies
        .iter()
        .zip(["Ida", "Bo", "Cy", "Bo"])
        .map(|(body, from)| json!({ "from": from, "body": body }))
        .collect();
    let told = [
        "the oven is cold again.",
        "When can somebody come and mend it?",
        "We will send a plumber.",
        "The oven was new in May, and nobody came to mend it.",
        "My oven is as cold.",
        "We are sorry for that.",
    ];
    let vector = |text: &str| {
        let ids = tokenizer::encode(text, 256).ids;
        let mut sum = vec![0.0_f32; WIDTH];
        for id in &ids[1..ids.len() - 1] {
            sum[usize::try_from(*id).unwrap() % WIDTH] += 1.0;
        }
        sum
    };
    let cosine = |one: &str, other: &str| {
        let (one, other) = (vector(one), vector(other));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(&one, &other) / (dot(&one, &one) * dot(&other, &other)).sqrt()
    };
    let wanted: Vec<_> = told
        .iter()
        .map(|text| [cosine(text, told[0]), cosine(text, "Cold oven")])
        .collect();
    let run = stage()
        .model("scorer", move |given| {
            let rows = given.f32("features")?;
            assert_eq!(rows.dims()[0], wanted.len());
            for (row, wanted) in rows.rows().zip(&wanted) {
                // `near_opening` and `near_subject`
                for (found, wanted) in [row[3], row[7]].iter().zip(wanted) {
                    assert!((found - wanted).abs() < 1e-5, "{found}, not {wanted}");
                }
            }
            let scores = vec![0.5_f32; rows.dims()[0]];
            Ok([("score", Tensor::new(&[scores.len()], &scores)?)]
                .into_iter()
                .collect())
        })
        .fields(json!({ "subject": "Cold oven", "messages": messages }))
        .run();
    assert!(run.result.is_ok(), "{:?}", run.result);
}

#[test]
fn the_ask_is_the_openers_newest() {
    let thread = |messages: &[(&str, &str)]| {
        let messages: Vec<_> = messages
            .iter()
            .map(|(from, body)| json!({ "from": from, "body": body }))
            .collect();
        let run = stage().fields(json!({ "messages": messages })).run();
        run.answer().fields["ask"].clone()
    };
    let asked = ("Ida", "When will the oven be mended?");
    let answered = ("Shop", "Hello Ida, which model do you have, please?");
    assert_eq!(
        thread(&[
            asked,
            answered,
            ("Ida", "Hi! It is the M3. Please mend it by Friday.")
        ]),
        "Ida replies: Please mend it by Friday."
    );
    assert_eq!(
        thread(&[asked, answered, ("Ida", "Model M3, from last year.")]),
        "Ida asks: When will the oven be mended?"
    );
    assert_eq!(
        thread(&[("Ida", "The oven is cold again."), answered]),
        "Shop asks: Which model do you have, please?"
    );
    assert!(thread(&[("Ida", "The oven is cold again.")]).is_null());
}

#[test]
fn what_a_letter_asks_is_in_its_summary_though_others_score_better() {
    let body = "The oven that your shop sold me is broken, and nobody answers the telephone. It was new in May. I want my money back.";
    let run = stage()
        .config(json!({ "words": 9 }))
        .fields(json!({ "from": "Ida <ida@x.example>", "body": body }))
        .run();
    assert_eq!(
        run.answer().fields["summary"],
        "Ida says: I want my money back."
    );
}

#[test]
fn what_is_agreed_and_what_is_open_stand_beside_the_summary() {
    let messages = json!([
        { "from": "Ida", "body": "The oven is cold again. Can you send somebody?" },
        { "from": "Bo", "body": "We will send a plumber on Monday." },
        { "from": "Ida", "body": "Thank you so much. Is nine o'clock possible?" },
    ]);
    let run = stage().fields(json!({ "messages": messages })).run();
    let fields = &run.answer().fields;
    assert_eq!(
        fields["agreed"],
        "Bo replies: We will send a plumber on Monday."
    );
    assert_eq!(fields["open"], "Ida asks: Is nine o'clock possible?");
}

#[test]
fn another_language_is_said_and_not_scored() {
    let messages = json!([
        { "from": "Ida", "body": "Guten Tag, der Herd bleibt seit gestern Abend kalt und wir können nicht kochen. Wann kommt jemand?" },
        { "from": "Bo", "body": "Unser Techniker kommt am Montag um neun Uhr zu Ihnen nach Hause." },
    ]);
    let run = Harness::new(&STAGE)
        .model("encoder", |_| panic!("the encoder ran"))
        .model("scorer", |_| panic!("the scorer ran"))
        .fields(json!({ "messages": messages }))
        .run();
    let fields = &run.answer().fields;
    assert_eq!(fields["language"], "deu");
    assert_eq!(fields["method"], "lead");
    assert!(fields["note"].as_str().unwrap().contains("German"));
    assert!(
        fields["summary"]
            .as_str()
            .unwrap()
            .contains("Bo replies: Unser Techniker")
    );
}

#[test]
fn a_sentence_that_does_not_fit_is_said_to_be_too_long_and_not_cut() {
    let body = format!(
        "The lamp is broken, {}and so it goes.",
        "and then it fell, ".repeat(20)
    );
    let run = stage().fields(json!({ "body": body })).run();
    let fields = &run.answer().fields;
    assert_eq!(fields["summary"], "");
    assert!(fields["note"].as_str().unwrap().contains("none is cut"));
}

#[test]
fn what_a_reply_quotes_without_a_mark_is_not_its_writers() {
    let messages = json!([
        { "from": "Ida", "body": "I want my money back for the oven at once." },
        { "from": "Bo", "body": "We have looked into it.\n\nI want my money back for the oven at once." },
    ]);
    let run = stage().fields(json!({ "messages": messages })).run();
    assert_eq!(
        run.answer().fields["summary"],
        "Ida says: I want my money back for the oven at once. Bo replies: We have looked into it."
    );
}

#[test]
fn no_part_of_the_answer_carries_a_full_card_number() {
    let body = "Hi, please charge the yearly fee to the card that I use now, 4111 1111\n1111 1111 of my bank. Is 5555555555554444 on file as well?";
    let run = stage()
        .fields(json!({ "from": "Ida <ida@x.example>", "body": body }))
        .run();
    let fields = &run.answer().fields;
    let told = fields.to_string().replace([' ', '-'], "");
    assert!(!told.contains("4111111111111111"), "{told}");
    assert!(!told.contains("5555555555554444"), "{told}");
    assert_eq!(
        fields["summary"],
        "Ida says: Please charge the yearly fee to the card that I use now, ••1111 of my bank. Is ••4444 on file as well?"
    );
    assert_eq!(fields["ask"], "Ida asks: Is ••4444 on file as well?");
    let place =
        |sentence: usize, end: &str| fields["sentences"][sentence][end].as_u64().unwrap() as usize;
    let written = |at: usize| &body[place(at, "start")..place(at, "end")];
    assert_eq!(written(1), "Is 5555555555554444 on file as well?");
    assert!(written(0).starts_with("please charge") && written(0).ends_with("of my bank."));
}

#[test]
fn a_long_thread_keeps_to_sixty_words_and_to_whole_sentences() {
    let messages: Vec<_> = (0..60)
        .map(|at| json!({ "from": format!("P{at}"), "body": format!("Number {at} of us has {}to say.", "something ".repeat(at % 13)) }))
        .collect();
    let run = stage().fields(json!({ "messages": messages })).run();
    let fields = &run.answer().fields;
    assert!(fields["words"].as_u64().unwrap() <= 60);
    for sentence in fields["sentences"].as_array().unwrap() {
        assert!(sentence["text"].as_str().unwrap().ends_with("to say."));
    }
}

#[test]
fn places_are_bytes_of_the_body() {
    let body = "Grüße aus Köln. Der Kessel ist undicht, wer kann kommen?";
    let run = stage().fields(json!({ "body": body })).run();
    let fields = &run.answer().fields;
    let first = &fields["sentences"][0];
    let (start, end) = (
        first["start"].as_u64().unwrap() as usize,
        first["end"].as_u64().unwrap() as usize,
    );
    assert_eq!(&body[start..end], first["text"].as_str().unwrap());
    assert!(first["speaker"].is_null());
}

#[test]
fn without_text_the_summary_is_empty_and_no_model_runs() {
    for fields in [json!({}), json!({ "subject": "Hi", "body": " \n" })] {
        let run = Harness::new(&STAGE)
            .model("encoder", |_| panic!("the encoder ran"))
            .model("scorer", |_| panic!("the scorer ran"))
            .fields(fields)
            .run();
        assert_eq!(
            run.answer().fields,
            json!({ "summary": "", "words": 0, "sentences": [], "ask": null, "agreed": null, "open": null, "language": null, "method": null, "note": null })
        );
    }
}

/// The models know English alone; none may run.
#[test]
fn a_letter_in_a_script_without_blanks_is_told_by_its_first_sentences() {
    let refusing = || {
        Harness::new(&STAGE)
            .model("encoder", |_| panic!("the encoder ran"))
            .model("scorer", |_| panic!("the scorer ran"))
    };
    for (language, body, summary, ask) in [
        (
            "jpn",
            "佐藤様\n\n先週の月曜日に御社の通販サイトで注文した台所の電気の\n鍋が壊れています。いつ交換できますか？",
            "Ken says: 先週の月曜日に御社の通販サイトで注文した台所の電気の鍋が壊れています。 いつ交換できますか?",
            json!("Ken asks: いつ交換できますか?"),
        ),
        (
            "cmn",
            "你好，我上周订的台灯还没有收到。请帮我查一下！",
            "Ken says: 你好,我上周订的台灯还没有收到。 请帮我查一下!",
            json!(null),
        ),
        (
            "tha",
            "พัสดุของฉันยังมาไม่ถึง ช่วยตรวจสอบให้หน่อย",
            "Ken says: พัสดุของฉันยังมาไม่ถึง ช่วยตรวจสอบให้หน่อย",
            json!(null),
        ),
    ] {
        let fields = json!({ "from": "Ken <ken@x.example>", "body": body });
        let run = refusing().fields(fields).run();
        let fields = &run.answer().fields;
        assert_eq!(
            (
                &fields["language"],
                &fields["summary"],
                &fields["ask"],
                &fields["method"]
            ),
            (&json!(language), &json!(summary), &ask, &json!("lead"))
        );
        let note = fields["note"].as_str().unwrap();
        assert!(note.contains("knows English alone"), "{note}");
    }
}

#[test]
fn a_text_in_a_script_without_blanks_keeps_to_sixty_words_and_to_whole_sentences() {
    let body = "注文した鍋が壊れています。".repeat(40);
    let run = stage().fields(json!({ "body": body })).run();
    let fields = &run.answer().fields;
    let words = fields["words"].as_u64().unwrap();
    assert!((50..=60).contains(&words), "{words}");
    assert!(fields["summary"].as_str().unwrap().ends_with('。'));
    let endless = "注文した鍋が壊れています、".repeat(40);
    let run = stage().fields(json!({ "body": endless })).run();
    let note = &run.answer().fields["note"];
    assert!(note.as_str().unwrap().contains("none is cut"), "{note}");
}

#[test]
fn a_text_without_a_sentence_says_why_there_is_no_summary() {
    for (body, language) in [
        ("Dear Ann,\n\nthanks!\n\nBo", json!(null)),
        ("商品です。", json!("jpn")),
    ] {
        let run = Harness::new(&STAGE).fields(json!({ "body": body })).run();
        let fields = &run.answer().fields;
        assert_eq!(
            (&fields["summary"], &fields["language"]),
            (&json!(""), &language)
        );
        let note = fields["note"].as_str().unwrap();
        assert!(note.contains("no sentence of three words"), "{note}");
    }
}

#[test]
fn a_scorer_that_gives_too_few_scores_is_an_inference_failure() {
    let run = stage()
        .model("scorer", |_| {
            Ok([("score", Tensor::new(&[1], &[0.5_f32])?)]
                .into_iter()
                .collect())
        })
        .fields(json!({ "body": "The lamp is broken. Please send another." }))
        .run();
    assert!(matches!(run.failure(), Failure::Inference(text) if text.contains("1 scores for 2")));
}

#[test]
fn a_sentence_that_nobody_would_read_is_not_told() {
    let endless = "please send my money back to the card ".repeat(2000);
    let long_words = ["a", "b", "c"]
        .map(|letter| letter.repeat(30_000))
        .join(" ");
    for body in [endless, long_words] {
        let run = stage().fields(json!({ "body": body })).run();
        let answer = run.answer();
        assert_eq!(
            (&answer.fields["ask"], &answer.fields["summary"]),
            (&json!(null), &json!(""))
        );
        let note = answer.fields["note"].as_str().unwrap();
        assert!(note.contains("no sentence of the text fits"), "{note}");
    }
}
