//! Runs that pass their bound.

use super::*;
use crate::watchdog::Stop;

/// A stub that hangs on the value 7 until it is told to stop.
struct Hanging {
    stub: StubBackend,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    stopped: Mutex<bool>,
    changed: std::sync::Condvar,
}

impl Stop for Told {
    fn stop(&self) {
        *self.stopped.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn reset(&self) {
        *self.stopped.lock().unwrap() = false;
    }
}

impl Backend for Hanging {
    fn signature(&self) -> Option<Signature> {
        None
    }

    fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RunError> {
        if inputs[0].1.to_i64().unwrap().contains(&7) {
            let told = self.told.stopped.lock().unwrap();
            drop(
                self.told
                    .changed
                    .wait_while(told, |stopped| !*stopped)
                    .unwrap(),
            );
            return Err("told to stop".to_owned().into());
        }
        self.stub.run(inputs)
    }

    fn stop(&self) -> Option<Arc<dyn Stop>> {
        Some(self.told.clone())
    }
}

fn hanging(run: Duration) -> Model {
    let card = card("");
    let stub = card.clone();
    let open = move || {
        let backend = Box::new(Hanging {
            stub: StubBackend::new(&stub),
            told: Arc::default(),
        });
        Ok(Opened::on_processor(
            backend,
            "hanging".to_owned(),
            String::new(),
        ))
    };
    let options = LoadOptions {
        run,
        ..LoadOptions::default()
    };
    Model::start(&card, options, Threads::new(Some(1)), Arc::new(open)).unwrap()
}

#[tokio::test]
async fn a_run_that_passes_its_bound_is_stopped_and_the_model_goes_on() {
    let limit = Duration::from_millis(20);
    let model = hanging(limit);
    let overrun = InferError::Overrun {
        model: "m@1.0.0".to_owned(),
        limit,
    };
    for _ in 0..2 {
        let error = model.infer(inputs(1, 3, 7), soon()).await.unwrap_err();
        assert_eq!(error, overrun);
        model.infer(inputs(1, 3, 1), soon()).await.unwrap();
    }
    assert_eq!(overrun.reason(), "overrun");
    assert_eq!(
        overrun.to_string(),
        "a run of model `m@1.0.0` was stopped after `20` ms, the most that one may take; send less at once, or raise the model's `run`"
    );
}

#[tokio::test]
async fn a_run_ends_with_the_last_deadline_in_it() {
    let model = hanging(Duration::from_secs(3600));
    let deadline = Instant::now() + Duration::from_millis(10);
    let error = model.infer(inputs(1, 3, 7), deadline).await.unwrap_err();
    assert_eq!(error.reason(), "deadline");
    model.infer(inputs(1, 3, 1), soon()).await.unwrap();
}

/// The library itself, with a graph that ships.
#[test]
#[allow(
    clippy::print_stderr,
    reason = "whoever reads the tests' output learns what was not tried"
)]
fn onnxruntime_stops_when_it_is_told_and_goes_on_once_that_is_taken_back() {
    if std::env::var_os(crate::LIBRARY_VARIABLE).is_none() {
        eprintln!(
            "onnxruntime is not tested: `{}` does not name its library",
            crate::LIBRARY_VARIABLE
        );
        return;
    }
    let shipped = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../models/sentence-scorer/3.0.0"
    );
    let card = Card::read(std::path::Path::new(shipped)).unwrap();
    let backends = Backends::detect(None).unwrap();
    let setting = Setting {
        device: Device::Cpu,
        threads: 1,
        memory: None,
    };
    let mut opened = backends.open(&card, setting).unwrap();
    let features = Tensor::from_f32(vec![2, 51], &[0.5; 102]).unwrap();
    let inputs = [("features".to_owned(), features)];
    let stop = opened.backend.stop().unwrap();
    let before = opened.backend.run(&inputs).unwrap();
    stop.stop();
    let error = opened.backend.run(&inputs).unwrap_err();
    assert!(error.to_string().contains("terminate"), "{error}");
    stop.reset();
    assert_eq!(opened.backend.run(&inputs).unwrap(), before);
}

#[tokio::test]
async fn a_stub_that_is_slow_can_be_stopped() {
    let limit = Duration::from_millis(5);
    let options = LoadOptions {
        run: limit,
        ..LoadOptions::default()
    };
    let model = stub("[stub]\ndelay_ms = 3600000\n", options);
    let error = model.infer(inputs(1, 3, 1), soon()).await.unwrap_err();
    assert_eq!(error.reason(), "overrun");
}
