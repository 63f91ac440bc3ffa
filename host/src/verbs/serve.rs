//! `fleetwright serve`: start → listen → serve → drain.
//!
//! The socket is taken first, so that a port in use is told at once, and read only once the fleet stands: whoever gets an
//! answer can submit. On SIGTERM or SIGINT the door closes, but
//! the socket stays open until what is in flight is answered, so that probes see `/readyz` turn 503 and late submissions
//! are told to go elsewhere. A second signal ends the wait.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetwright_fleet::{Fleet, Options, Service, Summary};
use serde_json::{Value, json};

use crate::admission::Admission;
use crate::cli;
use crate::control::Server;
use crate::listener::{ListenError, Listener};
use crate::onnxruntime;
use crate::router::{Host, ROUTES, router};
use crate::submission::Bounds;
use crate::telemetry::{Metrics, TelemetryError};
use crate::terminal::Terminal;
use crate::verbs::signals::Signals;
use crate::verbs::{Ending, VerbError};

/// The longest wait for the next piece of a body.
const IDLE: Duration = Duration::from_secs(10);
/// What connections get to finish writing their answers once nothing is in flight.
const LINGER: Duration = Duration::from_secs(5);

/// Why the host does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There are no metrics.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Signals cannot be received.
    #[error(
        "signals cannot be received ({0}): start the host where it may install signal handlers"
    )]
    Signals(#[source] io::Error),
}

/// Serves until told to stop.
///
/// # Errors
/// The fleet does not start, or the address cannot be listened on.
pub async fn serve(arguments: &cli::Serve, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let metrics = Metrics::install().map_err(ServeError::from)?;
    let listener = Listener::bind(arguments.listen)
        .await
        .map_err(ServeError::from)?;
    let mut signals = Signals::listen().map_err(ServeError::Signals)?;
    let places = arguments.fleet.places();
    let options = Options {
        quick: arguments.quick_code,
        ..onnxruntime::options(&places)?
    };
    let service = Service {
        strict: arguments.strict,
        watch: !arguments.no_watch,
        poll: arguments.poll,
    };
    let (fleet, controller) = tokio::select! {
        begun = Fleet::serve(&options, service) => begun?,
        () = signals.next() => return Ok(Ending::Well),
    };
    let orders = Server::bind(&places.state, &places.manifest)?;
    let summary = fleet.current().summary();
    let host = Arc::new(Host {
        fleet,
        admission: Admission::new(arguments.max_inflight, arguments.deadline),
        bounds: Bounds {
            body: arguments.max_body,
            idle: IDLE,
        },
        metrics: metrics.clone(),
        started: Instant::now(),
        url: format!("http://{}", listener.address()),
    });
    announce(terminal, &listener, &summary)?;
    let upkeep = tokio::spawn(metrics.upkeep());
    let controlling = tokio::spawn(controller.run());
    let orders = tokio::spawn(orders.serve(Arc::clone(&host)));
    let cut = run(listener, &host, &mut signals, arguments.drain).await;
    orders.abort();
    controlling.abort();
    upkeep.abort();
    if cut > 0 {
        tracing::error!(cut, "stopped before every submission was answered");
        return Ok(Ending::Badly);
    }
    tracing::info!("stopped, every submission answered");
    Ok(Ending::Well)
}

/// Serves until a signal, then drains; gives the number of submissions that were cut.
async fn run(
    listener: Listener,
    host: &Arc<Host>,
    signals: &mut Signals,
    drain: Duration,
) -> usize {
    let admission = host.admission.clone();
    let mut cut = 0;
    let stop = async {
        signals.next().await;
        admission.drain();
        tracing::info!(in_flight = admission.in_flight(), "draining");
        tokio::select! {
            () = admission.idle() => {}
            () = tokio::time::sleep(drain) => cut = admission.in_flight(),
            () = signals.next() => cut = admission.in_flight(),
        }
    };
    let grace = LINGER.min(drain);
    listener.serve(router(Arc::clone(host)), stop, grace).await;
    cut
}

fn announce(
    terminal: &mut Terminal,
    listener: &Listener,
    summary: &Summary,
) -> Result<(), VerbError> {
    let address = listener.address();
    let url = format!("http://{address}");
    // What listens everywhere is reached from here by loopback.
    let near = if address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        url.clone()
    };
    let curl = format!(
        "curl -s {near}/v1/submissions -H 'content-type: application/json' -d '{}'",
        example(&summary.fields)
    );
    if terminal.json() {
        let routes: Vec<_> = ROUTES
            .iter()
            .map(|(method, path, about)| json!({"method": method, "path": path, "about": about}))
            .collect();
        terminal.value(&json!({"url": url, "fleet": summary.name, "generation": summary.generation, "routes": routes, "curl": curl}))?;
        return Ok(());
    }
    let stages: Vec<_> = summary
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    let mut text = format!(
        "Fleet `{}` serves at {url}\nStages: {}\n\n",
        summary.name,
        stages.join(", ")
    );
    text.insert_str(text.len() - 1, &inference(summary));
    for (method, path, about) in ROUTES {
        text.push_str(&format!("  {method:<4}  {path:<18}  {about}\n"));
    }
    text.push_str(&format!("\nTry it:\n\n  {curl}\n\nCtrl-C stops it.\n"));
    terminal.text(&text)?;
    Ok(())
}

/// Which libraries infer, on which devices; nothing where no stage has a model.
fn inference(summary: &Summary) -> String {
    let models = summary
        .stages
        .iter()
        .flat_map(|stage| stage.models.values());
    let used: BTreeSet<_> = models
        .map(|model| format!("{} on {}", model.identity.backend, model.identity.device))
        .collect();
    if used.is_empty() {
        return String::new();
    }
    let faster = if used.iter().any(|used| used.starts_with("rten")) {
        "; `fleetwright models pull` fetches the faster onnxruntime"
    } else {
        ""
    };
    format!(
        "Inference: {}{faster}\n",
        used.into_iter().collect::<Vec<_>>().join(", ")
    )
}

/// A submission that this fleet accepts. It stands between single quotes, and holds none.
fn example(fields: &[String]) -> Value {
    let sample = [
        ("subject", "Card blocked abroad"),
        (
            "body",
            "Hello, my card was declined twice in Lisbon today and I need it for the hotel. Please unblock it. Regards, Ana Lopes",
        ),
    ];
    let known = sample
        .iter()
        .filter(|(name, _)| fields.iter().any(|field| field == name));
    let mut example: serde_json::Map<_, _> = known
        .map(|(name, text)| ((*name).to_owned(), json!(text)))
        .collect();
    if example.is_empty() {
        example = fields
            .first()
            .map(|field| (field.clone(), json!("Hello")))
            .into_iter()
            .collect();
    }
    Value::Object(example)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_carries_only_fields_that_the_fleet_accepts() {
        let fields = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            example(&fields(&["body", "subject"]))
                .as_object()
                .unwrap()
                .len(),
            2
        );
        assert_eq!(example(&fields(&["claim"])), json!({"claim": "Hello"}));
        assert!(!example(&fields(&["body"])).to_string().contains('\''));
    }
}
