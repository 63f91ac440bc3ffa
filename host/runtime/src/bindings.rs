//! The contract in `wit/`, as wasmtime sees it.
//!
//! `compute`, `load` and `load-by-name` are async: a guest that waits for inference parks no thread. Everything is
//! trappable, so that a limit which is passed inside a host function ends the call with its own typed error.

wasmtime::component::bindgen!({
    world: "fleetwright:stage/stage",
    path: "../../wit",
    with: {
        "wasi:nn/graph.graph": crate::nn::Graph,
        "wasi:nn/tensor.tensor": crate::nn::GuestTensor,
        "wasi:nn/inference.graph-execution-context": crate::nn::Execution,
        "wasi:nn/errors.error": crate::nn::NnError,
        "fleetwright:stage/generation.text": crate::generation::GuestText,
    },
    imports: {
        default: trappable,
        "wasi:nn/inference.[method]graph-execution-context.compute": async | trappable,
        "wasi:nn/graph.load": async | trappable,
        "wasi:nn/graph.load-by-name": async | trappable,
        "fleetwright:stage/generation.[method]text.next": async | trappable,
    },
    exports: { default: async },
    ownership: Borrowing { duplicate_if_necessary: true },
});
