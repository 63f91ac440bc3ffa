//! The harness's side of what a component imports: a state of this thread, set for one call.
//!
//! Outside a harness the config is `{}`, no model is bound, and log lines are dropped.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::Refusal;
use crate::logging::Level;
use crate::nn::{Code, ElementType, Tensors};

/// A stand-in for a model.
pub(crate) type Stub = Rc<dyn Fn(Tensors) -> Result<Tensors, Refusal>>;

/// What the harness gives a stage for one call, and what the stage logged.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) config: String,
    pub(crate) cards: BTreeMap<String, String>,
    pub(crate) models: BTreeMap<String, Stub>,
    pub(crate) log: Vec<(Level, String)>,
}

thread_local! {
    static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
}

/// Runs `call` with `state` in force on this thread, and gives both the result and the state back. Calls nest.
pub(crate) fn enter<T>(state: State, call: impl FnOnce() -> T) -> (T, State) {
    /// Puts the outer state back, even where `call` panics.
    struct Restore(Option<State>);
    impl Drop for Restore {
        fn drop(&mut self) {
            STATE.replace(self.0.take());
        }
    }
    let outer = Restore(STATE.replace(Some(state)));
    let result = call();
    let state = STATE.take().unwrap_or_default();
    drop(outer);
    (result, state)
}

fn with<T>(read: impl FnOnce(&mut State) -> T) -> Option<T> {
    STATE.with_borrow_mut(|state| state.as_mut().map(read))
}

pub(crate) fn config() -> String {
    with(|state| state.config.clone()).unwrap_or_else(|| "{}".to_owned())
}

pub(crate) fn card(role: &str) -> Option<String> {
    with(|state| state.cards.get(role).cloned()).flatten()
}

pub(crate) fn log(level: Level, message: &str) {
    with(|state| state.log.push((level, message.to_owned())));
}

/// A stub that is ready to run.
pub(crate) struct Graph(Stub);

impl Graph {
    pub(crate) fn open(role: &str) -> Result<Self, Refusal> {
        let stub = with(|state| state.models.get(role).cloned()).flatten();
        stub.map(Self).ok_or_else(|| {
            (
                Code::NotFound,
                format!("the harness binds no model to role `{role}`"),
            )
        })
    }

    pub(crate) fn compute(
        &self,
        inputs: Vec<(String, RawTensor)>,
    ) -> Result<Vec<(String, RawTensor)>, Refusal> {
        (self.0)(Tensors::from_raw(inputs)).map(Tensors::into_raw)
    }
}

/// A text of a stub, word by word.
pub(crate) struct Text {
    pieces: std::vec::IntoIter<String>,
    usage: String,
    ended: bool,
}

impl Text {
    pub(crate) fn start(role: &str, prompt: &str, options: &str) -> Result<Self, Refusal> {
        let bytes = |text: &str| {
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            RawTensor::new(&[length], ElementType::U8, text.as_bytes())
        };
        let inputs = vec![
            ("prompt".to_owned(), bytes(prompt)),
            ("metadata".to_owned(), bytes(options)),
        ];
        let outputs = Graph::open(role)?.compute(inputs)?;
        let read = |name: &str| {
            let output = outputs.iter().find(|(given, _)| given == name);
            let data = output.map(|(_, tensor)| tensor.data()).unwrap_or_default();
            String::from_utf8_lossy(&data).into_owned()
        };
        let text = read("text");
        let words = text.split_inclusive(' ').map(str::to_owned);
        Ok(Self {
            pieces: words.collect::<Vec<_>>().into_iter(),
            usage: read("usage"),
            ended: false,
        })
    }

    pub(crate) fn next(&mut self) -> Result<Option<String>, Refusal> {
        let piece = self.pieces.next();
        self.ended = piece.is_none();
        Ok(piece)
    }

    pub(crate) fn usage(&self) -> Option<String> {
        self.ended.then(|| self.usage.clone())
    }
}

/// A tensor in this process.
pub(crate) struct RawTensor {
    dims: Vec<u32>,
    ty: ElementType,
    data: Vec<u8>,
}

impl RawTensor {
    pub(crate) fn new(dims: &[u32], ty: ElementType, data: &[u8]) -> Self {
        Self {
            dims: dims.to_vec(),
            ty,
            data: data.to_vec(),
        }
    }

    pub(crate) fn dims(&self) -> Vec<u32> {
        self.dims.clone()
    }

    pub(crate) fn ty(&self) -> ElementType {
        self.ty
    }

    pub(crate) fn data(&self) -> Vec<u8> {
        self.data.clone()
    }
}
