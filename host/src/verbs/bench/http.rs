//! A server that takes a POST: connections that are kept, each used by one request at a time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;
use bytes::Bytes;
use fleetwright_load::Reason;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use serde_json::Value;
use tokio::time::timeout;

use super::BenchError;
use super::bodies::Bodies;
use super::target::turn;
use crate::client::{Client, ClientError, LARGEST};

/// What is asked beside the load, such as metrics, is waited for this long.
const PATIENCE: Duration = Duration::from_secs(5);

type Connection = SendRequest<Full<Bytes>>;

/// A server, and the connections to it that are free.
pub(super) struct Server {
    client: Client,
    path: String,
    bodies: Vec<(&'static str, Bytes)>,
    free: Mutex<Vec<Connection>>,
}

impl Server {
    /// The server at `url`, which is reached once to see that it is there.
    pub(super) async fn reach(url: &str, path: &str, bodies: Bodies) -> Result<Server, BenchError> {
        let client = Client::new(url)?;
        let checked = client.request(Method::POST, path, None, Bytes::new());
        if !path.starts_with('/') || checked.is_err() {
            return Err(BenchError::Path {
                path: path.to_owned(),
            });
        }
        let late = |_| ClientError::Connect {
            authority: url.to_owned(),
            source: std::io::ErrorKind::TimedOut.into(),
        };
        timeout(PATIENCE, client.connect()).await.map_err(late)??;
        Ok(Server {
            client,
            path: path.to_owned(),
            bodies: bodies.posted(),
            free: Mutex::default(),
        })
    }

    /// Posts the body whose turn it is, and reads the answer to its end.
    pub(super) async fn ask(&self, number: u64) -> Result<(), Reason> {
        let (media_type, body) = turn(&self.bodies, number).ok_or(Reason("no body".into()))?;
        let (mut connection, response) = self.post(media_type, body).await?;
        let status = response.status();
        let read = Limited::new(response.into_body(), LARGEST).collect().await;
        read.map_err(|_| Reason("answer cut short".into()))?;
        // A connection that the server closes is found out before it is used again.
        if connection.ready().await.is_ok() {
            self.keep(connection);
        }
        match status.is_success() {
            true => Ok(()),
            false => Err(Reason(format!("http {}", status.as_u16()).into())),
        }
    }

    /// Sends on a connection that is free, or on a new one. A request that a kept connection did not even take, since the
    /// server had closed it, is sent again; any other is not.
    async fn post(
        &self,
        media_type: &str,
        body: &Bytes,
    ) -> Result<(Connection, Response<Incoming>), Reason> {
        let asking = |_| Reason("no request".into());
        let request = || {
            let post = Method::POST;
            self.client
                .request(post, &self.path, Some(media_type), body.clone())
        };
        while let Some(mut kept) = self.free() {
            let request = request().map_err(asking)?;
            match kept.try_send_request(request).await {
                Ok(response) => return Ok((kept, response)),
                Err(mut error) => {
                    let taken = error.take_message().is_none();
                    if taken {
                        return Err(Reason("connection closed".into()));
                    }
                }
            }
        }
        let mut fresh = self
            .client
            .connect()
            .await
            .map_err(|_| Reason("no connection".into()))?;
        let sent = fresh.send_request(request().map_err(asking)?).await;
        let response = sent.map_err(|_| Reason("connection closed".into()))?;
        Ok((fresh, response))
    }

    /// What a `GET` gives, where it is answered well and soon: of another server than a Fleetwright host, mostly nothing.
    pub(super) async fn text(&self, path: &str) -> Option<String> {
        timeout(PATIENCE, self.get(path)).await.ok()?
    }

    async fn get(&self, path: &str) -> Option<String> {
        // Not among those kept: they belong to the threads that ask.
        let mut connection = self.client.connect().await.ok()?;
        let request = self.client.request(Method::GET, path, None, Bytes::new());
        let response = connection.send_request(request.ok()?).await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        String::from_utf8(body.ok()?.to_bytes().into()).ok()
    }

    /// The same as JSON.
    pub(super) async fn json(&self, path: &str) -> Option<Value> {
        serde_json::from_str(&self.text(path).await?).ok()
    }

    fn free(&self) -> Option<Connection> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop()
    }

    fn keep(&self, connection: Connection) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(connection);
    }
}
