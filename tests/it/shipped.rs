//! The shipped fleet, on the requests of `tests/data`, as a client sees it. What is right stands in the README there.

use std::fs;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use fleetwright_tests::{Host, Layout, command, data, digest, places};
use serde_json::{Value, json};

use crate::assertions::{has_the_invoice, outcome};

/// What a right answer to one request says.
struct Right {
    file: &'static str,
    status: &'static str,
    /// The types that are right; none where any is.
    types: &'static [&'static str],
    /// The urgencies that are right; none where any is.
    urgencies: &'static [&'static str],
    /// The moods that are right; none where any is.
    moods: &'static [&'static str],
    /// The queues that are right; none where any is.
    queues: &'static [&'static str],
    /// What must be found: its kind, and its normal form or one of its readings.
    entities: &'static [(&'static str, &'static str)],
    /// The rules that must flag it.
    flags: &'static [&'static str],
}

const RIGHT: &[Right] = &[
    Right {
        file: "01-card-stolen.txt",
        status: "completed",
        types: &["card", "fraud"],
        urgencies: &["critical", "high"],
        moods: &["negative"],
        queues: &["card-emergency"],
        entities: &[
            ("amount", "GBP 186.20"),
            ("date", "2025-03-14"),
            ("date", "2025-03-21"),
            ("phone", "+447700900461"),
            ("person", "Tom Ashdown"),
        ],
        flags: &["email.address", "phone.number"],
    },
    Right {
        file: "02-refund-thread.eml",
        status: "completed",
        types: &["refund"],
        urgencies: &["normal", "high"],
        moods: &["negative"],
        queues: &["payments"],
        entities: &[
            ("amount", "EUR 129.90"),
            ("amount", "EUR 9.90"),
            ("order_number", "HP-2048817"),
            ("tracking_number", "JD0142839201"),
            ("iban", "DE89370400440532013000"),
            ("date", "2025-03-25"),
            ("person", "Priya Raman"),
        ],
        flags: &["iban.mod97", "email.address", "phone.number"],
    },
    Right {
        file: "03-invoice.eml",
        status: "completed",
        types: &["invoice"],
        urgencies: &["normal"],
        moods: &["neutral", "negative"],
        queues: &["invoices"],
        entities: &[
            ("invoice_number", "INV-2025-00417"),
            ("order_number", "48213907"),
            ("customer_number", "K-20931"),
        ],
        flags: &[],
    },
    Right {
        file: "04-out-of-scope.txt",
        status: "completed",
        types: &["other"],
        urgencies: &[],
        moods: &[],
        queues: &["out-of-scope", "human-review"],
        entities: &[],
        flags: &[],
    },
    Right {
        file: "05-login-problem.json",
        status: "completed",
        types: &["account", "technical"],
        urgencies: &["high"],
        moods: &["negative"],
        queues: &["accounts", "technical", "human-review"],
        entities: &[
            ("customer_number", "K-77120"),
            ("date", "2025-03-19"),
            ("person", "Lena Brandt"),
        ],
        flags: &[],
    },
    Right {
        file: "06-cancel.eml",
        status: "completed",
        types: &["cancellation-or-subscription"],
        urgencies: &["normal"],
        moods: &["neutral"],
        queues: &["subscriptions"],
        entities: &[
            ("amount", "GBP 17.99"),
            ("date", "2025-03-31"),
            ("customer_number", "CU-558201"),
            ("person", "Owen Pritchard"),
        ],
        flags: &[],
    },
    Right {
        file: "07-pan-and-cvv.txt",
        status: "held",
        types: &["cancellation-or-subscription", "payment"],
        urgencies: &[],
        moods: &[],
        queues: &[],
        entities: &[
            ("card", "••1111"),
            ("amount", "USD 84.00"),
            ("phone", "+12125550147"),
            ("person", "Dolores Greer"),
        ],
        flags: &["pan.cvv"],
    },
    Right {
        file: "08-delivery.json",
        status: "completed",
        types: &["delivery", "order"],
        urgencies: &["normal", "high"],
        moods: &["negative"],
        queues: &["orders"],
        entities: &[
            ("order_number", "48213907"),
            ("tracking_number", "NG4471902"),
            ("amount", "GBP 62.47"),
            ("date", "2025-03-13"),
            ("date", "2025-03-22"),
        ],
        flags: &[],
    },
    Right {
        file: "09-charged-twice.txt",
        status: "completed",
        types: &["payment", "refund"],
        urgencies: &["normal"],
        moods: &["negative"],
        queues: &["payments", "human-review"],
        entities: &[
            ("amount", "CHF 49.00"),
            ("date", "2025-04-03"),
            ("date", "2025-03-04"),
            ("iban", "CH9300762011623852957"),
        ],
        flags: &["iban.mod97"],
    },
    Right {
        file: "invoice.pdf",
        status: "completed",
        types: &[],
        urgencies: &[],
        moods: &[],
        queues: &[],
        entities: &[
            ("invoice_number", "INV-2025-00417"),
            ("iban", "DE89370400440532013000"),
        ],
        flags: &[],
    },
];

impl Right {
    /// What is wrong with an outcome; nothing where it is right.
    fn wrong(&self, outcome: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                wrong.push(format!("{}: {what}", self.file));
            }
        };
        let answer = |stage: &str| outcome["stages"][stage]["answer"].clone();
        expect(
            outcome["status"] == self.status,
            format!("status {}", outcome["status"]),
        );
        for (stage, member, right) in [
            ("classify", "type", self.types),
            ("classify", "urgency", self.urgencies),
            ("classify", "sentiment", self.moods),
            ("route", "queue", self.queues),
        ] {
            let found = answer(stage)[member].clone();
            expect(
                right.is_empty() || right.iter().any(|one| found == *one),
                format!("{member} {found}"),
            );
        }
        let extract = answer("extract");
        let entities = extract["entities"].as_array().cloned().unwrap_or_default();
        for (kind, normal) in self.entities {
            let is = |entity: &Value| {
                let readings = entity["readings"].as_array();
                entity["kind"] == *kind
                    && (entity["normalized"] == *normal
                        || readings.is_some_and(|all| all.iter().any(|one| one == normal)))
            };
            expect(
                entities.iter().any(is),
                format!("no {kind} {normal} in {}", short(&entities)),
            );
        }
        let flags: Vec<_> = answer("comply")["flags"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for rule in self.flags {
            expect(
                flags.iter().any(|flag| flag["rule"] == *rule),
                format!("no flag {rule}"),
            );
        }
        let summary = answer("summarize")["summary"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        expect(
            summary.split_whitespace().count() <= 60,
            format!("a long summary: {summary}"),
        );
        let wordless = self.file.ends_with(".pdf");
        expect(
            summary.is_empty() == wordless,
            format!("the summary `{summary}`"),
        );
        wrong
    }
}

fn short(entities: &[Value]) -> String {
    let each = entities
        .iter()
        .map(|one| format!("{} {}", one["kind"], one["normalized"]));
    each.collect::<Vec<_>>().join(", ")
}

/// What is wrong and known: it stands in the card of `inbox-heads`. Once it is right, it goes.
const KNOWN: &[&str] = &["09-charged-twice.txt: sentiment \"neutral\""];

#[test]
fn every_request_is_answered_as_a_reader_would() {
    let host = Host::start(Layout::shipped().unwrap(), &[]).unwrap();
    let mut wrong = Vec::new();
    for right in RIGHT {
        let response = host.ask(&data::request(right.file).unwrap()).unwrap();
        assert_eq!(response.status, 200, "{}: {response}", right.file);
        let outcome = response.json().unwrap();
        wrong.extend(right.wrong(&outcome));
        is_traceable(&host, &outcome);
    }
    assert_eq!(wrong, KNOWN, "wrong, against what is known to be");
    let log = host.log();
    let warned = log.lines().filter(|line| line.contains(" WARN "));
    assert_eq!(warned.collect::<Vec<_>>(), Vec::<&str>::new());
    let resident = host
        .metric("process_resident_memory_bytes", &[])
        .unwrap()
        .unwrap();
    assert!(
        resident < f64::from(400 << 20),
        "all of that took {resident} bytes"
    );
}

/// What one stage has had read, no other pays for: the letter is one run of the encoder for three stages, its signature another for `extract`.
#[test]
fn a_letter_is_read_once_for_all_stages() {
    let host = Host::start(Layout::shipped().unwrap(), &[]).unwrap();
    let encoder = |name: &str| {
        let name = format!("fleetwright_model_{name}");
        let found = host.metric(&name, &[("model", "minilm-trunk")]).unwrap();
        found.unwrap_or_default()
    };
    // Golden cases ran it as the fleet was loaded.
    let before = encoder("requests_total");
    let own = "Hello,\n\nthe lamp that I ordered on Monday came broken.";
    let body = format!("{own} Please send another one.\n\nKind regards,\nAda Moe\n");
    let letter = json!({ "subject": "Broken lamp", "body": body });
    outcome(&host.submit(&letter).unwrap(), "completed");
    let read = || {
        let asked = encoder("requests_total") - before;
        (asked, encoder("saved_seconds_count"))
    };
    assert_eq!(read(), (2.0, 3.0));

    // What was said before, the summary and `comply` read together, in one more run.
    let messages = json!([
        { "from": "Ada", "body": "Where is the lamp that I ordered on Monday?" },
        { "from": "Shop", "body": "It is on its way to you." },
        { "from": "Ada", "body": own },
    ]);
    let thread = json!({ "subject": "Broken lamp", "messages": messages });
    outcome(&host.submit(&thread).unwrap(), "completed");
    assert_eq!(read(), (4.0, 7.0));
}

#[test]
fn every_request_of_the_folder_is_among_those_tested() {
    let mut files: Vec<_> = fs::read_dir(places::root().join("tests/data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            [".txt", ".json", ".eml", ".pdf"]
                .iter()
                .any(|kind| name.ends_with(kind))
        })
        .collect();
    files.sort();
    assert_eq!(
        files,
        RIGHT.iter().map(|right| right.file).collect::<Vec<_>>()
    );
}

/// Each decision names the plugin, the models and the manifest that gave it, by digest.
fn is_traceable(host: &Host, outcome: &Value) {
    let manifest = digest(&fs::read(host.layout().manifest()).unwrap());
    assert_eq!(outcome["fleet"]["generation"], 1);
    assert_eq!(outcome["fleet"]["manifest"], manifest);
    for (stage, decision) in outcome["stages"].as_object().unwrap() {
        let component = digest(&fs::read(places::plugin(stage).unwrap()).unwrap());
        assert_eq!(decision["plugin"]["digest"], component, "{stage}");
        let version = decision["plugin"]["version"].as_str().unwrap();
        let package = places::root().join(format!("plugins/{stage}/Cargo.toml"));
        let package = fs::read_to_string(package).unwrap();
        assert!(
            package.contains(&format!("\nversion = \"{version}\"\n")),
            "{stage}"
        );
        let ran = decision["status"] != "skipped";
        assert_eq!(
            decision["ms"]["total"].as_f64().is_some(),
            ran,
            "{stage}: {decision:#}"
        );
    }
}

#[test]
fn each_answer_names_the_models_by_the_digests_of_their_cards() {
    let layout = Layout::shipped().unwrap();
    let mut words = vec!["models".into(), "list".into(), "--json".into()];
    words.extend(layout.flags());
    let listed = command(words, "").unwrap().json().unwrap();
    let host = Host::start(layout, &[]).unwrap();
    let outcome = outcome(
        &host
            .ask(&data::request("01-card-stolen.txt").unwrap())
            .unwrap(),
        "completed",
    );
    let mut seen = 0;
    for (stage, decision) in outcome["stages"].as_object().unwrap() {
        for (role, model) in decision["models"].as_object().into_iter().flatten() {
            let card = listed["models"]
                .as_array()
                .unwrap()
                .iter()
                .find(|card| card["name"] == model["name"])
                .unwrap();
            assert_eq!(
                (&model["version"], &model["digest"]),
                (&card["version"], &card["digest"]),
                "{stage}.{role}"
            );
            assert_eq!(model["device"], "cpu", "{stage}.{role}");
            let graph = &card["files"][0]["sha256"];
            assert_eq!(
                model["graph"],
                json!(format!("sha256:{}", graph.as_str().unwrap())),
                "{stage}.{role}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 8, "all but route have two models: {outcome:#}");
    let fleet = host.get("/v1/fleet").unwrap().json().unwrap();
    let encoder = &fleet["stages"][0]["models"]["encoder"];
    assert_eq!(encoder["name"], "minilm-trunk", "{fleet:#}");
    assert!(encoder["workers"].as_u64() >= Some(1), "{encoder}");
    let why = encoder["why"].as_str().unwrap();
    assert!(why.starts_with("`auto`: "), "{why}");
}

#[test]
fn a_card_number_with_its_verification_value_is_held_and_never_extracted() {
    let host = Host::start(Layout::shipped().unwrap(), &[]).unwrap();
    let held = outcome(
        &host
            .ask(&data::request("07-pan-and-cvv.txt").unwrap())
            .unwrap(),
        "held",
    );
    assert_eq!(held["holds"][0]["stage"], "comply", "{held:#}");
    assert!(
        held["holds"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("pan.cvv"),
        "{held:#}"
    );
    assert_eq!(held["stages"]["comply"]["answer"]["held_by"], "pan.cvv");
    for stage in ["classify", "route", "extract", "summarize", "comply"] {
        let answer = held["stages"][stage]["answer"].to_string();
        assert!(
            !answer.replace(' ', "").contains("4111111111111111"),
            "{stage}: {answer}"
        );
        assert!(!answer.contains("CVV 123"), "{stage}: {answer}");
    }
    assert!(!host.log().replace(' ', "").contains("4111111111111111"));
}

#[test]
fn an_invoice_is_read_inside_the_sandbox() {
    let host = Host::start(Layout::shipped().unwrap(), &[]).unwrap();
    for file in ["03-invoice.eml", "invoice.pdf"] {
        let outcome = outcome(
            &host.ask(&data::request(file).unwrap()).unwrap(),
            "completed",
        );
        has_the_invoice(&outcome["stages"]["extract"]["answer"], file);
    }
}

/// A letter that is attached is read for names by the model, as the message is; the invoice beside it is left to rules.
#[test]
fn a_name_in_an_attached_letter_is_found_by_the_model() {
    let host = Host::start(Layout::shipped().unwrap(), &[]).unwrap();
    let letter = "Hello,\n\nmy order arrived broken. I spoke to Priya Raman on Friday, who told me to send the lamp back to you.\n";
    let invoice = fs::read(places::root().join("tests/data/invoice.pdf")).unwrap();
    let file =
        |name: &str, bytes: &[u8]| json!({ "name": name, "base64": BASE64_STANDARD.encode(bytes) });
    let attachments = [
        file("invoice.pdf", &invoice),
        file("letter.txt", letter.as_bytes()),
    ];
    let asked = json!({ "subject": "Lamp", "body": "Please see what is attached.", "attachments": attachments });
    let outcome = outcome(&host.submit(&asked).unwrap(), "completed");
    let entities = outcome["stages"]["extract"]["answer"]["entities"].clone();
    let by_model = entities.as_array().unwrap().iter();
    let by_model: Vec<_> = by_model.filter(|e| e["method"] == "model").collect();
    let [name] = by_model[..] else {
        panic!("{entities:#}")
    };
    assert_eq!(name["value"], "Priya Raman");
    assert_eq!(name["where"]["source"], "attachment:letter.txt");
}

#[test]
fn a_file_that_cannot_be_read_stops_nothing() {
    let host = Host::start(Layout::shipped().unwrap(), &[]).unwrap();
    let broken = serde_json::json!({
        "subject": "My invoice", "body": "Please check the attached invoice, it was charged twice.",
        "attachments": [{ "name": "broken.pdf", "base64": "JVBERi0xLjcKJeLjz9MKbm90aGluZw==" }],
    });
    let outcome = outcome(&host.submit(&broken).unwrap(), "completed");
    let documents = &outcome["stages"]["extract"]["answer"]["documents"];
    assert_eq!(documents[0]["name"], "broken.pdf", "{outcome:#}");
    assert!(documents[0]["problem"].is_string(), "{documents:#}");
}
