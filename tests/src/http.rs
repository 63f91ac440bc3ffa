//! A client of HTTP/1.1 that can also misbehave: leave a length out, stop in the middle of a body, go away.
//!
//! One connection a request. An answer is read to the end of the connection.

use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::PATIENCE;

/// A request, as it will be written.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    chunked: bool,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Request {
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            chunked: false,
        }
    }

    /// A submission of `body`.
    #[must_use]
    pub fn submission(media_type: &str, body: impl Into<Vec<u8>>) -> Request {
        Request::new("POST", "/v1/submissions")
            .header("content-type", media_type)
            .body(body)
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same request with a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into();
        self
    }

    /// The same request, whose body comes in chunks, without its length.
    #[must_use]
    pub fn chunked(mut self) -> Request {
        self.chunked = true;
        self
    }

    fn head(&self, address: SocketAddr, length: usize) -> String {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.chunked {
            head.push_str("transfer-encoding: chunked\r\n");
        } else if length > 0 || self.method == "POST" {
            head.push_str(&format!("content-length: {length}\r\n"));
        }
        head + "\r\n"
    }
}

/// A request that is on its way, and the connection that it is on. Dropped, the client has gone away.
#[derive(Debug)]
pub struct Exchange {
    stream: TcpStream,
}

impl Exchange {
    /// Sends a whole request.
    ///
    /// # Errors
    /// Nothing listens at `address`.
    pub fn send(address: SocketAddr, request: &Request) -> Result<Exchange> {
        let mut exchange = Exchange::connect(address)?;
        exchange.write(request.head(address, request.body.len()).as_bytes());
        if request.chunked {
            for piece in request.body.chunks(4096) {
                exchange.write(format!("{:x}\r\n", piece.len()).as_bytes());
                exchange.write(piece);
                exchange.write(b"\r\n");
            }
            exchange.write(b"0\r\n\r\n");
        } else {
            exchange.write(&request.body);
        }
        Ok(exchange)
    }

    /// Sends a request whose body stops after the first byte; [`Exchange::finish`] sends the rest.
    ///
    /// # Errors
    /// Nothing listens at `address`.
    pub fn begin(address: SocketAddr, request: &Request) -> Result<Exchange> {
        let mut exchange = Exchange::connect(address)?;
        exchange.write(request.head(address, request.body.len()).as_bytes());
        exchange.write(request.body.get(..1).unwrap_or_default());
        Ok(exchange)
    }

    /// Sends the rest of a body that [`Exchange::begin`] began, and gives the answer.
    ///
    /// # Errors
    /// There is no answer.
    pub fn finish(mut self, request: &Request) -> Result<Response> {
        self.write(request.body.get(1..).unwrap_or_default());
        self.answer()
    }

    /// The answer.
    ///
    /// # Errors
    /// The connection ends without one.
    pub fn answer(mut self) -> Result<Response> {
        let mut bytes = Vec::new();
        // What came before the connection was cut may still be an answer.
        let read = self.stream.read_to_end(&mut bytes);
        Response::parse(&bytes).with_context(|| format!("reading ended with {read:?}"))
    }

    fn connect(address: SocketAddr) -> Result<Exchange> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("nothing listens at {address}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Exchange { stream })
    }

    /// A host that refuses a body may close before it has read all of it; its answer is what counts.
    fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap_or_default();
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {self}"))
    }

    fn parse(bytes: &[u8]) -> Result<Response> {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .context("no answer came")?;
        let (head, rest) = bytes.split_at_checked(end).context("no head")?;
        let head = std::str::from_utf8(head).context("the head is no UTF-8")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status = status
            .and_then(|status| status.parse().ok())
            .context("no status")?;
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let response = Response {
            status,
            headers,
            body: rest.get(4..).unwrap_or_default().to_vec(),
        };
        let length = response
            .header("content-length")
            .and_then(|length| length.parse::<usize>().ok());
        match length {
            Some(length) if length == response.body.len() => Ok(response),
            length => bail!("the answer is cut or has no length ({length:?}): {response}"),
        }
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}\n{}", self.status, self.headers, self.text())
    }
}
