use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::*;

const GRACE: Duration = Duration::from_secs(60);

async fn listener() -> Listener {
    Listener::bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap()
}

async fn ask(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    stream
}

#[tokio::test]
async fn a_port_in_use_is_told_with_the_way_out() {
    let first = listener().await;
    let error = Listener::bind(first.address()).await.unwrap_err();
    assert!(
        matches!(error, ListenError::InUse { address } if address == first.address()),
        "{error}"
    );
    assert!(error.to_string().contains("--listen"));
}

#[tokio::test]
async fn a_request_in_flight_is_answered_after_the_stop() {
    let (entered, mut inside) = mpsc::channel::<()>(1);
    let (release, released) = oneshot::channel::<()>();
    let released = Arc::new(tokio::sync::Mutex::new(Some(released)));
    let slow = move || async move {
        entered.send(()).await.unwrap();
        let released = released.lock().await.take().unwrap();
        released.await.unwrap();
        "done"
    };
    let listener = listener().await;
    let address = listener.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move { stopped.await.unwrap() };
    let serving =
        tokio::spawn(listener.serve(Router::new().route("/slow", get(slow)), stopped, GRACE));
    let mut stream = ask(address).await;
    inside.recv().await.unwrap();
    stop.send(()).unwrap();
    release.send(()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"),
        "{answer}"
    );
    serving.await.unwrap();
    assert!(
        TcpStream::connect(address).await.is_err(),
        "nothing listens any more"
    );
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_work_on_its_request() {
    /// Tells when it is dropped.
    struct Dropped(Option<oneshot::Sender<()>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.take().unwrap().send(()).unwrap();
        }
    }
    let (entered, mut inside) = mpsc::channel::<()>(1);
    let (gone, dropped) = oneshot::channel::<()>();
    let guard = Arc::new(std::sync::Mutex::new(Some(Dropped(Some(gone)))));
    let slow = move || async move {
        let _guard = guard.lock().unwrap().take();
        entered.send(()).await.unwrap();
        std::future::pending::<()>().await;
    };
    let listener = listener().await;
    let address = listener.address();
    let serving = tokio::spawn(listener.serve(
        Router::new().route("/slow", get(slow)),
        std::future::pending(),
        GRACE,
    ));
    let stream = ask(address).await;
    inside.recv().await.unwrap();
    drop(stream);
    dropped.await.unwrap();
    serving.abort();
}
