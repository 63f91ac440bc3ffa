//! A prompt with its placeholders filled: `{field}`, `{stage.member}`; `{{` and `}}` are braces. Pure.

use fleetwright_sdk::nn::Prompt;
use serde_json::{Map, Value};

/// A prompt that can be asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) prompt: Prompt,
    /// Whether it has placeholders, and all of them came to nothing.
    pub(crate) empty: bool,
}

/// Fills `template` with what is `shown`, each at most `chars` long.
///
/// # Errors
/// A sentence that says which brace is wrong.
pub(crate) fn fill(
    template: &str,
    shown: &Map<String, Value>,
    chars: usize,
) -> Result<Filled, String> {
    let mut prompt = Prompt::new();
    let (mut named, mut said) = (false, false);
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        prompt = prompt.template(before);
        let at = template.len() - from.len();
        rest = if let Some(after) = from.strip_prefix("{{") {
            prompt = prompt.template("{");
            after
        } else if let Some(after) = from.strip_prefix("}}") {
            prompt = prompt.template("}");
            after
        } else {
            let inner = from
                .strip_prefix('{')
                .and_then(|inner| inner.split_once('}'));
            let (name, after) = inner.ok_or_else(|| {
                format!("`prompt` has a brace without its other at byte {at}: write `{{{{` or `}}}}` for a brace that is text")
            })?;
            let text = text(shown, name.trim(), chars);
            named = true;
            said = said || !text.trim().is_empty();
            prompt = prompt.data(&text);
            after
        };
    }
    Ok(Filled {
        prompt: prompt.template(rest),
        empty: named && !said,
    })
}

/// What a placeholder stands for; nothing where it is not shown.
fn text(shown: &Map<String, Value>, name: &str, chars: usize) -> String {
    let mut parts = name.split('.');
    let first = parts.next().and_then(|part| shown.get(part));
    let value = parts.fold(first, |value, part| value.and_then(|value| value.get(part)));
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: &str, chars: usize) -> Result<Filled, String> {
        let shown =
            json!({ "body": "hello", "empty": " ", "classify": { "type": "card", "top": [1] } });
        fill(template, shown.as_object().unwrap(), chars)
    }

    #[test]
    fn fields_and_members_are_data_and_the_rest_is_template() {
        let expected = Prompt::new()
            .template("a {")
            .template("b} ")
            .data("hello")
            .template(" ")
            .data("card")
            .data("[1]")
            .template("!");
        let found = filled("a {{b}} {body} { classify.type }{classify.top}!", 9).unwrap();
        assert_eq!(found.prompt.text(), "a {b} hello card[1]!");
        assert_eq!(found.prompt, expected);
    }

    #[test]
    fn long_fields_are_cut_and_absent_ones_are_empty() {
        assert_eq!(
            filled("{body}{none}{classify.none.x}", 3)
                .unwrap()
                .prompt
                .text(),
            "hel"
        );
    }

    #[test]
    fn a_prompt_whose_fields_are_all_empty_is_told() {
        assert!(filled("say {none} {empty}", 9).unwrap().empty);
        assert!(!filled("say {none} {body}", 9).unwrap().empty);
        assert!(!filled("say", 9).unwrap().empty);
    }

    #[test]
    fn a_lone_brace_is_an_error_with_its_place() {
        for (template, at) in [("a {b", 2), ("a } b", 2), ("{x}}", 3)] {
            let error = filled(template, 9).unwrap_err();
            assert!(error.contains(&format!("at byte {at}")), "{error}");
        }
    }
}
