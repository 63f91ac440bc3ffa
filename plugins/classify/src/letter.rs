//! What the writer of an e-mail wrote in it: without quoted replies, their attribution line and the signature.
//!
//! The quoted part and the signature end a letter, so that what is left is one piece of the original. Where nothing
//! would be left (a reply below its quote, a bare forward), the letter stays whole.

/// The writer's own words: a slice of the letter, trimmed.
pub(crate) fn own_words(letter: &str) -> &str {
    let start = skip_quote(letter);
    let rest = letter.get(start..).unwrap_or_default();
    let mut end = 0;
    let mut lines = rest.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if ends(line, lines.peek().copied()) {
            break;
        }
        end += line.len();
    }
    let own = rest.get(..end).unwrap_or_default().trim();
    if own.is_empty() { letter.trim() } else { own }
}

/// The bytes of a quote, with its attribution, that stands above the answer.
fn skip_quote(letter: &str) -> usize {
    let mut start = 0;
    let mut quoted = false;
    for line in letter.split_inclusive('\n') {
        let text = line.trim();
        let skip = text.starts_with('>') || text.is_empty() || is_attribution(text);
        if !skip {
            break;
        }
        quoted |= text.starts_with('>');
        start += line.len();
    }
    if quoted { start } else { 0 }
}

fn ends(line: &str, next: Option<&str>) -> bool {
    let text = line.trim();
    let wrapped =
        || next.is_some_and(|next| text.starts_with("On ") && next.trim().ends_with("wrote:"));
    line.trim_end_matches(['\r', '\n']) == "-- "
        || text == "--"
        || text.starts_with('>')
        || is_attribution(text)
        || wrapped()
        || is_banner(text)
}

/// `On 3 May 2024, at 10:12, Ann wrote:`
fn is_attribution(text: &str) -> bool {
    text.ends_with("wrote:") && text.contains(|c: char| c.is_ascii_digit() || c == '@' || c == '<')
}

/// `-----Original Message-----`, `---------- Forwarded message ----------`
fn is_banner(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    text.starts_with("---")
        && (lower.contains("original message") || lower.contains("forwarded message"))
}

#[cfg(test)]
mod tests {
    use super::own_words;

    #[test]
    fn a_quoted_reply_and_its_attribution_are_left_out() {
        let letter = "Still nothing.\n\nOn 3 May 2024, at 10:12, Shop <a@b.example> wrote:\n> We sent it.\n> Regards\n";
        assert_eq!(own_words(letter), "Still nothing.");
        let wrapped =
            "Still nothing.\r\nOn Friday, Shop\r\n<a@b.example> wrote:\r\n> We sent it.\r\n";
        assert_eq!(own_words(wrapped), "Still nothing.");
    }

    #[test]
    fn a_signature_and_an_original_message_are_left_out() {
        assert_eq!(own_words("Where is it?\n-- \nAnn\nACME"), "Where is it?");
        assert_eq!(
            own_words("See below.\n-----Original Message-----\nFrom: x\nHi"),
            "See below."
        );
    }

    #[test]
    fn an_answer_below_its_quote_stays() {
        let letter = "On 3 May, a@b.example wrote:\n> Which one?\n\nThe green one.\n";
        assert_eq!(own_words(letter), "The green one.");
    }

    #[test]
    fn what_would_leave_nothing_stays_whole() {
        assert_eq!(own_words("> only a quote\n"), "> only a quote");
        assert_eq!(own_words("  \n"), "");
        assert_eq!(
            own_words("A -- dash, and he wrote: yes"),
            "A -- dash, and he wrote: yes"
        );
    }
}
