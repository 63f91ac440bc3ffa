//! Runs a stage natively, as its host would: for tests of plugins.
//!
//! Fields and config are JSON, models are closures over tensors, cards are JSON too, and log lines come back with the
//! answer. The state belongs to the thread and lasts for one call. There are no limits here: the host has them.
//!
//! ```
//! use fleetwright_sdk::harness::{Harness, json};
//! use fleetwright_sdk::prelude::*;
//!
//! stage! { name: "score", summary: "Scores.", roles: { "scorer": "`x` f32 [1] to `y` f32 [1]" }, handle: score }
//!
//! #[derive(Deserialize)]
//! struct Fields {
//!     x: f32,
//! }
//!
//! #[derive(Serialize)]
//! struct Score {
//!     y: f32,
//! }
//!
//! fn score(request: Request<Fields>) -> Result<Answer<Score>, Failure> {
//!     let x = Tensor::new(&[1], &[request.fields.x])?;
//!     let scored = Model::open("scorer")?.run([("x", x)])?.f32("y")?.shaped(&[1])?;
//!     Ok(Answer::new(Score { y: scored[0] }))
//! }
//!
//! let run = Harness::new(&STAGE)
//!     .fields(json!({ "x": 2.0 }))
//!     .model("scorer", |given| {
//!         let doubled = given.f32("x")?[0] * 2.0;
//!         Ok([("y", Tensor::new(&[1], &[doubled])?)].into_iter().collect())
//!     })
//!     .run();
//! assert_eq!(run.answer().fields, json!({ "y": 4.0 }));
//! ```

use std::rc::Rc;

use serde_json::{Map, Value};

pub use serde_json::json;

use crate::host::{Refusal, State, enter};
use crate::logging::Level;
use crate::nn::{self, Code, Tensors};
use crate::{Answer, Attachment, Failure, RawRequest, Stage};

/// One call of a stage, being set up. Fields and config are `{}` until they are set.
pub struct Harness<'a> {
    stage: &'a Stage,
    fields: Value,
    attachments: Vec<Attachment>,
    state: State,
}

impl<'a> Harness<'a> {
    /// A call of `stage`, the `STAGE` that [`stage!`](crate::stage!) makes.
    #[must_use]
    pub fn new(stage: &'a Stage) -> Self {
        let state = State {
            config: "{}".to_owned(),
            ..State::default()
        };
        Self {
            stage,
            fields: Value::Object(Map::new()),
            attachments: Vec::new(),
            state,
        }
    }

    /// Sets the granted fields: a JSON object, with earlier stages' answers under their names.
    #[must_use]
    pub fn fields(mut self, fields: Value) -> Self {
        self.fields = fields;
        self
    }

    /// Adds an attachment.
    #[must_use]
    pub fn attach(mut self, name: &str, media_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let attachment = Attachment {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            bytes: bytes.into(),
        };
        self.attachments.push(attachment);
        self
    }

    /// Sets the stage's config: a JSON object.
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        self.state.config = config.to_string();
        self
    }

    /// Binds a role to a closure. Its error becomes what the host would refuse with; see [`refuse`].
    #[must_use]
    pub fn model(
        mut self,
        role: &str,
        run: impl Fn(Tensors) -> Result<Tensors, nn::Error> + 'static,
    ) -> Self {
        let stub = move |inputs| run(inputs).map_err(to_refusal);
        self.state.models.insert(role.to_owned(), Rc::new(stub));
        self
    }

    /// Sets the card of a role, as [`nn::card`] reads it.
    #[must_use]
    pub fn card(mut self, role: &str, card: Value) -> Self {
        self.state.cards.insert(role.to_owned(), card.to_string());
        self
    }

    /// Calls the stage.
    #[must_use]
    pub fn run(self) -> Run {
        let request = RawRequest {
            fields: self.fields.to_string(),
            attachments: self.attachments,
        };
        let (result, state) = enter(self.state, || (self.stage.handle)(request));
        let result = result.and_then(|raw| {
            let fields = serde_json::from_str(&raw.fields)
                .map_err(|e| Failure::Internal(format!("the answer: {e}")))?;
            Ok(Answer {
                fields,
                confidence: raw.confidence,
                disposition: raw.disposition,
            })
        });
        Run {
            result,
            log: state.log,
        }
    }
}

/// What came of a call.
#[derive(Debug)]
pub struct Run {
    /// The stage's answer, read back from the JSON that it wrote, or its failure.
    pub result: Result<Answer<Value>, Failure>,
    /// The log lines, in order.
    pub log: Vec<(Level, String)>,
}

impl Run {
    /// The answer.
    ///
    /// # Panics
    /// Where the stage failed: with the failure and the log.
    #[must_use]
    #[track_caller]
    #[allow(clippy::panic, reason = "a test's assertion")]
    pub fn answer(&self) -> &Answer<Value> {
        match &self.result {
            Ok(answer) => answer,
            Err(failure) => panic!("the stage failed: {failure}\nlog: {:#?}", self.log),
        }
    }

    /// The failure.
    ///
    /// # Panics
    /// Where the stage answered: with the answer.
    #[must_use]
    #[track_caller]
    #[allow(clippy::panic, reason = "a test's assertion")]
    pub fn failure(&self) -> &Failure {
        match &self.result {
            Ok(answer) => panic!("the stage answered: {answer:#?}"),
            Err(failure) => failure,
        }
    }
}

/// The error of a model that the host refuses with `code`, for a closure of [`Harness::model`].
#[must_use]
pub fn refuse(code: Code, message: &str) -> nn::Error {
    nn::Error::Host {
        role: String::new(),
        code,
        message: message.to_owned(),
    }
}

fn to_refusal(error: nn::Error) -> Refusal {
    match error {
        nn::Error::Host { code, message, .. } => (code, message),
        other => (Code::InvalidArgument, other.to_string()),
    }
}
