//! The bindings of world `stage`, as wit-bindgen generates them. Only for what the rest of this crate does not cover.

#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::restriction
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "stage",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_stage",
    default_bindings_module: "fleetwright_sdk::bindings",
});
