//! Which language a thread is in, where that can be told.
//!
//! The scorer knows English alone. Of any other language the stage says so and gives the thread's first sentences.

use whatlang::{Lang, Script, detect};

use crate::sentences::Sentence;

/// Letters that a text in Latin letters has at least before its language is told.
const LETTERS: usize = 40;
/// Bytes that are looked at.
const MOST: usize = 4000;

/// Words that are common in English and none, or rare, in the languages that it could be taken for.
const ENGLISH: [&str; 20] = [
    "and", "been", "could", "from", "have", "please", "that", "the", "there", "they", "this",
    "what", "when", "where", "which", "who", "with", "would", "you", "your",
];
/// A text is English without a further look where one word in so many is one of them, …
const ONE_IN: usize = 8;
/// … and at least so many different ones are.
const DIFFERENT: usize = 4;

/// What is known of a text's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    /// Another one: by ISO 639-3, `deu`, and by its name in English, `German`.
    Foreign(&'static str, &'static str),
    /// Too short, or too mixed, to tell; it is read as English.
    Unknown,
}

impl Language {
    /// Of the sentences together.
    pub(crate) fn of(sentences: &[Sentence]) -> Self {
        let mut text = String::new();
        for sentence in sentences {
            if text.len() > MOST {
                break;
            }
            text.push_str(&sentence.text);
            text.push(' ');
        }
        Self::of_text(&text)
    }

    pub(crate) fn of_text(text: &str) -> Self {
        // Most threads are, and to hold a text against every language costs more than all else that is found out of it.
        if is_plainly_english(text) {
            return Self::English;
        }
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        let Some(found) = detect(text) else {
            return Self::Unknown;
        };
        let told = found.script() != Script::Latin || letters >= LETTERS && found.is_reliable();
        match found.lang() {
            _ if !told => Self::Unknown,
            Lang::Eng => Self::English,
            lang => Self::Foreign(lang.code(), lang.eng_name()),
        }
    }

    /// By ISO 639-3.
    pub(crate) fn code(self) -> Option<&'static str> {
        match self {
            Self::English => Some(Lang::Eng.code()),
            Self::Foreign(code, _) => Some(code),
            Self::Unknown => None,
        }
    }
}

fn is_plainly_english(text: &str) -> bool {
    let (mut words, mut common, mut seen) = (0, 0, [false; ENGLISH.len()]);
    for word in text.split(|c: char| !c.is_alphabetic()) {
        words += usize::from(!word.is_empty());
        let known = ENGLISH
            .iter()
            .position(|common| common.eq_ignore_ascii_case(word));
        if let Some(seen) = known.and_then(|at| seen.get_mut(at)) {
            common += 1;
            *seen = true;
        }
    }
    let different = seen.into_iter().filter(|seen| *seen).count();
    different >= DIFFERENT && common * ONE_IN >= words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_from_english() {
        for (code, text) in [
            (
                "deu",
                "Guten Tag, meine Karte wurde gestern zweimal abgelehnt und ich brauche sie dringend für das Hotel.",
            ),
            (
                "fra",
                "Bonjour, je n'ai toujours pas reçu ma commande et personne ne répond à mes messages depuis lundi.",
            ),
            (
                "spa",
                "Hola, quiero cancelar mi suscripción porque me han cobrado dos veces este mes y nadie me contesta.",
            ),
            (
                "ita",
                "Buongiorno, la lampada che ho ordinato è arrivata rotta e vorrei sapere quando potete sostituirla.",
            ),
            (
                "nld",
                "Goedendag, ik heb mijn pakket nog steeds niet ontvangen en ik wil graag weten waar het is gebleven.",
            ),
            (
                "pol",
                "Dzień dobry, moja karta została wczoraj zablokowana i nie mogę zapłacić za zakupy w sklepie.",
            ),
            (
                "tur",
                "Merhaba, siparişim hâlâ gelmedi ve kimse mesajlarıma cevap vermiyor, lütfen bana yardım edin.",
            ),
            (
                "rus",
                "Здравствуйте! Вчера мою карту заблокировали, и теперь я не могу заплатить за продукты. Что мне нужно сделать, чтобы её разблокировать?",
            ),
            ("jpn", "注文した商品がまだ届いていません。いつ届きますか。"),
            ("ara", "مرحبا، لم تصلني الطلبية بعد وأريد استرداد المبلغ."),
        ] {
            let found = Language::of_text(text);
            assert_eq!(found.code(), Some(code), "{text}");
        }
    }

    #[test]
    fn a_letter_in_english_is_plainly_so_and_one_that_quotes_some_is_not() {
        let english = "Hello, my wallet was taken on the tram this morning and the card was in it. Please block it at once and send a new one to the address that you have.";
        assert!(is_plainly_english(english));
        let quotes = "Goedendag, op jullie site staat \u{201c}when you have questions, please write to the address that is below\u{201d}, maar niemand geeft mij antwoord. Ik heb drie weken geleden een lamp besteld en betaald, en hij is nog steeds niet bezorgd. Wanneer komt hij nu eindelijk, of krijg ik mijn geld terug?";
        assert!(!is_plainly_english(quotes));
        assert_eq!(Language::of_text(quotes).code(), Some("nld"));
        assert!(!is_plainly_english("the the the the"));
    }

    #[test]
    fn english_is_english_or_too_short() {
        for text in [
            "My card was declined twice in Lisbon today and I need it for the hotel.",
            "pls refund my order asap, it never came and nobody at the shop picks up the phone",
            "wheres my parcel",
            "OK",
            "",
            "4411 2231 90/12",
        ] {
            assert!(
                !matches!(Language::of_text(text), Language::Foreign(..)),
                "{text}"
            );
        }
    }
}
