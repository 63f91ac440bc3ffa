//! The first run of a loaded model, before anybody asks it: what a backend allocates, lays out and optimises at a first
//! run is done then, and a graph that cannot run is refused while what served before still serves.
//!
//! One run on ones: an index of 1 exists, and a mask of 1 hides nothing. The batch axis has one row; every other free axis is
//! 32 long, or as long as the card's limit allows where that is less; the card's `[warm_up]` says otherwise, axis by axis.

use bytes::Bytes;

use crate::backend::{LoadError, Opened};
use crate::batch;
use crate::card::{Card, Dim, Port};
use crate::request::Request;
use crate::tensor::{ElementType, NamedTensor, Tensor};

/// How long a free axis is: a short text, and a picture that survives being halved five times.
const LENGTH: u32 = 32;

/// Runs the model once, and holds what it gives to its card.
///
/// # Errors
/// [`LoadError::WarmUp`] with the inputs' dimensions and what went wrong.
pub(crate) fn run(card: &Card, opened: &mut Opened) -> Result<(), LoadError> {
    let refused = |reason: String| LoadError::WarmUp {
        model: format!("{}@{}", card.name(), card.version()),
        inputs: shown(card),
        reason,
    };
    let inputs = inputs(card).map_err(refused)?;
    let request = Request::check(card, inputs).map_err(|error| refused(error.to_string()))?;
    let outputs = opened.backend.run(&request.inputs);
    let outputs = outputs.map_err(|error| refused(error.to_string()))?;
    batch::check(card, &request.shape, &outputs).map_err(refused)
}

fn inputs(card: &Card) -> Result<Vec<NamedTensor>, String> {
    let ones = |(name, port): (&String, &Port)| {
        let dims = dims(card, port);
        let elements: usize = dims.iter().map(|size| *size as usize).product();
        let data = Bytes::from(one(port.ty).repeat(elements));
        let tensor = Tensor::new(dims, port.ty, data).map_err(|error| error.to_string())?;
        Ok((name.clone(), tensor))
    };
    card.inputs().iter().map(ones).collect()
}

fn dims(card: &Card, port: &Port) -> Vec<u32> {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => *size,
        Dim::Free(axis) => length(card, axis),
    };
    port.dims.iter().map(size).collect()
}

fn length(card: &Card, axis: &str) -> u32 {
    let is_batch = card.batch().is_some_and(|batch| batch.axis == axis);
    let usual = if is_batch { 1 } else { LENGTH };
    let most = card.limits().get(axis).copied().unwrap_or(u32::MAX);
    card.warm_up().get(axis).copied().unwrap_or(usual.min(most))
}

/// `ids` of `[1, 32]`, `mask` of `[1, 32]`
fn shown(card: &Card) -> String {
    let inputs = card.inputs().iter();
    let shown = inputs.map(|(name, port)| format!("`{name}` of `{:?}`", dims(card, port)));
    shown.collect::<Vec<_>>().join(", ")
}

fn one(ty: ElementType) -> Vec<u8> {
    match ty {
        ElementType::U8 => vec![1],
        ElementType::I32 => 1i32.to_le_bytes().to_vec(),
        ElementType::I64 => 1i64.to_le_bytes().to_vec(),
        ElementType::F32 => 1f32.to_le_bytes().to_vec(),
        ElementType::F64 => 1f64.to_le_bytes().to_vec(),
        ElementType::F16 => half::f16::ONE.to_le_bytes().to_vec(),
        ElementType::Bf16 => half::bf16::ONE.to_le_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::backend::{Backend, Backends, RunError, Signature};
    use crate::card::parse_for_test;
    use crate::model::tests::{inputs as asked, soon};
    use crate::model::{LoadOptions, Model};

    fn card(rest: &str) -> Card {
        parse_for_test(&format!(
            r#"
schema = 1
name = "m"
version = "1.0.0"
format = "stub"
licence = "Apache-2.0"
source = "tests"
[inputs.ids]
type = "i64"
dims = ["batch", "tokens"]
[inputs.mask]
type = "i64"
dims = ["batch", "tokens"]
[outputs.score]
type = "f32"
dims = ["batch", 2]
[batch]
axis = "batch"
length = "tokens"
max = 4
{rest}"#
        ))
        .unwrap()
    }

    /// Answers with one output of these dimensions, and tells what it was asked.
    struct Fixed {
        dims: Vec<u32>,
        asked: Arc<Mutex<Vec<Vec<NamedTensor>>>>,
    }

    impl Backend for Fixed {
        fn signature(&self) -> Option<Signature> {
            None
        }

        fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, RunError> {
            self.asked.lock().unwrap().push(inputs.to_vec());
            let count = self.dims.iter().product::<u32>() as usize;
            let score = Tensor::from_f32(self.dims.clone(), &vec![0.5; count]).unwrap();
            Ok(vec![("score".to_owned(), score)])
        }
    }

    fn warmed(card: &Card, dims: &[u32]) -> (Result<(), LoadError>, Vec<Vec<NamedTensor>>) {
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let backend = Fixed {
            dims: dims.to_vec(),
            asked: asked.clone(),
        };
        let mut opened = Opened::on_processor(Box::new(backend), "fixed".to_owned(), String::new());
        let ended = run(card, &mut opened);
        let asked = asked.lock().unwrap().clone();
        (ended, asked)
    }

    #[test]
    fn the_first_run_is_one_row_of_ones_as_long_as_the_card_allows_or_says() {
        for (rest, tokens) in [
            ("", 32),
            ("[limits]\ntokens = 16", 16),
            ("[limits]\ntokens = 256", 32),
            ("[warm_up]\ntokens = 5", 5),
            ("[limits]\ntokens = 64\n[warm_up]\ntokens = 64", 64),
        ] {
            let (ended, asked) = warmed(&card(rest), &[1, 2]);
            assert_eq!(ended, Ok(()), "{rest}");
            let [inputs] = asked.as_slice() else {
                panic!("{} runs", asked.len());
            };
            for (name, tensor) in inputs {
                assert_eq!(tensor.dims(), [1, tokens], "{name}, {rest}");
                let elements = tensor.to_i64().unwrap();
                assert!(elements.iter().all(|element| *element == 1));
            }
        }
        let (rows, _) = (card("[warm_up]\nbatch = 3"), ());
        let (ended, asked) = warmed(&rows, &[3, 2]);
        assert_eq!((ended, asked[0][0].1.dims()), (Ok(()), &[3, 32][..]));
    }

    #[test]
    fn a_model_that_gives_something_else_than_its_card_says_is_refused_with_what_it_was_asked() {
        let (ended, _) = warmed(&card(""), &[1, 3]);
        let told = ended.unwrap_err().to_string();
        assert!(
            told.starts_with("model `m@1.0.0`: its first run, on ones as `ids` of `[1, 32]`, `mask` of `[1, 32]`, failed: ")
                && told.contains("score")
                && told.contains("`[warm_up]`"),
            "{told}"
        );
    }

    #[test]
    fn a_model_that_cannot_run_is_not_loaded() {
        for (fail, said) in [
            ("error", "its card says that it fails"),
            ("panic", "its card says that it panics"),
        ] {
            let card = card(&format!("[stub]\nfail = \"{fail}\"\ncold = true"));
            let error = Model::load(&card, &Backends::embedded(), LoadOptions::default());
            let told = error.unwrap_err().to_string();
            assert!(
                told.contains("m@1.0.0") && told.contains(said.trim_start_matches("its ")),
                "{told}"
            );
        }
    }

    #[tokio::test]
    async fn what_a_stub_does_begins_after_its_first_run() {
        let card = card("[stub]\nfail = \"error\"");
        let model = Model::load(&card, &Backends::embedded(), LoadOptions::default()).unwrap();
        let error = model.infer(asked(1, 3, 5), soon()).await.unwrap_err();
        assert_eq!(error.reason(), "backend");
    }
}
