//! Accepts connections and serves HTTP/1.1 on them, until told to stop.
//!
//! Defaults: loopback; a request's head within [`HEAD`]; [`CONNECTIONS`] connections at once, further ones wait in the
//! kernel's bounded backlog. A client that goes away ends the work on its request: hyper drops the handler's future.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The longest wait for a request's head, and for the next request of an idle connection.
pub const HEAD: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes.
pub const HEAD_BYTES: usize = 64 << 10;
/// How many connections are served at once.
pub const CONNECTIONS: usize = 1024;

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// Why there is no socket. Each case ends with the way out.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Something else listens there.
    #[error(
        "`{address}` is in use by another process: stop it, or choose another address with `--listen 127.0.0.1:PORT` (port 0 takes a free one)"
    )]
    InUse {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The system forbids the address.
    #[error(
        "`{address}` may not be used by this user: choose a port above 1023 with `--listen 127.0.0.1:PORT`"
    )]
    Forbidden {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The machine does not have the address.
    #[error(
        "`{address}` is no address of this machine: choose one that is with `--listen 127.0.0.1:PORT`"
    )]
    NotHere {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error(
        "cannot listen on `{address}`: {source}: choose another address with `--listen 127.0.0.1:PORT`"
    )]
    Other {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl Listener {
    /// Opens a socket.
    ///
    /// # Errors
    /// The address is taken, forbidden, or not this machine's.
    pub async fn bind(address: SocketAddr) -> Result<Listener, ListenError> {
        let refuse = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { address },
            io::ErrorKind::PermissionDenied => ListenError::Forbidden { address },
            io::ErrorKind::AddrNotAvailable => ListenError::NotHere { address },
            _ => ListenError::Other { address, source },
        };
        let socket = TcpListener::bind(address).await.map_err(refuse)?;
        let address = socket.local_addr().map_err(refuse)?;
        Ok(Listener { socket, address })
    }

    /// Where it listens: the port is known even where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` ends, then lets open connections finish what they are writing, for `grace` at most.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>, grace: Duration) {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = accept(&self.socket, &places) => if let Some((stream, place)) = accepted {
                    spawn(stream, place, router.clone(), &graceful);
                },
            }
        }
        drop(self.socket);
        // Whoever is still connected after that has not read its answer in time.
        timeout(grace, graceful.shutdown())
            .await
            .unwrap_or_default();
    }
}

async fn accept(
    socket: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            // Out of descriptors, mostly: trying again at once would spin.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

fn spawn(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    router: Router,
    graceful: &GracefulShutdown,
) {
    // Answers are small and written whole: waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES.max(8192))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(place);
    });
}

#[cfg(test)]
mod tests;
