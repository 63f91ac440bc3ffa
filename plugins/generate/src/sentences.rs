//! A text that is read as it comes, and broken off after so many sentences.

use fleetwright_sdk::nn::{self, Text};
use serde_json::json;

use crate::Written;

/// Reads `text` until it has `most` sentences; dropping it stops the model.
pub(crate) fn write(mut text: Text, most: usize) -> Result<Written, nn::Error> {
    let mut written = String::new();
    while let Some(piece) = text.next()? {
        written.push_str(&piece);
        if let Some(end) = end_of(&written, most) {
            return Ok(Written {
                text: written.get(..end).unwrap_or_default().trim().to_owned(),
                tokens: None,
                prompt_tokens: None,
                reused_tokens: None,
                ended: json!("sentences"),
            });
        }
    }
    let usage = text.usage()?;
    let tokens = |of: fn(&nn::Usage) -> u32| usage.as_ref().map(of);
    Ok(Written {
        text: written.trim().to_owned(),
        tokens: tokens(|usage| usage.tokens),
        prompt_tokens: tokens(|usage| usage.prompt_tokens),
        reused_tokens: tokens(|usage| usage.reused_tokens),
        ended: json!(usage.as_ref().map(|usage| usage.finish)),
    })
}

/// Where the `most`-th sentence ends, once something follows that shows it: whitespace after a full stop, `!` or `?`.
fn end_of(text: &str, most: usize) -> Option<usize> {
    let mut before = ' ';
    let mut seen = 0;
    for (at, letter) in text.char_indices() {
        if letter.is_whitespace() && matches!(before, '.' | '!' | '?') {
            seen += 1;
            if seen == most {
                return Some(at);
            }
        }
        before = letter;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_ended_once_something_follows() {
        assert_eq!(end_of("It costs 3.50 EUR.", 1), None);
        assert_eq!(end_of("It costs 3.50 EUR. Fine", 1), Some(18));
        assert_eq!(end_of("One. Two? Three!", 2), Some(9));
        assert_eq!(end_of("One.\nTwo? Three!", 3), None);
    }
}
