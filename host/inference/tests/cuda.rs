//! CUDA: had or refused, and never replaced in silence.
//!
//! Runs where `fleetwright models pull --onnxruntime cuda` put that build into this project's state, and else says that it did not;
//! what needs a GPU says where there is none. A program of its own, since a process loads one library.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

use fleetwright_inference::{Backends, Device, LoadOptions, Model, Place};

mod common;

use common::{TINY, ask, card, output, pulled, state, words};

#[tokio::test]
async fn cuda_computes_or_is_refused_with_what_it_lacks() {
    let Some(library) = pulled("onnxruntime-gpu") else {
        return;
    };
    let backends = Backends::detect(Some(&library)).unwrap();
    let devices = backends.devices();
    assert_eq!(devices[0].place, Place::Cuda(0));
    let (_dir, card) = card("tiny.onnx", TINY);
    let load = |device, device_memory| {
        let options = LoadOptions {
            device,
            device_memory,
            ..LoadOptions::default()
        };
        Model::load(&card, &backends, options)
    };
    let Err(reason) = &devices[0].state else {
        for model in [
            load(Device::Cuda(0), None),
            load(Device::Cuda(0), Some(64 << 20)),
        ] {
            let model = model.unwrap();
            assert_eq!(model.identity().device, "cuda:0");
            assert_eq!(model.share().workers, 2);
            let answer = ask(&model, words(&[&[1, 3], &[9, 0]])).await.unwrap();
            let expected = (vec![2, 2, 4], [1, 3, 9, 0].map(state).concat());
            assert_eq!(output(&answer, "states"), expected);
        }
        return;
    };
    eprintln!("no GPU computes here: {reason}");
    let error = load(Device::Cuda(0), None).unwrap_err().to_string();
    assert!(
        error.starts_with("device `cuda:0` cannot be had: "),
        "{error}"
    );
    assert!(
        error.ends_with("`fleetwright doctor` shows what it lacks, or declare `cpu`"),
        "{error}"
    );
    assert_eq!(load(Device::Auto, None).unwrap().identity().device, "cpu");
}
