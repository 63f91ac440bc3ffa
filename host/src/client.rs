//! Submits to a host over HTTP, for `fleetwright run --url` and `bench --url`: plain HTTP/1.1; a connection a submission for the
//! former, connections that are kept for the latter.
//!
//! A host serves loopback by default and no TLS; what stands in front of it for others is not this program's to know.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Method, Request, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Where submissions go.
pub(crate) const SUBMISSIONS: &str = "/v1/submissions";
/// The largest answer that is read.
pub(crate) const LARGEST: usize = 64 << 20;

/// A host's address.
#[derive(Debug, Clone)]
pub struct Client {
    authority: String,
    host: String,
    port: u16,
    base: String,
}

/// What a host answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// An outcome, or problem details.
    pub body: Value,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The text is no address of a host.
    #[error("`{url}` is no address of a host: write it as `http://127.0.0.1:8080`")]
    Url {
        /// What was given.
        url: String,
    },
    /// Nothing listens there.
    #[error(
        "`{authority}` cannot be reached ({source}): start a host there with `fleetwright serve`"
    )]
    Connect {
        /// The host and port.
        authority: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// No answer came in time.
    #[error("`{authority}` did not answer within {} ms: give it longer with `--deadline`", waited.as_millis())]
    Late {
        /// The host and port.
        authority: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The answer is none.
    #[error(
        "`{authority}` gave no answer that can be read ({detail}): see whether a Fleetwright host listens there"
    )]
    Unreadable {
        /// The host and port.
        authority: String,
        /// What is wrong.
        detail: String,
    },
}

impl Client {
    /// The host at `url`.
    ///
    /// # Errors
    /// The text is no `http://HOST:PORT`.
    pub fn new(url: &str) -> Result<Client, ClientError> {
        let refused = || ClientError::Url {
            url: url.to_owned(),
        };
        let uri: Uri = url.parse().map_err(|_| refused())?;
        let authority = uri
            .authority()
            .filter(|_| uri.scheme_str() == Some("http"))
            .ok_or_else(refused)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(80);
        let base = uri.path().trim_end_matches('/').to_owned();
        Ok(Client {
            authority: authority.to_string(),
            host,
            port,
            base,
        })
    }

    /// Submits a body.
    ///
    /// # Errors
    /// The host cannot be reached, is late, or answers no JSON.
    pub async fn submit(
        &self,
        media_type: &'static str,
        body: Bytes,
        deadline: Duration,
    ) -> Result<Answer, ClientError> {
        let late = || ClientError::Late {
            authority: self.authority.clone(),
            waited: deadline,
        };
        timeout(deadline, self.exchange(media_type, body))
            .await
            .map_err(|_| late())?
    }

    /// A connection, on which requests are sent one after the other. It ends when it is dropped.
    ///
    /// # Errors
    /// Nothing listens there, or it speaks no HTTP.
    pub(crate) async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let unreachable = |source| ClientError::Connect {
            authority: self.authority.clone(),
            source,
        };
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.unreadable(error.to_string()))?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// A request of this host; `path` is beneath the URL's own.
    ///
    /// # Errors
    /// The path is none.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        media_type: Option<&str>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(HOST, &self.authority);
        if let Some(media_type) = media_type {
            request = request.header(CONTENT_TYPE, media_type);
        }
        request
            .body(Full::new(body))
            .map_err(|error| self.unreadable(error.to_string()))
    }

    fn unreadable(&self, detail: String) -> ClientError {
        ClientError::Unreadable {
            authority: self.authority.clone(),
            detail,
        }
    }

    async fn exchange(&self, media_type: &'static str, body: Bytes) -> Result<Answer, ClientError> {
        let mut sender = self.connect().await?;
        let request = self.request(Method::POST, SUBMISSIONS, Some(media_type), body)?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| self.unreadable(error.to_string()))?;
        let status = response.status().as_u16();
        let bytes = Limited::new(response.into_body(), LARGEST)
            .collect()
            .await
            .map_err(|error| self.unreadable(error.to_string()))?
            .to_bytes();
        let body = serde_json::from_slice(&bytes)
            .map_err(|error| self.unreadable(format!("status {status}, {error}")))?;
        Ok(Answer { status, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_port_path_and_brackets() {
        let client = Client::new("http://[::1]:8080/inbox/").unwrap();
        assert_eq!(
            (client.host.as_str(), client.port, client.base.as_str()),
            ("::1", 8080, "/inbox")
        );
        assert_eq!(Client::new("http://localhost").unwrap().port, 80);
        for url in [
            "https://localhost:1",
            "localhost:8080",
            "8080",
            "http://",
            "",
        ] {
            assert!(Client::new(url).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_host_that_is_not_there_is_told_with_the_way_out() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        drop(socket);
        let error = Client::new(&url)
            .unwrap()
            .submit(
                "application/json",
                Bytes::from("{}"),
                Duration::from_secs(5),
            )
            .await
            .unwrap_err();
        assert!(
            matches!(error, ClientError::Connect { .. })
                && error.to_string().contains("fleetwright serve"),
            "{error}"
        );
    }
}
