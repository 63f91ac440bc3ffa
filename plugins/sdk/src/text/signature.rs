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
/// A signature's lines are short and few.
const LINE: usize = 80;
const LINES: usize = 10;

/// The byte at which the signature of a message starts, at the start of a line; `None` where it has none.
///
/// It takes one message: of a thread, each by itself.
#[must_use]
pub fn signature(message: &str) -> Option<usize> {
    let mut at = 0;
    for line in message.split_inclusive('\n') {
        let rest = message.get(at + line.len()..).unwrap_or_default();
        if starts(line.trim_end_matches(['\n', '\r']), rest) {
            return Some(at);
        }
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

/// Whether a signature starts at `line`, before `rest`.
fn starts(line: &str, rest: &str) -> bool {
    if line.trim_end() == "--" || line.trim() == "—" {
        return true;
    }
    let lower = line.trim().to_lowercase();
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
    fn a_message_may_be_all_signature() {
        assert_eq!(without_signature("Thanks\nAda"), "");
        assert_eq!(signature("Sent from my phone"), Some(0));
    }
}
