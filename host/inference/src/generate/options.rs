//! How one answer is to be generated: what a caller says in `metadata`, read and held to its bounds. Pure.
//!
//! Defaults: as many tokens as the card allows, temperature 0 (the likeliest token, so that equal prompts have equal
//! answers), no grammar, no stop strings, no time of its own, and a prompt that is template throughout. Bounds: each
//! value's own, told where it is passed; a key that is not known is refused.

use std::time::Duration;

use serde::Deserialize;

use crate::card::Generation;

/// The longest grammar, in bytes.
const MOST_GRAMMAR: usize = 16 * 1024;
/// The most stop strings.
const MOST_STOPS: usize = 16;
/// The longest stop string, in bytes.
const MOST_STOP: usize = 256;
/// The most ranges of a prompt that are data.
const MOST_RANGES: usize = 256;
/// The hottest that tokens are drawn.
const HOTTEST: f32 = 5.0;
/// The longest time that an answer may be given of its own.
const MOST_TIME: u64 = 3_600_000;

/// What one answer may take and where it ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    /// The most tokens of the answer.
    pub(crate) tokens: u32,
    /// How long it may take, once it has begun; then it ends with what there is.
    pub(crate) time: Option<Duration>,
    /// Texts at which it ends; they are no part of it.
    pub(crate) stop: Vec<String>,
    /// How its tokens are chosen.
    pub(crate) sampling: Sampling,
    /// Byte ranges of the prompt that are not of its template, in order and apart.
    pub(crate) data: Vec<(usize, usize)>,
}

/// How tokens are chosen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sampling {
    /// 0: the likeliest; above, they are drawn.
    pub(crate) temperature: f32,
    /// The share of probability that is drawn from.
    pub(crate) top_p: f32,
    /// How many of the likeliest are drawn from; 0: all.
    pub(crate) top_k: u32,
    /// Where drawing begins.
    pub(crate) seed: u32,
    /// What the answer must be, in llama.cpp's GBNF; its first rule is `root`.
    pub(crate) grammar: Option<String>,
}

/// As a caller writes it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    n_predict: Option<u32>,
    time_ms: Option<u64>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    top_k: Option<u32>,
    seed: Option<u32>,
    grammar: Option<String>,
    stop: Stop,
    data: Vec<(usize, usize)>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
enum Stop {
    One(String),
    Several(Vec<String>),
}

impl Default for Stop {
    fn default() -> Stop {
        Stop::Several(Vec::new())
    }
}

impl Options {
    /// Reads `metadata`, a JSON object; nothing is as good as `{}`. `prompt` is what its ranges are of.
    ///
    /// # Errors
    /// A sentence that names the key, what was given and what is taken.
    pub(crate) fn read(
        metadata: &[u8],
        prompt: &str,
        card: &Generation,
    ) -> Result<Options, String> {
        let raw: Raw = match metadata.trim_ascii() {
            [] => Raw::default(),
            json => serde_json::from_slice(json).map_err(|error| {
                format!("takes `metadata` as a JSON object of options: {error}")
            })?,
        };
        let tokens = raw.n_predict.unwrap_or(card.tokens);
        within("n-predict", tokens, 1, card.tokens)?;
        if let Some(time) = raw.time_ms {
            within("time-ms", time, 1, MOST_TIME)?;
        }
        check_data(&raw.data, prompt)?;
        Ok(Options {
            tokens,
            time: raw.time_ms.map(Duration::from_millis),
            sampling: sampling(&raw)?,
            stop: stops(raw.stop)?,
            data: raw.data,
        })
    }
}

fn within<T: PartialOrd + std::fmt::Display + Copy>(
    key: &str,
    given: T,
    least: T,
    most: T,
) -> Result<(), String> {
    match (least..=most).contains(&given) {
        true => Ok(()),
        false => Err(format!(
            "takes `{key}` from `{least}` to `{most}`, and `{given}` was given"
        )),
    }
}

fn sampling(raw: &Raw) -> Result<Sampling, String> {
    let temperature = raw.temperature.unwrap_or(0.0);
    within("temperature", temperature, 0.0, HOTTEST)?;
    let top_p = raw.top_p.unwrap_or(1.0);
    within("top-p", top_p, f32::MIN_POSITIVE, 1.0)?;
    let grammar = raw.grammar.clone().filter(|grammar| !grammar.is_empty());
    let length = grammar.as_ref().map_or(0, String::len);
    within("grammar", length, 0, MOST_GRAMMAR).map_err(|error| format!("{error} bytes"))?;
    Ok(Sampling {
        temperature,
        top_p,
        top_k: raw.top_k.unwrap_or(0),
        seed: raw.seed.unwrap_or(0),
        grammar,
    })
}

fn stops(stop: Stop) -> Result<Vec<String>, String> {
    let stops = match stop {
        Stop::One(stop) => vec![stop],
        Stop::Several(stops) => stops,
    };
    if stops.len() > MOST_STOPS {
        return Err(format!(
            "takes at most `{MOST_STOPS}` texts as `stop`, and `{}` were given",
            stops.len()
        ));
    }
    for stop in &stops {
        within("stop", stop.len(), 1, MOST_STOP).map_err(|error| format!("{error} bytes"))?;
    }
    Ok(stops)
}

/// Ranges must lie in the prompt, apart and in order, and cut no letter.
fn check_data(ranges: &[(usize, usize)], prompt: &str) -> Result<(), String> {
    if ranges.len() > MOST_RANGES {
        return Err(format!(
            "takes at most `{MOST_RANGES}` ranges as `data`, and `{}` were given",
            ranges.len()
        ));
    }
    let mut before = 0;
    for (from, to) in ranges {
        if *from < before || to < from || prompt.get(*from..*to).is_none() {
            return Err(format!(
                "takes `data` as byte ranges of the prompt (`{}` bytes), in order and between letters, and `[{from}, {to}]` is none after `{before}`",
                prompt.len()
            ));
        }
        before = *to;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Generation {
        Generation {
            tokens: 64,
            ..Generation::default()
        }
    }

    fn read(metadata: &str) -> Result<Options, String> {
        Options::read(metadata.as_bytes(), "añb", &card())
    }

    #[test]
    fn nothing_said_is_the_defaults() {
        for metadata in ["", " ", "{}"] {
            let options = read(metadata).unwrap();
            assert_eq!((options.tokens, options.time), (64, None));
            assert_eq!(options.sampling.temperature, 0.0);
            assert!(options.stop.is_empty() && options.data.is_empty());
        }
    }

    #[test]
    fn every_option_is_read() {
        let options = read(
            r#"{"n-predict": 8, "time-ms": 900, "temperature": 0.5, "top-p": 0.9, "top-k": 40, "seed": 7, "grammar": "root ::= \"a\"", "stop": "\n", "data": [[0, 1], [3, 4]]}"#,
        )
        .unwrap();
        assert_eq!(options.tokens, 8);
        assert_eq!(options.time, Some(Duration::from_millis(900)));
        assert_eq!(options.stop, ["\n"]);
        assert_eq!(options.data, [(0, 1), (3, 4)]);
        let sampling = Sampling {
            temperature: 0.5,
            top_p: 0.9,
            top_k: 40,
            seed: 7,
            grammar: Some("root ::= \"a\"".to_owned()),
        };
        assert_eq!(options.sampling, sampling);
        assert_eq!(read(r#"{"stop": ["a", "b"]}"#).unwrap().stop, ["a", "b"]);
    }

    #[test]
    fn what_is_out_of_bounds_is_named_with_both_sides() {
        for (metadata, told) in [
            (
                r#"{"n-predict": 65}"#,
                "takes `n-predict` from `1` to `64`, and `65` was given",
            ),
            (
                r#"{"n-predict": 0}"#,
                "takes `n-predict` from `1` to `64`, and `0` was given",
            ),
            (r#"{"time-ms": 0}"#, "`time-ms` from `1`"),
            (
                r#"{"temperature": 9}"#,
                "`temperature` from `0` to `5`, and `9` was given",
            ),
            (r#"{"top-p": 0}"#, "`top-p`"),
            (
                r#"{"stop": [""]}"#,
                "`stop` from `1` to `256`, and `0` was given bytes",
            ),
            (r#"{"stop": 3}"#, "a text or a list of texts"),
            (r#"{"n-predict": "8"}"#, "invalid type: string \"8\""),
            (r#"{"nPredict": 8}"#, "unknown field `nPredict`"),
            ("[", "as a JSON object of options"),
            (r#"{"data": [[0, 2]]}"#, "`[0, 2]` is none after `0`"),
            (
                r#"{"data": [[1, 3], [0, 1]]}"#,
                "`[0, 1]` is none after `3`",
            ),
            (r#"{"data": [[0, 9]]}"#, "(`4` bytes)"),
        ] {
            let error = read(metadata).unwrap_err();
            assert!(error.contains(told), "{metadata}: {error}");
        }
        let long = format!(r#"{{"grammar": "{}"}}"#, "a".repeat(MOST_GRAMMAR + 1));
        assert!(read(&long).unwrap_err().contains("`grammar`"));
    }
}
