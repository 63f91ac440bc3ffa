//! Whether the host lives, and whether it takes submissions.
//!
//! It lives as long as it answers. It is ready from its first request, since it listens only once the fleet has started,
//! until it drains. A change that was refused, even at the start, does not make it unready: it serves what it served
//! before, and `?verbose` says so under `control`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use serde_json::{Value, json};

use crate::router::{Host, json_response};

/// `GET /livez`
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200 `ready` or 503 `draining`; with `?verbose`, JSON.
pub(crate) async fn ready(State(host): State<Arc<Host>>, uri: Uri) -> Response<Body> {
    let status = readiness(&host);
    if uri.query().is_some_and(|query| {
        query
            .split('&')
            .any(|part| part == "verbose" || part.starts_with("verbose="))
    }) {
        return json_response(status, &detail(&host));
    }
    let mut response = Response::new(Body::from(if status.is_success() {
        "ready\n"
    } else {
        "draining\n"
    }));
    *response.status_mut() = status;
    response
}

/// `GET /v2/health/live`
pub(crate) async fn oip_live() -> Response<Body> {
    json_response(StatusCode::OK, &json!({"live": true}))
}

/// `GET /v2/health/ready`
pub(crate) async fn oip_ready(State(host): State<Arc<Host>>) -> Response<Body> {
    let status = readiness(&host);
    json_response(status, &json!({"ready": status.is_success()}))
}

fn readiness(host: &Host) -> StatusCode {
    if host.admission.is_draining() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    }
}

fn detail(host: &Host) -> Value {
    let fleet = host.fleet.current();
    json!({
        "ready": !host.admission.is_draining(),
        "draining": host.admission.is_draining(),
        "version": env!("CARGO_PKG_VERSION"),
        "fleet": {"name": fleet.name(), "generation": fleet.generation(), "manifest": fleet.manifest_digest()},
        "control": *host.fleet.status(),
        "submissions": {"in_flight": host.admission.in_flight(), "max": host.admission.max()},
        "uptime_seconds": host.started.elapsed().as_secs(),
    })
}
