//! What a reader sees of a body that is HTML.

use super::Tracked;

/// Elements whose content nobody sees.
const UNSEEN: &[&str] = &["style", "script", "head", "title", "xml", "template"];
/// Elements that stand on lines of their own.
const BLOCKS: &[&str] = &[
    "p",
    "div",
    "br",
    "tr",
    "table",
    "li",
    "ul",
    "ol",
    "h1",
    "h2",
    "h3",
    "h4",
    "blockquote",
    "hr",
    "body",
    "section",
];
const ENTITIES: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("rsquo", '’'),
    ("lsquo", '‘'),
    ("rdquo", '”'),
    ("ldquo", '“'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("hellip", '…'),
    ("euro", '€'),
    ("pound", '£'),
];
/// The longest name of an entity that is looked for.
const NAME: usize = 8;

/// The text of a body that begins as HTML does: without tags, styles, scripts and comments, blocks on lines of their own, and
/// entities as their characters. Any other text stays as it is, tags that it speaks of included.
///
/// It is meant for classifying and quoting, not for showing: what it gives is text, never markup that is safe.
#[must_use]
pub fn visible(text: &str) -> Tracked {
    let mut made = Tracked::default();
    if !begins_as_html(text) {
        made.keep(text, 0..text.len());
        return made;
    }
    let (mut at, mut unseen) = (0, None);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let end = at + piece(rest);
        let found = text.get(at..end).unwrap_or_default();
        match tag(found) {
            Some((name, closes)) => {
                unseen = match unseen {
                    Some(open) if closes && name == open => None,
                    None if !closes && !found.ends_with("/>") => {
                        UNSEEN.iter().copied().find(|one| *one == name)
                    }
                    other => other,
                };
                if unseen.is_none() && BLOCKS.contains(&name.as_str()) {
                    made.insert("\n", at..end);
                }
            }
            None if unseen.is_some() || found.starts_with("<!") || found.starts_with("<?") => {}
            None => match entity(found) {
                Some(c) => made.insert(c.encode_utf8(&mut [0; 4]), at..end),
                None => made.keep(text, at..end),
            },
        }
        at = end;
    }
    made
}

fn begins_as_html(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(200).collect();
    let lower = start.to_ascii_lowercase();
    let opens = [
        "<!doctype html",
        "<html",
        "<head",
        "<body",
        "<div",
        "<p>",
        "<p ",
        "<table",
        "<meta",
        "<style",
    ];
    opens.iter().any(|open| lower.starts_with(open)) && text.contains("</")
}

/// The bytes of the piece that a text begins with: a comment, a tag, an entity, or what is before the next of these.
fn piece(rest: &str) -> usize {
    let until = |end: &str| rest.find(end).map_or(rest.len(), |at| at + end.len());
    if rest.starts_with("<!--") {
        return until("-->");
    }
    if rest.starts_with('<')
        && rest
            .get(1..)
            .is_some_and(|r| r.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)))
    {
        return until(">");
    }
    if rest.starts_with('&')
        && let Some(end) = rest.bytes().take(NAME + 2).position(|b| b == b';')
    {
        return end + 1;
    }
    let first = rest.chars().next().map_or(1, char::len_utf8);
    let next = rest.get(first..).and_then(|r| r.find(['<', '&']));
    next.map_or(rest.len(), |at| at + first)
}

/// The name of a tag, and whether it closes.
fn tag(piece: &str) -> Option<(String, bool)> {
    let inner = piece.strip_prefix('<')?.strip_suffix('>')?;
    let (inner, closes) = inner
        .strip_prefix('/')
        .map_or((inner, false), |inner| (inner, true));
    let end = inner
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(inner.len());
    let name = inner.get(..end).filter(|name| !name.is_empty())?;
    Some((name.to_ascii_lowercase(), closes))
}

fn entity(piece: &str) -> Option<char> {
    let name = piece.strip_prefix('&')?.strip_suffix(';')?;
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| !c.is_control());
    }
    ENTITIES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, c)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_of_html_is_told_and_leads_back() {
        let text = "<html><head><style><!-- p {margin:0} --></style></head><body><p class=\"x\">My card&#39;s <b>blocked</b>&nbsp;&amp; gone.</p><!-- no --><div>Help<br/>me</div></body></html>";
        let found = visible(text);
        let lines: Vec<_> = found.as_str().lines().filter(|l| !l.is_empty()).collect();
        assert_eq!(lines, ["My card's blocked & gone.", "Help", "me"]);
        let at = found.as_str().find("blocked").unwrap();
        assert_eq!(&text[found.source(at..at + 7)], "blocked");
    }

    #[test]
    fn other_text_stays() {
        for text in [
            "",
            "I wrote <b>bold</b> & it failed",
            "<3 you all",
            "a < b > c &amp; d",
            "<div without end",
        ] {
            assert_eq!(visible(text).as_str(), text);
        }
    }

    #[test]
    fn broken_html_ends() {
        for text in [
            "<html><style>a</p>",
            "<p>x</p><!-- never",
            "<p>a</p><b",
            "<p>&#xffffffff;</p>&",
            "<p>é</p>&é;<",
        ] {
            let _ = visible(text).as_str().len();
        }
        assert_eq!(visible("<p>a</p>&zzz;").as_str().trim(), "a\n&zzz;");
    }
}
