//! The end of whoever gives orders: the verbs `ps`, `plan`, `swap` and `rollback`.

use std::path::{Path, PathBuf};

use axum::http::Request;
use axum::http::header::HOST;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixStream;

use super::server::short;
use super::{ControlError, socket};

/// The largest answer that is read.
const ANSWER: usize = 16 << 20;

/// The host that serves a manifest.
#[derive(Debug)]
pub struct Control {
    socket: PathBuf,
}

impl Control {
    /// The host of a manifest and a state.
    #[must_use]
    pub fn of(state: &Path, manifest: &Path) -> Control {
        Control {
            socket: socket(state, manifest),
        }
    }

    /// How the host stands.
    ///
    /// # Errors
    /// [`ControlError::NoHost`] where none serves.
    pub async fn status(&self) -> Result<Value, ControlError> {
        self.ask("GET", "/status", Bytes::new()).await
    }

    /// Takes up what stands on disk, and waits until it serves.
    ///
    /// # Errors
    /// [`ControlError`], as the host says.
    pub async fn apply(&self) -> Result<Value, ControlError> {
        self.ask("POST", "/apply", Bytes::new()).await
    }

    /// Serves an earlier generation.
    ///
    /// # Errors
    /// [`ControlError`], as the host says.
    pub async fn rollback(&self, generation: Option<u64>) -> Result<Value, ControlError> {
        let body = json!({ "generation": generation }).to_string();
        self.ask("POST", "/rollback", body.into()).await
    }

    /// What a manifest would change.
    ///
    /// # Errors
    /// [`ControlError`], as the host says.
    pub async fn plan(&self, manifest: String) -> Result<Value, ControlError> {
        self.ask("POST", "/plan", manifest.into()).await
    }

    async fn ask(&self, method: &str, path: &str, body: Bytes) -> Result<Value, ControlError> {
        let unreadable = |detail: String| ControlError::Unreadable { detail };
        let no_host = |_| ControlError::NoHost {
            socket: self.socket.clone(),
        };
        let (_folder, short) = short(&self.socket).map_err(no_host)?;
        let stream = UnixStream::connect(short).await.map_err(no_host)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        let driving = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "fleetwright")
            .body(Full::new(body))
            .map_err(|error| unreadable(error.to_string()))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        let good = response.status().is_success();
        let bytes = Limited::new(response.into_body(), ANSWER)
            .collect()
            .await
            .map_err(|error| unreadable(error.to_string()))?
            .to_bytes();
        driving.abort();
        let mut answer: Value =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if good {
            return Ok(answer);
        }
        let detail = answer
            .get("error")
            .and_then(Value::as_str)
            .unwrap_or("refused without a reason");
        Err(ControlError::Refused {
            detail: detail.to_owned(),
            diagnostics: answer
                .get_mut("diagnostics")
                .map(Value::take)
                .unwrap_or_default(),
        })
    }
}
