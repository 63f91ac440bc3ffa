//! What a mail program writes above the message that it quotes: `On … wrote:`, or a block of `From:`, `Sent:` and the rest.

/// Who wrote a quoted message and when, as far as the program said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) from: Option<String>,
    pub(super) date: Option<String>,
    pub(super) subject: Option<String>,
}

/// How an attribution starts and which verb it has, by language.
const PHRASES: &[(&[&str], &[&str])] = &[
    (&["on "], &[" wrote", " writes"]),
    (&["am "], &[" schrieb"]),
    (&["le "], &[" a écrit", " a ecrit"]),
    (&["el "], &[" escribió", " escribio"]),
    (&["il giorno ", "il "], &[" ha scritto"]),
    (&["op "], &[" schreef", " heeft"]),
    (&["em "], &[" escreveu"]),
];
/// The lines of a header block, by what they say.
const FROM: &[&str] = &["from", "von", "de", "da", "van"];
const DATE: &[&str] = &[
    "sent",
    "date",
    "gesendet",
    "datum",
    "envoyé",
    "enviado",
    "enviado el",
    "fecha",
    "inviato",
    "verzonden",
    "data",
];
const SUBJECT: &[&str] = &[
    "subject",
    "betreff",
    "objet",
    "asunto",
    "oggetto",
    "onderwerp",
    "assunto",
];
const OTHER: &[&str] = &[
    "to",
    "cc",
    "bcc",
    "an",
    "à",
    "para",
    "a",
    "aan",
    "reply-to",
    "importance",
    "attachments",
];

/// Longer lines are no attribution.
const LONGEST: usize = 400;

/// Reads `On … wrote:` out of lines, joined where the program wrapped them: who and when, and how many lines it takes.
pub(super) fn attribution(lines: &[&str]) -> Option<(Origin, usize)> {
    let first = lines.first()?.trim().to_lowercase();
    let (_, verbs) = PHRASES
        .iter()
        .find(|(starts, _)| starts.iter().any(|start| first.starts_with(start)))?;
    let mut joined = String::new();
    for (count, line) in (1..=3).zip(lines) {
        let line = line.trim();
        if line.is_empty() || joined.len() + line.len() > LONGEST {
            return None;
        }
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(line);
        if let Some(head) = joined.strip_suffix(':') {
            return parse(head.trim_end(), verbs).map(|origin| (origin, count));
        }
    }
    None
}

/// Reads `Ada Lovelace <ada@example.org> 11/02/26 11:21AM >>>`, which stands behind three marks.
pub(super) fn between_marks(line: &str) -> Option<Origin> {
    let head = line.trim().strip_suffix(">>>")?.trim_end();
    let digit = head.find(|c: char| c.is_ascii_digit())?;
    let address = head.find('>').map_or(0, |end| end + 1);
    let (from, date) = head.split_at_checked(digit.max(address))?;
    let from = named(from)?;
    Some(Origin {
        from: Some(from),
        date: named(date),
        subject: None,
    })
}

/// Reads an attribution without its colon: the starter, a date, and the verb before or after a name.
fn parse(head: &str, verbs: &[&str]) -> Option<Origin> {
    let (at, verb) = verbs
        .iter()
        .find_map(|verb| find_ignoring_case(head, verb).map(|at| (at, verb)))?;
    let after_starter = head.split_once(' ')?.1;
    let skipped = head.len() - after_starter.len();
    let between = head.get(skipped..at)?.trim();
    let after = head
        .get(at + verb.len()..)?
        .trim()
        .trim_start_matches("het volgende geschreven")
        .trim();
    if !between.contains(|c: char| c.is_ascii_digit()) && !between.contains(['@', '<']) {
        return None;
    }
    let (date, from) = if after.is_empty() {
        split_date(between)
    } else {
        (between, after)
    };
    Some(Origin {
        from: named(from),
        date: named(date),
        subject: None,
    })
}

/// Splits `3 Mar 2026 at 9:14 PM, Ada <a@b>` after its time, or else after its year.
fn split_date(text: &str) -> (&str, &str) {
    let end = after_time(text).or_else(|| after_year(text)).unwrap_or(0);
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Where the time ends: `9:14`, `09:14:05`, with AM or PM and a zone.
fn after_time(text: &str) -> Option<usize> {
    let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let colon = (1..bytes.len()).find(|at| {
        bytes.get(*at) == Some(&b':')
            && digit(bytes.get(at - 1))
            && digit(bytes.get(at + 1))
            && digit(bytes.get(at + 2))
    })?;
    let mut end = colon + 3;
    if bytes.get(end) == Some(&b':') && digit(bytes.get(end + 1)) {
        end += 3;
    }
    for suffix in [
        " am",
        " pm",
        "am",
        "pm",
        " a.m.",
        " p.m.",
        "\u{202f}am",
        "\u{202f}pm",
        " uhr",
        " utc",
        " gmt",
    ] {
        if text
            .get(end..)
            .is_some_and(|rest| find_ignoring_case(rest, suffix) == Some(0))
        {
            end += suffix.len();
            break;
        }
    }
    let zone = text.get(end..)?;
    let zone_end = zone
        .trim_start()
        .trim_start_matches(['+', '-'])
        .trim_start_matches(|c: char| c.is_ascii_digit());
    if zone.trim_start().starts_with(['+', '-']) {
        Some(text.len() - zone_end.len())
    } else {
        Some(end)
    }
}

/// Where the first run of four digits ends.
fn after_year(text: &str) -> Option<usize> {
    let mut digits = 0;
    text.char_indices().find_map(|(at, c)| {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        let last = !text
            .get(at + 1..)
            .unwrap_or_default()
            .starts_with(|c: char| c.is_ascii_digit());
        (digits == 4 && last).then_some(at + 1)
    })
}

fn named(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '*' | '"'));
    let text = text
        .trim_start_matches("um ")
        .trim_end_matches(" via")
        .trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn find_ignoring_case(text: &str, ascii_lower: &str) -> Option<usize> {
    text.char_indices().map(|(at, _)| at).find(|at| {
        text.get(*at..at + ascii_lower.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(ascii_lower))
    })
}

/// Reads a block of header lines: at least `From:` or its like and one more, and how many lines it takes.
pub(super) fn header_block(lines: &[&str]) -> Option<(Origin, usize)> {
    let mut origin = Origin::default();
    let mut count = 0;
    for line in lines.iter().take(12) {
        let Some((label, value)) = header(line) else {
            // A wrapped value goes on indented.
            if count > 0 && line.starts_with([' ', '\t']) && !line.trim().is_empty() {
                count += 1;
                continue;
            }
            break;
        };
        let place = if FROM.contains(&label.as_str()) {
            Some(&mut origin.from)
        } else if DATE.contains(&label.as_str()) {
            Some(&mut origin.date)
        } else if SUBJECT.contains(&label.as_str()) {
            Some(&mut origin.subject)
        } else if OTHER.contains(&label.as_str()) && count > 0 {
            None
        } else {
            break;
        };
        if let Some(place) = place {
            *place = place.take().or_else(|| named(value));
        }
        count += 1;
    }
    let said = [&origin.date, &origin.subject]
        .into_iter()
        .flatten()
        .count();
    (origin.from.is_some() && said > 0 && count >= 2).then_some((origin, count))
}

/// Splits `*From:* Ada` into `from` and `Ada`.
fn header(line: &str) -> Option<(String, &str)> {
    let (label, value) = line.trim().split_once(':')?;
    let label = label.trim_matches(['*', ' ', '_']).to_lowercase();
    (!label.is_empty() && label.len() <= 16).then(|| (label, value.trim_matches(['*', ' ', '\t'])))
}

/// Whether a line announces a quoted message: `-----Original Message-----`, `Begin forwarded message:`.
pub(super) fn is_separator(line: &str) -> bool {
    let lower = line.trim().to_lowercase();
    let inner = lower.trim_matches(['-', '_', ' ', '*', '=', ':']);
    let ruled = lower.starts_with("--") && lower.ends_with("--");
    let known = [
        "original message",
        "forwarded message",
        "begin forwarded message",
        "ursprüngliche nachricht",
        "message d'origine",
        "message original",
        "mensaje original",
        "messaggio originale",
        "oorspronkelijk bericht",
        "weitergeleitete nachricht",
        "original appointment",
        "forwarded by",
        "reply message",
    ];
    known
        .iter()
        .any(|known| inner == *known || ruled && inner.starts_with(known))
        && (ruled || lower.ends_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(from: &str, date: &str) -> Option<Origin> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(Origin {
            from: some(from),
            date: some(date),
            subject: None,
        })
    }

    #[test]
    fn attributions_name_speaker_and_date() {
        for (lines, from, date) in [
            (
                "On Tue, 3 Mar 2026 at 09:14, Ada Lovelace <ada@example.org> wrote:",
                "Ada Lovelace <ada@example.org>",
                "Tue, 3 Mar 2026 at 09:14",
            ),
            (
                "On Mar 3, 2026, at 9:14 PM, Bo wrote:",
                "Bo",
                "Mar 3, 2026, at 9:14 PM",
            ),
            ("On 3 March 2026 Bo Lee wrote:", "Bo Lee", "3 March 2026"),
            (
                "On 03/03/2026 09:14:05 +0100, Bo Lee wrote :",
                "Bo Lee",
                "03/03/2026 09:14:05 +0100",
            ),
            (
                "Am 3. März 2026 um 09:14 schrieb Jörg <j@example.org>:",
                "Jörg <j@example.org>",
                "3. März 2026 um 09:14",
            ),
            (
                "Le 3 mars 2026 à 09:14, Élodie <e@example.org> a écrit :",
                "Élodie <e@example.org>",
                "3 mars 2026 à 09:14",
            ),
            (
                "El 3 mar 2026, a las 9:14, Ana escribió:",
                "Ana",
                "3 mar 2026, a las 9:14",
            ),
        ] {
            assert_eq!(
                attribution(&[lines]).map(|found| found.0),
                origin(from, date),
                "{lines}"
            );
        }
        let wrapped = [
            "On Tue, 3 Mar 2026 at 09:14, Ada Lovelace",
            "<ada@example.org>",
            "wrote:",
            "> x",
        ];
        assert_eq!(
            attribution(&wrapped),
            Some((
                origin("Ada Lovelace <ada@example.org>", "Tue, 3 Mar 2026 at 09:14").unwrap(),
                3
            ))
        );
    }

    #[test]
    fn prose_is_no_attribution() {
        for line in [
            "On Monday I wrote:",
            "On the box someone wrote 5",
            "Am I right:",
            "On 3 March nobody came.",
            "",
            "wrote:",
        ] {
            assert_eq!(attribution(&[line]), None, "{line}");
        }
    }

    #[test]
    fn header_blocks_name_speaker_date_and_subject() {
        let block = [
            "From: Ada <a@b.c>",
            "Sent: Tuesday, March 3, 2026 9:14 AM",
            "To: Bo;",
            "  Cy",
            "Subject: RE: box",
            "",
            "Hi",
        ];
        let (found, lines) = header_block(&block).unwrap();
        assert_eq!(
            (found.from.as_deref(), found.subject.as_deref(), lines),
            (Some("Ada <a@b.c>"), Some("RE: box"), 5)
        );
        assert_eq!(
            found.date.as_deref(),
            Some("Tuesday, March 3, 2026 9:14 AM")
        );
        assert!(
            header_block(&[
                "*Von:* Jörg",
                "*Gesendet:* Dienstag, 3. März",
                "*Betreff:* Kiste"
            ])
            .is_some()
        );
        assert_eq!(header_block(&["From: London", "I flew to Oslo"]), None);
        assert_eq!(header_block(&["Date: 3 March", "To: you"]), None);
    }

    #[test]
    fn separators_are_known() {
        for line in [
            "-----Original Message-----",
            "---------- Forwarded message ----------",
            "Begin forwarded message:",
            "-----Ursprüngliche Nachricht-----",
        ] {
            assert!(is_separator(line), "{line}");
        }
        for line in ["original message", "-----", "The original message:", ""] {
            assert!(!is_separator(line), "{line}");
        }
    }
}
