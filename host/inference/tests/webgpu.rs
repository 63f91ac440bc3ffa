//! Models on a GPU through WebGPU, or on a software adapter where there is no GPU.
//!
//! Runs where `fleetwright models pull --onnxruntime webgpu` put that build into this project's state and a Vulkan driver has an
//! adapter, and else says that it did not. A program of its own, since a process loads one library. A software adapter that does is
//! SwiftShader, which chromium brings: `VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

use std::fs;
use std::time::Duration;

use fleetwright_inference::{Backends, CARD_FILE, Card, Device, LoadOptions, Model, Place, settle};

mod common;

use common::{
    TINY, ask, card, each_gets_its_own, file_entry, graph_of, output, pulled, state, words,
};

/// The library, where it has an adapter to compute on.
fn backends() -> Option<Backends> {
    let backends = Backends::detect(Some(&pulled("onnxruntime-webgpu")?)).unwrap();
    let devices = backends.devices();
    assert_eq!(devices.len(), 1, "{devices:?}");
    assert_eq!(devices[0].place, Place::WebGpu);
    match &devices[0].state {
        Ok(()) => Some(backends),
        Err(reason) => {
            eprintln!("skipped: WebGPU has no adapter here: {reason}");
            None
        }
    }
}

/// Has the models that a test let go be gone before its process ends.
struct Settles;

impl Drop for Settles {
    fn drop(&mut self) {
        assert!(settle(Duration::from_secs(60)).is_empty());
    }
}

fn on(device: Device) -> LoadOptions {
    LoadOptions {
        device,
        ..LoadOptions::default()
    }
}

#[tokio::test]
async fn a_model_answers_alike_on_webgpu_and_on_the_processor() {
    let _settles = Settles;
    let Some(backends) = backends() else { return };
    let (_dir, card) = card("tiny.onnx", TINY);
    // `auto` takes an accelerator where the card has a graph for it.
    for (device, place) in [
        (Device::WebGpu, "webgpu"),
        (Device::Auto, "cpu"),
        (Device::Cpu, "cpu"),
    ] {
        let model = Model::load(&card, &backends, on(device)).unwrap();
        assert_eq!(model.identity().device, place);
        let answer = ask(&model, words(&[&[1, 3], &[9, 0]])).await.unwrap();
        assert_eq!(
            output(&answer, "states"),
            (vec![2, 2, 4], [1, 3, 9, 0].map(state).concat())
        );
    }
}

#[tokio::test]
async fn calls_of_different_lengths_are_merged_and_each_gets_its_own() {
    let _settles = Settles;
    let Some(backends) = backends() else { return };
    let (_dir, card) = card("tiny.onnx", TINY);
    let options = LoadOptions {
        delay: Some(Duration::from_secs(600)),
        max_batch: Some(4),
        ..on(Device::WebGpu)
    };
    let model = Model::load(&card, &backends, options).unwrap();
    each_gets_its_own(&model, &[1, 2, 3, 4, 5, 6, 7, 8], 4).await;
}

#[tokio::test]
async fn a_graph_of_its_own_computes_there_and_is_named_in_the_identity() {
    let _settles = Settles;
    let Some(backends) = backends() else { return };
    let (dir, card) = card("tiny.onnx", TINY);
    let own = graph_of("twice.onnx");
    let entry = file_entry("twice.onnx", &own) + "devices = [\"webgpu\"]\n";
    let text = fs::read_to_string(dir.path().join(CARD_FILE)).unwrap();
    let text = text.replacen("[inputs.ids]", &format!("{entry}[inputs.ids]"), 1);
    fs::write(dir.path().join(CARD_FILE), text).unwrap();
    let with_own = Card::read(dir.path()).unwrap();

    let error = Model::load(&with_own, &backends, on(Device::WebGpu)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("twice.onnx`, which is not there"),
        "{error}"
    );
    fs::write(dir.path().join("twice.onnx"), &own).unwrap();
    let twice: Vec<f32> = state(5).iter().map(|value| value * 2.0).collect();
    for (device, file, states) in [
        (Device::WebGpu, &with_own.files()[1], twice.clone()),
        (Device::Auto, &with_own.files()[1], twice),
        (Device::Cpu, &card.files()[0], state(5)),
    ] {
        let model = Model::load(&with_own, &backends, on(device)).unwrap();
        let digest = format!("sha256:{}", file.sha256());
        assert_eq!(model.identity().graph.as_deref(), Some(&*digest));
        let answer = ask(&model, words(&[&[5]])).await.unwrap();
        assert_eq!(output(&answer, "states").1, states);
    }
}

#[test]
fn what_webgpu_cannot_hold_to_is_refused() {
    let _settles = Settles;
    let Some(backends) = backends() else { return };
    let (_dir, card) = card("tiny.onnx", TINY);
    let bounded = LoadOptions {
        device_memory: Some(64 << 20),
        ..on(Device::WebGpu)
    };
    let error = Model::load(&card, &backends, bounded)
        .unwrap_err()
        .to_string();
    assert!(error.contains("its memory cannot be bounded"), "{error}");
    let error = Model::load(&card, &backends, on(Device::Cuda(0))).unwrap_err();
    assert!(error.to_string().contains("runs on `cpu` alone"), "{error}");
}
