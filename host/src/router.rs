//! The routes, and the one path that a submission takes: admit → read → run → answer.
//!
//! The order matters. A place is taken before a byte of the body is read, so that bodies are bounded in number as well as
//! in size; the deadline counts from there; whatever ends the request gives the place back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::routing::{MethodRouter, get, post};
use fleetwright_fleet::{Attachment, Fleet, Outcome, Snapshot, Status, Submission, SubmissionId};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::timeout_at;

use crate::admission::{Admission, Permit};
use crate::health;
use crate::problem::{self, Problem, SUBMISSION_ID};
use crate::rescue;
use crate::submission::{self, Bounds, Draft, Refusal, body};
use crate::telemetry::{Metrics, SubmissionAnswered};

/// What the router answers with.
pub struct Host {
    /// The fleet that runs submissions.
    pub fleet: Fleet,
    /// Who gets in.
    pub admission: Admission,
    /// What is taken of a body.
    pub bounds: Bounds,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// When the host was ready to serve.
    pub started: Instant,
    /// Where it listens, for whoever asks `ps`.
    pub url: String,
}

/// Every route, with its method and what it is for.
pub const ROUTES: [(&str, &str, &str); 11] = [
    (
        "POST",
        "/v1/submissions",
        "submit: application/json, multipart/form-data or message/rfc822",
    ),
    (
        "GET",
        "/v1/fleet",
        "what is served: stages, plugins, models, digests",
    ),
    ("GET", "/v1/stages/{name}", "one stage of it"),
    (
        "GET",
        "/v1/stages/{name}/shadow",
        "where its shadow answered otherwise",
    ),
    ("GET", "/livez", "whether the process lives"),
    (
        "GET",
        "/readyz",
        "whether it takes submissions; ?verbose tells more",
    ),
    (
        "GET",
        "/v2/health/live",
        "the same, as the Open Inference Protocol asks",
    ),
    (
        "GET",
        "/v2/health/ready",
        "the same, as the Open Inference Protocol asks",
    ),
    ("GET", "/metrics", "counters and histograms for Prometheus"),
    ("GET", "/problems", "every problem that is answered"),
    ("GET", "/problems/{name}", "what one of them means"),
];

/// What the fleet gets beyond a submission's deadline to say itself that it has passed.
const LATE: Duration = Duration::from_secs(1);

/// The routes of a host.
pub fn router(host: Arc<Host>) -> Router {
    Router::new()
        .route(
            "/v1/submissions",
            post(submit).fallback(async |method: Method| {
                rescue::method(&method, "POST").into_response(None)
            }),
        )
        .route("/v1/fleet", only_get(get(fleet)))
        .route("/v1/stages/{name}", only_get(get(stage)))
        .route("/v1/stages/{name}/shadow", only_get(get(shadow)))
        .route("/livez", only_get(get(health::live)))
        .route("/readyz", only_get(get(health::ready)))
        .route("/v2/health/live", only_get(get(health::oip_live)))
        .route("/v2/health/ready", only_get(get(health::oip_ready)))
        .route("/metrics", only_get(get(metrics)))
        .route("/problems", only_get(get(problems)))
        .route("/problems/{name}", only_get(get(one_problem)))
        .fallback(nowhere)
        .layer(middleware::from_fn(count))
        .with_state(host)
}

/// An answer that is JSON, ended by a line break for those who read it in a terminal.
pub(crate) fn json_response(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Err(error) => Problem::new(
            problem::INTERNAL,
            format!("the answer cannot be written ({error}): report it"),
        )
        .into_response(None),
        Ok(mut bytes) => {
            bytes.push(b'\n');
            let mut response = Response::new(Body::from(bytes));
            *response.status_mut() = status;
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
                .headers_mut()
                .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
    }
}

fn only_get(route: MethodRouter<Arc<Host>>) -> MethodRouter<Arc<Host>> {
    route.fallback(async |method: Method| rescue::method(&method, "GET, HEAD").into_response(None))
}

async fn submit(State(host): State<Arc<Host>>, request: Request) -> Response<Body> {
    let _at_work = host.fleet.at_work();
    let mut watch = Watch::start();
    let ended = answer(&host, &watch.id, request).await;
    watch.answer(ended)
}

/// How a request to `/v1/submissions` ended.
enum Ended {
    Outcome(Box<Outcome>),
    Refused(Refusal),
    Shed(Problem),
    Late(Problem),
}

async fn answer(host: &Host, id: &SubmissionId, request: Request) -> Ended {
    let (head, mut body) = request.into_parts();
    let permit = match host.admission.admit() {
        Ok(permit) => permit,
        Err(shed) => {
            body::discard(&head.headers, &mut body).await;
            return Ended::Shed(shed.into());
        }
    };
    // Taken once: the submission is read for, and run by, one generation.
    let snapshot = host.fleet.current();
    let reading = submission::read(&head.headers, &mut body, host.bounds, snapshot.fields());
    let read = timeout_at(permit.deadline(), reading)
        .await
        .unwrap_or(Err(Refusal::TooSlow {
            waited: host.admission.deadline(),
        }));
    let draft = match read {
        Ok(draft) => draft,
        Err(refusal) => {
            body::discard(&head.headers, &mut body).await;
            return Ended::Refused(refusal);
        }
    };
    let mut submission = submission_of(id.clone(), draft);
    submission.marks = marks(&head.headers, &snapshot);
    run(host, &permit, snapshot.run(submission, permit.deadline())).await
}

async fn run(host: &Host, permit: &Permit, outcome: impl Future<Output = Outcome>) -> Ended {
    match timeout_at(permit.deadline() + LATE, outcome).await {
        Ok(outcome) => Ended::Outcome(Box::new(outcome)),
        Err(_) => Ended::Late(rescue::late(host.admission.deadline())),
    }
}

/// The headers of a request that choose a canary: those that are there and do not say no.
fn marks(headers: &HeaderMap, snapshot: &Snapshot) -> BTreeSet<String> {
    let says_yes = |name: &&str| {
        headers.get(*name).is_some_and(|value| {
            !["0", "false", "off", "no"]
                .iter()
                .any(|no| value.as_bytes().eq_ignore_ascii_case(no.as_bytes()))
        })
    };
    snapshot
        .headers()
        .filter(says_yes)
        .map(str::to_owned)
        .collect()
}

/// A draft as a fleet takes it.
#[must_use]
pub fn submission_of(id: SubmissionId, draft: Draft) -> Submission {
    let attachments = draft.attachments.into_iter().map(|file| Attachment {
        name: file.name,
        media_type: file.media_type,
        bytes: file.bytes,
    });
    Submission {
        id,
        fields: draft.fields,
        attachments: attachments.collect(),
        marks: BTreeSet::new(),
    }
}

/// Watches one request, so that it is counted once however it ends: dropped without an answer, the client went away.
struct Watch {
    id: SubmissionId,
    started: Instant,
    answered: bool,
}

impl Watch {
    fn start() -> Watch {
        Watch {
            id: SubmissionId::new(),
            started: Instant::now(),
            answered: false,
        }
    }

    fn answer(&mut self, ended: Ended) -> Response<Body> {
        let (status, told) = match ended {
            Ended::Outcome(outcome) if outcome.status == Status::Failed => {
                ("failed", Err(rescue::failed(&outcome)))
            }
            Ended::Outcome(outcome) => (outcome.status.name(), Ok(outcome)),
            Ended::Refused(refusal) => ("refused", Err(refusal.into())),
            Ended::Shed(problem) => ("shed", Err(problem)),
            Ended::Late(problem) => ("late", Err(problem)),
        };
        let problem = told.as_ref().err().map(|problem| problem.kind.name);
        let response = match told {
            Ok(outcome) => {
                let mut response = json_response(StatusCode::OK, &outcome);
                if let Ok(id) = HeaderValue::from_str(self.id.as_str()) {
                    response.headers_mut().insert(SUBMISSION_ID, id);
                }
                response
            }
            Err(problem) => problem.into_response(Some(self.id.as_str())),
        };
        self.answered = true;
        self.emit(status, Some(response.status()), problem);
        response
    }

    fn emit(&self, status: &'static str, code: Option<StatusCode>, problem: Option<&'static str>) {
        SubmissionAnswered {
            id: self.id.as_str(),
            status,
            code,
            problem,
            elapsed: self.started.elapsed(),
        }
        .emit();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.answered {
            self.emit("cancelled", None, None);
        }
    }
}

async fn fleet(State(host): State<Arc<Host>>) -> Response<Body> {
    json_response(StatusCode::OK, &host.fleet.current().summary())
}

/// A name in a path, where it is one: `%ff` is not.
type Name = Result<Path<String>, PathRejection>;

async fn stage(State(host): State<Arc<Host>>, name: Name, uri: Uri) -> Response<Body> {
    let Ok(Path(name)) = name else {
        return nowhere(uri).await;
    };
    let summary = host.fleet.current().summary();
    match summary.stages.iter().find(|stage| stage.name == name) {
        Some(stage) => json_response(StatusCode::OK, stage),
        None => {
            let names: Vec<_> = summary
                .stages
                .iter()
                .map(|stage| stage.name.as_str())
                .collect();
            rescue::no_stage(&name, &names).into_response(None)
        }
    }
}

/// The latest answers of a stage's shadow that differ from its own.
async fn shadow(State(host): State<Arc<Host>>, name: Name, uri: Uri) -> Response<Body> {
    let Ok(Path(name)) = name else {
        return nowhere(uri).await;
    };
    let snapshot = host.fleet.current();
    let summary = snapshot.summary();
    match summary.stages.iter().find(|stage| stage.name == name) {
        Some(stage) => json_response(
            StatusCode::OK,
            &json!({"stage": name, "shadow": stage.shadow, "differences": snapshot.differences(&name)}),
        ),
        None => {
            let names: Vec<_> = summary
                .stages
                .iter()
                .map(|stage| stage.name.as_str())
                .collect();
            rescue::no_stage(&name, &names).into_response(None)
        }
    }
}

async fn metrics(State(host): State<Arc<Host>>) -> Response<Body> {
    let mut response = Response::new(Body::from(host.metrics.render()));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    response
}

fn described(kind: &problem::Kind) -> Value {
    json!({"type": format!("/problems/{}", kind.name), "status": kind.status, "title": kind.title, "meaning": kind.meaning})
}

async fn problems() -> Response<Body> {
    json_response(
        StatusCode::OK,
        &problem::KINDS.iter().map(described).collect::<Vec<_>>(),
    )
}

async fn one_problem(name: Name, uri: Uri) -> Response<Body> {
    let named = |kind: &&problem::Kind| name.as_ref().is_ok_and(|Path(name)| kind.name == name);
    match problem::KINDS.iter().find(named) {
        Some(kind) => json_response(StatusCode::OK, &described(kind)),
        None => nowhere(uri).await,
    }
}

async fn nowhere(uri: Uri) -> Response<Body> {
    let routes = ROUTES.map(|(_, path, _)| path);
    rescue::nowhere(uri.path(), &routes).into_response(None)
}

async fn count(path: Option<MatchedPath>, request: Request, next: Next) -> Response<Body> {
    // Only routes and methods that are known become labels: what a client invents must not.
    let route = path.map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        _ => "other",
    };
    let response = next.run(request).await;
    let code = response.status().as_u16().to_string();
    metrics::counter!("fleetwright_http_requests_total", "route" => route, "method" => method, "code" => code).increment(1);
    response
}
