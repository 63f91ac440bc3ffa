//! A stage that asks WASI for the time and for randomness: it links only where the manifest grants both.
//!
//! It is made without the SDK, whose world has no WASI to import.

#[cfg(target_arch = "wasm32")]
mod component {
    //! The component: there is nothing of it natively.

    #[allow(
        unsafe_code,
        missing_docs,
        unreachable_pub,
        clippy::all,
        clippy::restriction
    )]
    mod bindings {
        wit_bindgen::generate!({
            path: ["../../../wit", "wit"],
            world: "guest:wasi-user/wasi-user",
            generate_all,
        });
    }

    use bindings::exports::fleetwright::stage::description::{self, Plugin};
    use bindings::exports::fleetwright::stage::handler::{
        self, Answer, Disposition, Failure, Request,
    };
    use bindings::wasi::clocks::monotonic_clock;
    use bindings::wasi::random::random;

    struct Component;

    impl description::Guest for Component {
        fn describe() -> Plugin {
            Plugin {
                name: "wasi-user".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                summary: "Says the time and a random number.".to_owned(),
                roles: vec![],
                config_schema: r#"{"type":"object"}"#.to_owned(),
                answer_schema: r#"{"type":"object","required":["now","random"]}"#.to_owned(),
            }
        }
    }

    impl handler::Guest for Component {
        fn handle(_: Request) -> Result<Answer, Failure> {
            let (now, random) = (monotonic_clock::now(), random::get_random_u64());
            let fields = format!(r#"{{"now":"{now}","random":"{random}"}}"#);
            Ok(Answer {
                fields,
                confidence: None,
                disposition: Disposition::Continue,
            })
        }
    }

    #[allow(unsafe_code, clippy::all)]
    mod export {
        use super::{Component, bindings};
        bindings::export!(Component with_types_in bindings);
    }
}
