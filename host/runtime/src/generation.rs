//! Text piece by piece for guests: `fleetwright:stage/generation`, over the host's generative models.
//!
//! `start` takes a role of the manifest, nothing else, and counts as one `compute`; the prompt counts towards the `tensors` limit
//! while it is handed over. `next` takes the generation out of the table while it waits, so that no borrow is held, and a call that
//! ends meanwhile drops it: its place in the model is free before the next step, as it is when the guest drops the text.

use std::time::Duration;

use fleetwright_inference::{Caller, Generation, Inference, Tensor};
use tokio::time::Instant;
use wasmtime::component::Resource;

use crate::bindings::fleetwright::stage::generation;
use crate::bindings::wasi::nn::errors::ErrorCode;
use crate::nn::{NnError, Outcome, not_granted};
use crate::state::CallState;

/// A text as the guest holds it.
pub struct GuestText {
    role: String,
    /// None while it is waited for, and once that was broken off.
    generation: Option<Generation>,
    begun: Instant,
    /// Whether its time was counted.
    counted: bool,
}

impl generation::Host for CallState {
    fn start(
        &mut self,
        role: String,
        prompt: String,
        options: String,
    ) -> wasmtime::Result<Outcome<Resource<GuestText>>> {
        self.computes.take()?;
        let Some(binding) = self.grants.models.get(&role) else {
            return self.refuse(not_granted(&role));
        };
        let model = binding.model.clone();
        let bytes = prompt.len().saturating_add(options.len());
        self.tensors.take(bytes)?;
        self.tensors.give_back(bytes);
        let inputs = [("prompt", prompt), ("metadata", options)];
        let inputs = inputs.into_iter().map(|(name, text)| {
            let tensor = Tensor::from_text(text)?;
            Ok((name.to_owned(), tensor))
        });
        let inputs: Result<Vec<_>, fleetwright_inference::TensorError> = inputs.collect();
        let inputs = match inputs {
            Ok(inputs) => inputs,
            Err(error) => {
                return self.refuse(NnError::new(ErrorCode::TooLarge, error.to_string()));
            }
        };
        let caller = Caller {
            stage: self.stage.clone(),
            deadline: self.deadline,
            aside: self.work.is_aside(),
        };
        match model.generate(inputs, caller) {
            Ok(generation) => Ok(Ok(self.keep(GuestText {
                role,
                generation: Some(generation),
                begun: Instant::now(),
                counted: false,
            })?)),
            Err(error) => self.refuse_inference(&role, &error),
        }
    }
}

impl generation::HostText for CallState {
    async fn next(
        &mut self,
        text: Resource<GuestText>,
    ) -> wasmtime::Result<Outcome<Option<String>>> {
        let own = self.table.get_mut(&text)?;
        let Some(mut generation) = own.generation.take() else {
            let data = "the text was broken off; start another";
            return self.refuse(NnError::new(ErrorCode::RuntimeError, data));
        };
        let next = {
            let _waits = self.presence.waits();
            generation.next().await
        };
        let times = generation.whole().map(times);
        let own = self.table.get_mut(&text)?;
        own.generation = Some(generation);
        let over = times.or_else(|| next.is_err().then(|| (Duration::ZERO, own.begun.elapsed())));
        if let Some((queue, compute)) = over.filter(|_| !std::mem::replace(&mut own.counted, true))
        {
            self.spent.queue().add(queue);
            self.spent.inference().add(compute);
        }
        match next {
            Ok(piece) => Ok(Ok(piece)),
            Err(error) => {
                let role = self.table.get(&text)?.role.clone();
                self.refuse_inference(&role, &error)
            }
        }
    }

    fn usage(&mut self, text: Resource<GuestText>) -> wasmtime::Result<Option<String>> {
        let generation = self.table.get(&text)?.generation.as_ref();
        let usage = generation.and_then(|generation| {
            let outputs = &generation.whole()?.outputs;
            let (_, usage) = outputs.iter().find(|(name, _)| name == "usage")?;
            String::from_utf8(usage.data().to_vec()).ok()
        });
        Ok(usage)
    }

    fn drop(&mut self, text: Resource<GuestText>) -> wasmtime::Result<()> {
        let text = self.table.delete(text)?;
        if !text.counted {
            self.spent.inference().add(text.begun.elapsed());
        }
        Ok(())
    }
}

fn times(inference: &Inference) -> (Duration, Duration) {
    (inference.queue, inference.compute)
}
