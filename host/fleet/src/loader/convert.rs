//! The manifest's words in the words of runtime and inference: those crates do not know each other.

use std::collections::BTreeSet;

use fleetwright_inference::Device;
use fleetwright_manifest as manifest;
use fleetwright_runtime as runtime;

pub(super) fn device(choice: manifest::DeviceChoice) -> Device {
    match choice {
        manifest::DeviceChoice::Auto => Device::Auto,
        manifest::DeviceChoice::Cpu => Device::Cpu,
        manifest::DeviceChoice::Cuda(n) => Device::Cuda(n),
        manifest::DeviceChoice::WebGpu => Device::WebGpu,
    }
}

pub(super) fn grants(wasi: &BTreeSet<manifest::Grant>) -> BTreeSet<runtime::Grant> {
    wasi.iter()
        .map(|grant| match grant {
            manifest::Grant::Clocks => runtime::Grant::Clocks,
            manifest::Grant::Random => runtime::Grant::Random,
        })
        .collect()
}

pub(super) fn limits(limits: &manifest::Limits) -> runtime::Limits {
    runtime::Limits {
        memory: limits.memory,
        tensors: limits.tensors,
        output: limits.output,
        cpu: limits.cpu,
        deadline: limits.deadline,
        concurrency: limits.concurrency,
        queue: limits.queue,
        log: limits.log,
        rate: limits.rate.map(|rate| runtime::Rate {
            calls: rate.calls,
            per: rate.per,
        }),
        computes: limits.computes,
        input: limits.input,
        depth: limits.depth,
        attachments: limits.attachments,
        attachment_bytes: limits.attachment_bytes,
        fuel: limits.fuel,
    }
}
