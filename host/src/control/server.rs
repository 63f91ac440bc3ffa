//! The host's end.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use fleetwright_fleet::{Applied, ChangeError, OrderError};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;

use super::{ControlError, LARGEST, socket};
use crate::router::{Host, json_response};

/// Connections at once.
const CONNECTIONS: usize = 8;
/// The longest wait for a request's head.
const HEAD: Duration = Duration::from_secs(5);

/// Listens for orders. The socket is removed when this is dropped.
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    _folder: File,
}

impl Server {
    /// Opens the socket. Whoever serves holds the history; a socket that is there was left by a host that is gone.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn bind(state: &Path, manifest: &Path) -> Result<Server, ControlError> {
        let path = socket(state, manifest);
        let failed = |source: std::io::Error| ControlError::Listen {
            socket: path.clone(),
            source,
        };
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        let (folder, short) = short(&path).map_err(failed)?;
        let listener = UnixListener::bind(short).map_err(failed)?;
        Ok(Server {
            listener,
            path,
            _folder: folder,
        })
    }

    /// Takes orders until it is dropped.
    pub async fn serve(self, host: Arc<Host>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let router = Router::new()
            .route("/status", get(status))
            .route("/apply", post(apply))
            .route("/rollback", post(rollback))
            .route("/plan", post(plan))
            .layer(DefaultBodyLimit::max(LARGEST))
            .with_state(host);
        loop {
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .keep_alive(false)
                .serve_connection(
                    TokioIo::new(stream),
                    TowerToHyperService::new(router.clone()),
                );
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "an order ended early");
                }
                drop(place);
            });
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it cannot be removed, the next host does so.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A path that fits a socket's address, which takes 107 bytes: through the open folder.
pub(super) fn short(path: &Path) -> std::io::Result<(File, PathBuf)> {
    use std::os::fd::AsRawFd;
    let parent = path.parent().unwrap_or(Path::new("."));
    let folder = File::open(parent)?;
    let whole = path.as_os_str().len() < 100 || !cfg!(target_os = "linux");
    let short = match path.file_name() {
        Some(name) if !whole => Path::new("/proc/self/fd")
            .join(folder.as_raw_fd().to_string())
            .join(name),
        _ => path.to_owned(),
    };
    Ok((folder, short))
}

/// What the control plane says of itself, and what serves.
async fn status(State(host): State<Arc<Host>>) -> Response<Body> {
    let fleet = host.fleet.current();
    json_response(
        StatusCode::OK,
        &json!({
            "version": env!("CARGO_PKG_VERSION"),
            "process": std::process::id(),
            "url": host.url,
            "uptime_seconds": host.started.elapsed().as_secs(),
            "submissions": {"in_flight": host.admission.in_flight(), "max": host.admission.max()},
            "draining": host.admission.is_draining(),
            "control": *host.fleet.status(),
            "fleet": fleet.summary(),
        }),
    )
}

async fn apply(State(host): State<Arc<Host>>) -> Response<Body> {
    applied(host.fleet.apply().await)
}

async fn rollback(State(host): State<Arc<Host>>, body: Bytes) -> Response<Body> {
    let wanted: Value = serde_json::from_slice(&body).unwrap_or_default();
    let generation = wanted.get("generation").and_then(Value::as_u64);
    applied(host.fleet.rollback(generation).await)
}

async fn plan(State(host): State<Arc<Host>>, body: String) -> Response<Body> {
    match host.fleet.plan(body).await {
        Ok(changes) => json_response(
            StatusCode::OK,
            &json!({"generation": host.fleet.current().generation(), "changes": changes}),
        ),
        Err(error) => refused(&error),
    }
}

fn applied(result: Result<Applied, OrderError>) -> Response<Body> {
    match result {
        Ok(applied) => json_response(StatusCode::OK, &applied),
        Err(error) => refused(&error),
    }
}

fn refused(error: &OrderError) -> Response<Body> {
    let (status, diagnostics) = match error {
        OrderError::Refused(error) => match &**error {
            ChangeError::Refused(report) => (StatusCode::CONFLICT, report.to_json()),
            _ => (StatusCode::CONFLICT, Value::Null),
        },
        OrderError::Busy => (StatusCode::TOO_MANY_REQUESTS, Value::Null),
        OrderError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, Value::Null),
    };
    json_response(
        status,
        &json!({"error": error.to_string(), "diagnostics": diagnostics}),
    )
}
