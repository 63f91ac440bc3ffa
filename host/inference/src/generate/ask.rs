//! A call of a generative model: a prompt and options out of tensors, and an answer into them. Pure.
//!
//! The conventions of wasi-nn's encoding `ggml`: input 0 is the prompt, input 1, which may be absent, the options as JSON;
//! output 0 is the text, output 1 how it came about, as JSON. Here they have names, too: `prompt`, `metadata`, `text`, `usage`.
//! Bounds: tensors of type `u8` with one dimension; text in UTF-8; a prompt of at most [`LONGEST_TOKEN`] bytes for each token
//! that the card has room for, so that reading it holds nobody up.

use std::collections::BTreeMap;

use serde_json::json;

use super::engine::{Engine, Token};
use super::options::Options;
use crate::card::{Card, Generation};
use crate::model::InferError;
use crate::request::{Request, Shape};
use crate::tensor::{ElementType, NamedTensor, Tensor};

/// More bytes than tokens of any text have on average.
const LONGEST_TOKEN: usize = 32;
/// What a token is, roughly, in bytes: so that stages are charged before a prompt is read.
const BYTES_A_TOKEN: usize = 4;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    pub(crate) prompt: String,
    pub(crate) options: Options,
}

/// A prompt as the model reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) tokens: Vec<Token>,
    /// How many of them, from the first, are of the template: they may be kept for the next call.
    pub(crate) template: usize,
}

impl Ask {
    /// Holds `inputs` to the conventions and to `card`.
    ///
    /// # Errors
    /// [`InferError::InvalidInput`] or [`InferError::TooLarge`], naming both sides.
    pub(crate) fn read(
        card: &Card,
        generation: &Generation,
        inputs: Vec<NamedTensor>,
    ) -> Result<Ask, InferError> {
        let invalid = |message: String| {
            InferError::InvalidInput(format!(
                "model `{}@{}` {message}",
                card.name(),
                card.version()
            ))
        };
        let mut given = by_name(inputs).map_err(invalid)?;
        let prompt = given.remove("prompt").ok_or_else(|| {
            invalid("needs input `prompt`, which was not given; give its bytes as `u8`".to_owned())
        })?;
        let prompt = text("prompt", &prompt).map_err(invalid)?;
        let most = LONGEST_TOKEN * generation.context as usize;
        if prompt.len() > most {
            return Err(InferError::TooLarge(format!(
                "model `{}@{}` has room for `{}` tokens and takes a prompt of at most `{most}` bytes, and `{}` were given; cut it",
                card.name(),
                card.version(),
                generation.context,
                prompt.len()
            )));
        }
        let metadata = given.remove("metadata");
        let metadata = metadata.map(|metadata| text("metadata", &metadata));
        let metadata = metadata.transpose().map_err(invalid)?.unwrap_or_default();
        let options = Options::read(metadata.as_bytes(), &prompt, generation).map_err(invalid)?;
        Ok(Ask { prompt, options })
    }

    /// What the order of calls goes by: one row, as long as prompt and answer may become.
    pub(crate) fn request(&self) -> Request {
        let prompt = u32::try_from(self.prompt.len() / BYTES_A_TOKEN).unwrap_or(u32::MAX);
        Request {
            inputs: Vec::new(),
            shape: Shape {
                rows: 1,
                length: prompt.saturating_add(self.options.tokens),
                others: BTreeMap::new(),
            },
        }
    }

    /// The prompt in tokens. Only in its template are the model's markers, such as `<|im_end|>`, what they mean; in data they
    /// are letters, so that nobody whose text is shown to a model speaks in another's name.
    pub(crate) fn tokens(&self, engine: &dyn Engine) -> Read {
        let mut tokens = Vec::new();
        let mut template = None;
        let mut at = 0;
        for (from, to) in &self.options.data {
            // A space belongs to the word that follows it, in every vocabulary there is: cut off from it, both would be rare tokens.
            let before = self.prompt.get(at..*from).unwrap_or_default();
            let from = match before.ends_with(' ') && from < to {
                true => from - 1,
                false => *from,
            };
            self.add(engine, &mut tokens, (at, from), true);
            template.get_or_insert(tokens.len());
            self.add(engine, &mut tokens, (from, *to), false);
            at = *to;
        }
        self.add(engine, &mut tokens, (at, self.prompt.len()), true);
        Read {
            // A prompt that names no data may be all data.
            template: template.unwrap_or(0),
            tokens,
        }
    }

    fn add(
        &self,
        engine: &dyn Engine,
        tokens: &mut Vec<Token>,
        (from, to): (usize, usize),
        markers: bool,
    ) {
        let part = self.prompt.get(from..to).unwrap_or_default();
        let first = tokens.is_empty();
        if first || !part.is_empty() {
            tokens.extend(engine.tokens(part, markers, first));
        }
    }
}

/// Inputs under their names, whichever way they were called.
fn by_name(inputs: Vec<NamedTensor>) -> Result<BTreeMap<&'static str, Tensor>, String> {
    let mut given = BTreeMap::new();
    for (name, tensor) in inputs {
        let known = match name.as_str() {
            "prompt" | "0" => "prompt",
            "metadata" | "1" => "metadata",
            other => {
                let shown: String = other.chars().filter(|c| !c.is_control()).take(64).collect();
                return Err(format!(
                    "takes `prompt` and `metadata`, and input `{shown}` was given"
                ));
            }
        };
        if given.insert(known, tensor).is_some() {
            return Err(format!(
                "takes input `{known}` once, and it was given twice"
            ));
        }
    }
    Ok(given)
}

fn text(name: &str, tensor: &Tensor) -> Result<String, String> {
    if tensor.ty() != ElementType::U8 || tensor.dims().len() != 1 {
        return Err(format!(
            "takes input `{name}` as `u8` of one dimension, and it was given as `{}` of `{:?}`",
            tensor.ty(),
            tensor.dims()
        ));
    }
    let text = std::str::from_utf8(tensor.data()).map_err(|error| {
        format!(
            "takes input `{name}` as UTF-8, and its byte `{}` is none",
            error.valid_up_to()
        )
    })?;
    Ok(text.to_owned())
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The model said all it had to say.
    End,
    /// A stop text came.
    Stop(String),
    /// It has as many tokens as it may.
    Length,
    /// Its own time is over.
    Time,
}

impl Finish {
    /// Its name in `usage` and in metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Finish::End => "end",
            Finish::Stop(_) => "stop",
            Finish::Length => "length",
            Finish::Time => "time",
        }
    }
}

/// What an answer took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Tokens of the prompt.
    pub(crate) prompt: usize,
    /// How many of them were there from an earlier call.
    pub(crate) reused: usize,
    /// Tokens of the answer.
    pub(crate) tokens: usize,
    pub(crate) finish: Finish,
}

impl Usage {
    fn to_json(&self) -> String {
        let mut usage = json!({
            "prompt-tokens": self.prompt, "reused-tokens": self.reused, "tokens": self.tokens, "finish": self.finish.name(),
        });
        if let (Some(object), Finish::Stop(stop)) = (usage.as_object_mut(), &self.finish) {
            object.insert("stop".to_owned(), json!(stop));
        }
        usage.to_string()
    }
}

/// The two outputs.
///
/// # Errors
/// The text is too long for a tensor.
pub(crate) fn outputs(text: String, usage: &Usage) -> Result<Vec<NamedTensor>, String> {
    let tensor = |text| Tensor::from_text(text).map_err(|error| error.to_string());
    Ok(vec![
        ("text".to_owned(), tensor(text)?),
        ("usage".to_owned(), tensor(usage.to_json())?),
    ])
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::generate::tests::{Letters, card};

    fn bytes(text: &str) -> Tensor {
        Tensor::from_text(text.to_owned()).unwrap()
    }

    fn read(inputs: &[(&str, Tensor)]) -> Result<Ask, InferError> {
        let card = card("");
        let inputs = inputs.iter().map(|(n, t)| ((*n).to_owned(), t.clone()));
        Ask::read(&card, card.generation().unwrap(), inputs.collect())
    }

    #[test]
    fn inputs_go_by_name_or_by_number() {
        let metadata = r#"{"n-predict": 3}"#;
        let named = read(&[("prompt", bytes("hi")), ("metadata", bytes(metadata))]).unwrap();
        let numbered = read(&[("1", bytes(metadata)), ("0", bytes("hi"))]).unwrap();
        assert_eq!(named, numbered);
        assert_eq!((named.prompt.as_str(), named.options.tokens), ("hi", 3));
        assert_eq!(read(&[("0", bytes("hi"))]).unwrap().options.tokens, 32);
    }

    #[test]
    fn what_does_not_fit_is_told_with_the_model() {
        let f32s = Tensor::from_f32(vec![1], &[1.0]).unwrap();
        let not_utf8 = Tensor::new(vec![2], ElementType::U8, Bytes::from_static(b"a\xff")).unwrap();
        for (inputs, told) in [
            (vec![], "needs input `prompt`"),
            (
                vec![("prompt", f32s)],
                "as `u8` of one dimension, and it was given as `f32` of `[1]`",
            ),
            (vec![("prompt", not_utf8)], "its byte `1` is none"),
            (
                vec![("image", bytes(""))],
                "takes `prompt` and `metadata`, and input `image` was given",
            ),
            (
                vec![("prompt", bytes("")), ("0", bytes(""))],
                "`prompt` once",
            ),
            (
                vec![("0", bytes("")), ("1", bytes("{\"top\":1}"))],
                "unknown field `top`",
            ),
        ] {
            let error = read(&inputs).unwrap_err().to_string();
            assert!(
                error.starts_with("model `m@1.0.0` ") && error.contains(told),
                "{error}"
            );
        }
    }

    #[test]
    fn a_prompt_that_cannot_fit_is_not_read() {
        let long = "a".repeat(LONGEST_TOKEN * 64 + 1);
        let error = read(&[("prompt", bytes(&long))]).unwrap_err();
        assert_eq!(error.reason(), "too-large");
        assert!(
            error
                .to_string()
                .contains("at most `2048` bytes, and `2049` were given"),
            "{error}"
        );
    }

    #[test]
    fn markers_mean_something_in_the_template_alone_and_data_ends_what_is_kept() {
        let engine = Letters::default();
        let ask = |prompt: &str, data: &str| {
            let metadata = format!("{{\"data\": {data}}}");
            read(&[("prompt", bytes(prompt)), ("metadata", bytes(&metadata))]).unwrap()
        };
        let read = ask("#ab#c#", "[[1, 4]]").tokens(&engine);
        let letters = |text: &str| text.bytes().map(|b| Token(b.into())).collect::<Vec<_>>();
        let marker = [Letters::MARKER];
        let expected = [&marker[..], &letters("ab#"), &letters("c"), &marker].concat();
        assert_eq!(
            read,
            Read {
                tokens: expected,
                template: 1
            }
        );
        assert_eq!(ask("abc", "[]").tokens(&engine).template, 0);
        assert_eq!(
            ask("a: b", "[[3, 4]]").tokens(&engine).template,
            2,
            "a space goes with its word"
        );
        assert_eq!(ask("abc", "[[3, 3]]").tokens(&engine).template, 3);
    }

    #[test]
    fn usage_says_why_the_answer_ended() {
        let usage = Usage {
            prompt: 5,
            reused: 2,
            tokens: 3,
            finish: Finish::Stop("\n".to_owned()),
        };
        let outputs = outputs("é".to_owned(), &usage).unwrap();
        assert_eq!(outputs[0].1.dims(), [2]);
        assert_eq!(
            std::str::from_utf8(outputs[1].1.data()).unwrap(),
            r#"{"prompt-tokens":5,"reused-tokens":2,"tokens":3,"finish":"stop","stop":"\n"}"#
        );
    }
}
