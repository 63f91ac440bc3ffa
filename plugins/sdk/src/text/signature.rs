//! Where the signature of a message starts: `-- `, a parting phrase with a name, a device's line, a disclaimer.

/// A parting phrase is a line of its own, whatever ends it.
const PARTINGS: &[&str] = &[
    "kind regards",
    "kindest regards",
    "best regards",
    "warm regards",
    "warmest regards",
    "with regards",
    "regards",
    "best",
    "best wishes",
    "all the best",
    "many thanks",
    "thanks",
    "thanks again",
    "thanks in advance",
    "thank you",
    "thank you in advance",
    "thanks and regards",
    "thanks & regards",
    "thanking you",
    "cheers",
    "sincerely",
    "sincerely yours",
    "yours sincerely",
    "yours faithfully",
    "yours truly",
    "yours",
    "respectfully",
    "cordially",
    "br",
    "kr",
    "rgds",
    "mit freundlichen grüßen",
    "mit freundlichen grüssen",
    "freundliche grüße",
    "viele grüße",
    "beste grüße",
    "mfg",
    "lg",
    "cordialement",
    "bien cordialement",
    "bien à vous",
    "saludos",
    "saludos cordiales",
    "un saludo",
    "atentamente",
    "met vriendelijke groet",
    "cordiali saluti",
    "distinti saluti",
    "atenciosamente",
];
/// A device or a program signs with a line that starts so.
const DEVICES: &[&str] = &[
    "sent from my",
    "sent from mail for",
    "sent from outlook",
    "sent from yahoo",
    "sent via",
    "sent with",
    "get outlook for",
    "von meinem",
    "gesendet von",
    "envoyé de mon",
    "envoyé depuis",
    "enviado desde mi",
    "enviado do meu",
    "inviato da",
    "verzonden vanaf",
];
/// A disclaimer starts so…
const DISCLAIMERS: &[&str] = &[
    "confidentiality notice",
    "confidentiality:",
    "disclaimer",
    "legal notice",
    "this e-mail",
    "this email",
    "this message",
    "this communication",
    "the information contained in",
    "the information in this",
    "the contents of this",
    "please consider the environment",
    "diese e-mail",
    "ce message",
    "este mensaje",
    "registered in england",
];
/// … and says one of these, unless it is a heading.
const LEGALESE: &[&str] = &[
    "confidential",
    "privileged",
    "intended",
    "recipient",
    "notice",
    "disclaimer",
    "environment",
    "registered",
    "vertraulich",
    "destinat",
    "virus",
];
/// Before a name.
const TITLES: &[&str] = &["dr", "prof", "mr", "mrs", "ms", "sir"];
/// A line of so many underscores sets off a footer of at most so many lines.
const UNDERLINED: usize = 20;
const FOOTER: usize = 6;
/// Words of a line that says something.
const SAYING: usize = 3;
/// Words of a sender's name that are looked for.
const NAMES: usize = 8;
/// A signature's lines are short and few.
const LINE: usize = 80;
const LINES: usize = 10;

/// The byte at which the signature of a message starts, at the start of a line; `None` where it has none.
///
/// It takes one message: of a thread, each by itself.
#[must_use]
pub fn signature(message: &str) -> Option<usize> {
    let mut at = 0;
    // Lines that say something so far.
    let mut above = 0;
    for line in message.split_inclusive('\n') {
        let rest = message.get(at + line.len()..).unwrap_or_default();
        if starts(line.trim_end_matches(['\n', '\r']), rest, above) {
            return Some(at);
        }
        above += usize::from(!line.trim().is_empty());
        at += line.len();
    }
    None
}

/// The message without its signature, nor the blank that stood before it. Its offsets are the message's.
#[must_use]
pub fn without_signature(message: &str) -> &str {
    signature(message)
        .and_then(|at| message.get(..at))
        .unwrap_or(message)
        .trim_end()
}

/// The message without its signature, also one that is known by its writer's name alone: `Ada Lovelace`, and what follows.
///
/// `from` is the sender as a mail program says it. A name that stands before anything is said, or behind which something is said, is none.
#[must_use]
pub fn without_signature_of<'a>(message: &'a str, from: &str) -> &'a str {
    let own = without_signature(message);
    let names = names(from);
    let (mut at, mut said) = (0, false);
    for line in own.split_inclusive('\n') {
        let rest = own.get(at + line.len()..).unwrap_or_default();
        if said && signs(line.trim(), &names) && names_alone(rest) {
            return without_rules(own.get(..at).unwrap_or_default());
        }
        said |= says(line.trim());
        at += line.len();
    }
    own
}

/// Whether a line says something: no greeting, and no name.
fn says(line: &str) -> bool {
    let words = line.split_whitespace().count();
    !line.ends_with(',') && (words >= SAYING || words > 1 && line.ends_with(['.', '?']))
}

/// A text without the lines of nothing but `-` and the like at its end.
fn without_rules(text: &str) -> &str {
    let mut text = text.trim_end();
    while let Some((before, line)) = text.rsplit_once('\n') {
        let rules = |c: char| matches!(c, '-' | '_' | '=' | '*' | '~');
        if !line.trim().chars().all(rules) {
            break;
        }
        text = before.trim_end();
    }
    text
}

/// The words of a sender's name and of what stands before the `@`, in small letters.
fn names(from: &str) -> Vec<String> {
    let known = from.split('@').next().unwrap_or_default().to_lowercase();
    let words = known.split(|c: char| !c.is_alphabetic());
    let words = words.filter(|word| word.chars().count() > 1);
    words.take(NAMES).map(str::to_owned).collect()
}

/// Whether a line is the writer's name, with a title, a parting or a firm on the same line.
fn signs(line: &str, names: &[String]) -> bool {
    if line.chars().count() > LINE {
        return false;
    }
    let (parting, named) = match line.split_once([',', '!']) {
        Some((parting, named)) if PARTINGS.contains(&parting.trim().to_lowercase().as_str()) => {
            (true, named)
        }
        _ => (false, line),
    };
    if named.ends_with(['?', '!']) {
        return false;
    }
    let words = named.split(|c: char| !c.is_alphabetic());
    let words = words.filter(|word| !TITLES.contains(&word.to_lowercase().as_str()));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let is_name = |word: &str| names.contains(&word.to_lowercase());
    let initial = |word: &str| word.chars().count() == 1;
    let Some((first, rest)) = words.split_first() else {
        return false;
    };
    // A name of two words may be followed by anything; one alone stands alone.
    let alone = rest.iter().all(|word| is_name(word) || initial(word));
    let second = rest.iter().find(|word| !initial(word));
    let whole = second.is_some_and(|word| is_name(word)) && !named.ends_with('.');
    let written_so = |word: &&str| word.starts_with(char::is_uppercase) || is_name(word);
    is_name(first) && (alone || whole)
        || parting && rest.len() < 3 && !named.ends_with('.') && words.iter().all(written_so)
}

/// Whether lines hold a name's rest, such as a firm, an address, numbers: short ones, few, and nothing said.
fn names_alone(rest: &str) -> bool {
    let said = |line: &str| {
        let words = line.split_whitespace();
        let small = words
            .clone()
            .filter(|word| word.starts_with(char::is_lowercase));
        let small = small.filter(|word| !word.contains(['.', '@', '/'])).count();
        let stops = line.ends_with(['.', '!', ':']) && words.count() >= SAYING;
        let after_all = line.to_lowercase();
        small >= SAYING
            || stops
            || ["ps ", "ps:", "p.s."]
                .iter()
                .any(|ps| after_all.starts_with(ps))
    };
    is_tail(rest) && !rest.lines().map(str::trim).any(said)
}

/// Whether there are no more than so many lines, and short ones.
fn few(rest: &str, lines: usize) -> bool {
    let told = rest.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<&str> = told.take(lines + 1).collect();
    told.len() <= lines && told.iter().all(|line| line.chars().count() <= LINE)
}

/// Whether a signature starts at `line`, before `rest` and below so many lines.
fn starts(line: &str, rest: &str, above: usize) -> bool {
    if line.trim_end_matches([' ', ',']) == "--" || line.trim() == "—" {
        return true;
    }
    let lower = line.trim().to_lowercase();
    if lower.starts_with("-----begin pgp signature") {
        return true;
    }
    let dashes = lower.starts_with("-- -") && lower.bytes().all(|b| matches!(b, b'-' | b' '));
    if dashes && above > 0 {
        return names_alone(rest);
    }
    // A provider's own words stand below a long line, and are fewer than what stands above.
    let underlined = lower.len() >= UNDERLINED && lower.bytes().all(|b| b == b'_');
    if underlined && few(rest, FOOTER.min(above)) {
        return true;
    }
    let rule = lower.len() >= 3 && lower.chars().all(|c| matches!(c, '-' | '_' | '=' | '*'));
    let parting = lower.trim_end_matches([',', '.', '!', '-', '–', ' ', ':', ')']);
    if DEVICES.iter().any(|device| lower.starts_with(device)) {
        return is_tail(rest);
    }
    is_disclaimer(&lower)
        || PARTINGS.contains(&parting) && is_tail(rest)
        || rule
            && rest
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty())
                .is_some_and(|line| is_disclaimer(&line.to_lowercase()))
}

fn is_disclaimer(lower: &str) -> bool {
    let lower = lower.trim_start_matches(['*', '_', '"', ' ', '[']);
    DISCLAIMERS.iter().any(|start| lower.starts_with(start))
        && LEGALESE.iter().any(|word| lower.contains(word))
}

/// Whether what follows a parting phrase is a name and an address: few, short lines, up to a disclaimer.
fn is_tail(rest: &str) -> bool {
    let lines = rest.lines().map(str::trim).filter(|line| !line.is_empty());
    let tail = lines
        .take_while(|line| !is_disclaimer(&line.to_lowercase()))
        .take(LINES + 1)
        .collect::<Vec<_>>();
    tail.len() <= LINES
        && tail
            .iter()
            .all(|line| line.chars().count() <= LINE && !line.ends_with('?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_cut() {
        for signature in [
            "-- \nAda Lovelace\nEngines Ltd",
            "--\nA.",
            "Kind regards,\nAda",
            "Best regards\n\nAda Lovelace\n+44 20 5550 1234\nada@example.org",
            "Thanks!\nBo",
            "Sent from my iPhone",
            "Get Outlook for Android",
            "Mit freundlichen Grüßen\nJörg",
            "Cordialement,\r\nÉlodie",
            "This e-mail and its attachments are confidential and intended for the addressee only.\nIf you are not they, delete it.",
            "-- ------\nA. Lovelace\nDept. of Engines",
            "________________________________\nDo you know our offers? See them today!",
            "-----BEGIN PGP SIGNATURE-----\nVersion: 2\niQCVAwUB\n-----END PGP SIGNATURE-----",
            "______\nDISCLAIMER: this notice follows every message.",
            "Yours faithfully,\nB. Bo\n\nThis message is intended for its recipient.\nA very long line of a disclaimer that goes on, and on, and does not stop at eighty characters at all.",
        ] {
            let message = format!("It broke.\nPlease help.\n\n{signature}\n");
            assert_eq!(
                without_signature(&message),
                "It broke.\nPlease help.",
                "{signature}"
            );
        }
    }

    #[test]
    fn what_merely_looks_like_one_stays() {
        for message in [
            "Thanks,\nyour reply was clear. But I must ask once more when it is that the parcel will be here, since nobody knows.",
            "Thank you\n\nCan you also change my address?",
            "This message is wrong.",
            "I sent it with regards to the order.",
            "- one\n- two",
            "",
        ] {
            assert_eq!(signature(message), None, "{message}");
        }
    }

    #[test]
    fn a_writer_who_is_known_signs_by_name() {
        let of = |from: &str, signature: &str| {
            let message = format!("It broke.\nPlease help.\n\n{signature}\n");
            let own = without_signature_of(&message, from) == "It broke.\nPlease help.";
            assert_eq!(without_signature(&message).trim_end(), message.trim_end());
            own
        };
        for (from, signature) in [
            ("Ada Lovelace <ada@example.org>", "Ada"),
            (
                "Ada Lovelace <ada@example.org>",
                "Dr. Ada K. Lovelace, Engines Ltd\n12 High Street",
            ),
            (
                "Lovelace, Ada",
                "-------\nAda Lovelace\nada@example.org\ntelephone 555",
            ),
            ("<ada.lovelace@example.org>", "ada l"),
            ("Ada <a@example.org>", "All the best, Ada\nEngines Ltd"),
        ] {
            assert!(of(from, signature), "{from}: {signature}");
        }
        for (from, text) in [
            ("Ada Lovelace", "Ada will call you tomorrow."),
            ("Ada Lovelace", "Bo Ek\nShop Ltd"),
            (
                "Ada Lovelace",
                "Ada\nThe lid is broken, too, and it was so on Monday.",
            ),
            ("Ada Lovelace", "Ada\nWhen do you come?"),
            (
                "Ada Lovelace",
                "Best, and cheapest, was the box that I had before this one",
            ),
        ] {
            assert!(!of(from, text), "{from}: {text}");
        }
        for letter in [
            "Ada Lovelace\n12 High Street\n\nmy card is gone",
            "Hello\nAda Lovelace here\nmy card is blocked\nplease send a new one",
            "Good morning,\n\nAda Lovelace, customer no 12345\n\nmy parcel never came",
            "Nr Item   Qty\n-- ------ ---\n1  Lid    2\n\nWhere are these? I wait since May.",
            "New message\n________________________________\nName: Ada\nMessage: my lid is broken",
            "Please send it\n*today*",
        ] {
            assert_eq!(without_signature_of(letter, "Ada Lovelace"), letter);
        }
        let ruled = "Please send it *today*\n\n-----\nAda";
        assert_eq!(without_signature_of(ruled, "Ada"), "Please send it *today*");
        assert_eq!(
            without_signature_of("It broke.\n\nAda", ""),
            "It broke.\n\nAda"
        );
    }

    #[test]
    fn a_message_may_be_all_signature() {
        assert_eq!(without_signature("Thanks\nAda"), "");
        assert_eq!(signature("Sent from my phone"), Some(0));
    }
}
