//! The words that addresses are made of, in small letters and without points. Street words of Royal Mail's, the US Postal
//! Service's (Publication 28, appendix C) and continental usage; only those that are common in letters.

/// What a street's name ends with, and hardly anything else.
const STREETS: &[&str] = &[
    "road",
    "rd",
    "street",
    "str",
    "avenue",
    "ave",
    "av",
    "lane",
    "ln",
    "blvd",
    "boulevard",
    "crescent",
    "cres",
    "terrace",
    "parkway",
    "pkwy",
    "highway",
    "hwy",
    "expressway",
    "turnpike",
    "esplanade",
    "broadway",
    "cul-de-sac",
];
/// What it may end with too, though other things are called so as well.
const OTHERS: &[&str] = &[
    "st",
    "drive",
    "dr",
    "court",
    "ct",
    "close",
    "way",
    "place",
    "pl",
    "gardens",
    "square",
    "sq",
    "row",
    "mews",
    "hill",
    "park",
    "grove",
    "circle",
    "cir",
    "trail",
    "trl",
    "loop",
    "walk",
    "wharf",
    "quay",
    "parade",
    "rise",
    "view",
    "green",
    "gate",
    "yard",
    "bridge",
    "end",
    "path",
    "pike",
    "plaza",
    "alley",
    "route",
    "fields",
    "vale",
    "croft",
    "common",
    "heights",
    "run",
    "ridge",
    "landing",
    "crossing",
    "bypass",
    "causeway",
    "promenade",
    "arcade",
    "estate",
    "drove",
    "brae",
    "wynd",
    "strand",
    "harbour",
    "quadrant",
    "leys",
    "mount",
    "paddocks",
    "paddock",
    "meadows",
    "meadow",
    "orchard",
    "bend",
    "cove",
    "point",
    "creek",
];
/// How a street's name ends that is one word with its number behind it, and hardly any other word.
const ENDINGS: &[&str] = &[
    "straße", "strasse", "gasse", "allee", "platz", "damm", "chaussee", "straat", "laan", "plein",
    "gracht", "singel", "gade", "gatan", "vägen", "veien", "vegen", "katu", "utca", "stigen",
    "stien", "torget",
];
/// The same, where other words end so too.
const ENDINGS_TOO: &[&str] = &[
    "str", "weg", "ring", "ufer", "steig", "stieg", "graben", "markt", "berg", "hof", "kade",
    "dijk", "dreef", "vej", "torv", "gata", "gaten", "gränd", "tie", "kuja", "polku",
];
/// What a street's name begins with, the number before or behind it.
const BEGINNINGS: &[&str] = &[
    "rue",
    "boulevard",
    "bd",
    "quai",
    "chemin",
    "impasse",
    "viale",
    "piazza",
    "piazzale",
    "corso",
    "vicolo",
    "calle",
    "avenida",
    "avda",
    "avd",
    "paseo",
    "carrer",
    "rua",
    "travessa",
    "praça",
    "ulica",
    "ul",
    "aleja",
    "aleje",
    "osiedle",
    "náměstí",
    "nám",
    "třída",
    "rambla",
    "jalan",
    "lorong",
];
/// The same, where other words stand at the start of a sentence too.
const BEGINNINGS_TOO: &[&str] = &[
    "avenue",
    "av",
    "allée",
    "cours",
    "place",
    "route",
    "passage",
    "via",
    "largo",
    "plaza",
    "carretera",
    "camino",
    "estrada",
    "al",
    "pl",
    "plac",
    "os",
    "am",
    "an",
    "auf",
    "im",
    "zum",
    "zur",
    "unter",
    "alte",
    "alter",
    "ronda",
    "strada",
    "square",
];
/// Small words within names of streets and towns.
const JOINERS: &[&str] = &[
    "of", "the", "on", "upon", "in", "by", "under", "le", "la", "les", "de", "du", "des", "del",
    "della", "dei", "di", "da", "do", "dos", "das", "den", "der", "dem", "am", "an", "im", "und",
    "et", "y", "e", "i", "van", "von", "vom", "zum", "zur", "bei", "sur", "sous", "en", "a", "à",
    "aux", "ob", "pod", "nad", "los", "las", "el", "aan", "op", "ter", "ten", "het", "och", "og",
];
/// What announces a number within a house.
const UNITS: &[&str] = &[
    "flat",
    "apt",
    "apartment",
    "suite",
    "ste",
    "unit",
    "floor",
    "fl",
    "room",
    "rm",
    "door",
    "block",
    "bldg",
    "building",
    "lot",
    "studio",
    "penthouse",
    "étage",
    "etage",
    "stock",
    "stiege",
    "top",
    "piso",
    "puerta",
    "esc",
    "interno",
    "scala",
    "byt",
    "lejl",
    "lgh",
    "dept",
    "office",
    "shop",
    "level",
    "box",
    "bus",
    "bte",
    "boîte",
    "int",
    "bloque",
    "gate",
    "bay",
    "pod",
    "entrance",
    "staircase",
    "units",
    "plot",
    "blk",
    "pmb",
    "m",
    "lok",
    "appt",
    "ap",
    "sc",
    "bl",
    "et",
    "em",
    "escalier",
    "bât",
    "bâtiment",
];
/// What a house's name ends with.
const HOUSES: &[&str] = &[
    "house",
    "cottage",
    "building",
    "tower",
    "towers",
    "mansions",
    "lodge",
    "farm",
    "farmhouse",
    "hall",
    "villa",
    "barn",
    "mill",
    "court",
    "centre",
    "center",
    "estate",
    "chambers",
    "manor",
    "rectory",
    "vicarage",
    "cottages",
    "works",
    "wharf",
    "grange",
    "bungalow",
    "heights",
    "apartments",
    "park",
    "place",
    "mews",
    "gatehouse",
    "forge",
    "stables",
    "residence",
    "point",
    "flat",
    "flats",
    "annexe",
    "annex",
    "studios",
    "plaza",
];
/// States, provinces and territories that stand before a code, as they are abbreviated: United States, Canada, Australia.
const STATES: &[&str] = &[
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS",
    "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY",
    "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV",
    "WI", "WY", "DC", "PR", "GU", "AA", "AE", "AP", "ON", "QC", "BC", "AB", "MB", "SK", "NS", "NB",
    "NL", "PE", "YT", "NT", "NU", "NSW", "VIC", "QLD", "SA", "TAS", "ACT",
];
/// Countries by the names that letters give them.
const COUNTRIES: &[&str] = &[
    "uk",
    "u.k",
    "gb",
    "united kingdom",
    "great britain",
    "england",
    "scotland",
    "wales",
    "northern ireland",
    "ireland",
    "usa",
    "u.s.a",
    "us",
    "united states",
    "united states of america",
    "canada",
    "australia",
    "new zealand",
    "india",
    "singapore",
    "south africa",
    "germany",
    "deutschland",
    "austria",
    "österreich",
    "switzerland",
    "schweiz",
    "suisse",
    "france",
    "belgium",
    "belgique",
    "belgië",
    "netherlands",
    "the netherlands",
    "nederland",
    "luxembourg",
    "italy",
    "italia",
    "spain",
    "españa",
    "portugal",
    "denmark",
    "danmark",
    "sweden",
    "sverige",
    "norway",
    "norge",
    "finland",
    "suomi",
    "poland",
    "polska",
    "czechia",
    "czech republic",
    "slovakia",
    "hungary",
    "greece",
    "iceland",
    "estonia",
    "cyprus",
    "malta",
    "hong kong",
    "japan",
    "brazil",
    "mexico",
    "croatia",
    "hrvatska",
    "lithuania",
    "lietuva",
    "latvia",
    "eesti",
    "romania",
    "bulgaria",
    "serbia",
    "slovenia",
    "ukraine",
    "turkey",
    "türkiye",
    "israel",
    "china",
    "malaysia",
    "kenya",
    "nigeria",
    "argentina",
    "chile",
    "magyarország",
    "slovensko",
    "česko",
];
/// States as letters shortened them before they had two capitals, and a point behind.
const SHORTENED: &[&str] = &[
    "ala", "ariz", "ark", "calif", "colo", "conn", "del", "fla", "ga", "ill", "ind", "kan", "ky",
    "la", "mass", "md", "mich", "minn", "miss", "mo", "mont", "neb", "nev", "okla", "ore", "pa",
    "penn", "tenn", "tex", "va", "vt", "wash", "wis", "wyo", "ont", "que", "alta", "sask", "man",
];
/// Before an address, where no line or mark parts it from its sentence.
const CUES: &[&str] = &[
    "at", "to", "from", "in", "near", "of", "on", "is", "address", "outside", "opposite", "behind",
    "for", "and", "or", "via", "into", "was", "visit", "leave", "rent", "left", "moved",
];
/// Words in capitals that end an address rather than go on with it: closings, greetings, labels.
const FOREIGN: &[&str] = &[
    "kind",
    "best",
    "regards",
    "thanks",
    "thank",
    "yours",
    "sincerely",
    "cheers",
    "dear",
    "hello",
    "hi",
    "tel",
    "phone",
    "telephone",
    "mobile",
    "email",
    "e-mail",
    "fax",
    "please",
    "order",
    "ref",
    "reference",
    "invoice",
    "account",
    "date",
    "i",
    "we",
    "my",
    "our",
    "it",
    "this",
    "that",
    "the",
    "if",
    "but",
    "so",
    "when",
    "since",
    "which",
    "where",
    "who",
    "can",
    "could",
    "not",
    "no",
    "yes",
    "attn",
    "re",
    "subject",
    "mr",
    "mrs",
    "ms",
    "dr",
    "customer",
    "vat",
    "iban",
    "web",
    "www",
    "many",
    "warm",
    "sent",
    "is",
    "was",
    "and",
    "or",
    "for",
    "you",
    "your",
    "there",
    "they",
    "he",
    "she",
    "as",
    "any",
    "let",
    "would",
    "will",
    "what",
    "why",
    "how",
    "do",
    "does",
    "did",
    "has",
    "have",
    "after",
    "before",
    "delivery",
    "deliver",
    "signed",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "bill",
    "ship",
    "contact",
    "iban",
    "bic",
    "swift",
    "opening",
    "hours",
    "from",
    "attention",
    "tracking",
];

fn is(list: &[&str], word: &str) -> bool {
    let bare = word.trim_end_matches('.');
    if bare.is_ascii() {
        return list.iter().any(|one| one.eq_ignore_ascii_case(bare));
    }
    let small = bare.to_lowercase();
    list.contains(&small.as_str())
}

/// How sure a street's word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    /// It stands in names of streets alone.
    Yes,
    /// Other things are called so as well.
    No,
}

pub(super) fn street(word: &str) -> Option<Sure> {
    sure(is(STREETS, word), is(OTHERS, word))
}

/// `Lindenstraße`, `Kerkstraat`, `Storgatan`: something before the ending. `Lange Straße` has it as a word.
pub(super) fn ends_as_street(word: &str) -> Option<Sure> {
    let bare = word.trim_end_matches('.').to_lowercase();
    let ends = |endings: &[&str]| {
        endings.iter().any(|ending| {
            bare.strip_suffix(ending).is_some_and(|rest| {
                rest.is_empty() || rest.chars().count() > 2 || rest.ends_with('-')
            })
        })
    };
    sure(ends(ENDINGS), ends(ENDINGS_TOO))
}

pub(super) fn begins_street(word: &str) -> Option<Sure> {
    sure(is(BEGINNINGS, word), is(BEGINNINGS_TOO, word))
}

fn sure(yes: bool, no: bool) -> Option<Sure> {
    if yes {
        Some(Sure::Yes)
    } else {
        no.then_some(Sure::No)
    }
}

pub(super) fn is_joiner(word: &str) -> bool {
    is(JOINERS, word)
}

pub(super) fn is_unit(word: &str) -> bool {
    is(UNITS, word)
}

pub(super) fn is_house(word: &str) -> bool {
    is(HOUSES, word)
}

pub(super) fn is_state(word: &str) -> bool {
    STATES.contains(&word.trim_end_matches('.'))
}

/// `Fla`, whose point ends no sentence.
pub(super) fn is_shortened(word: &str) -> bool {
    is(SHORTENED, word)
}

pub(super) fn is_country(words: &str) -> bool {
    is(COUNTRIES, words)
}

pub(super) fn is_cue(word: &str) -> bool {
    is(CUES, word)
}

pub(super) fn is_foreign(word: &str) -> bool {
    is(FOREIGN, word)
}
