//! The tokenizer against the reference: Hugging Face's `tokenizers`, over the same vocabulary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use fleetwright_sdk::tokenizer::{CLS, PAD, SEP, encode, encode_batch};
use proptest::prelude::*;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, Tokenizer, TruncationParams};

/// The published tokenizer, put together from its parts: `examples/tokenizer-parity.rs` takes the file itself.
static REFERENCE: LazyLock<Tokenizer> = LazyLock::new(|| {
    let vocabulary = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/vocab.txt");
    let model = WordPiece::from_file(vocabulary.to_str().unwrap())
        .unk_token("[UNK]".to_owned())
        .build()
        .unwrap();
    let mut tokenizer = Tokenizer::new(model);
    tokenizer
        .with_normalizer(Some(BertNormalizer::new(true, true, None, true)))
        .unwrap();
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    let template = TemplateProcessing::builder()
        .try_single("[CLS] $A [SEP]")
        .unwrap()
        .special_tokens(vec![("[CLS]", 101), ("[SEP]", 102)])
        .build()
        .unwrap();
    tokenizer.with_post_processor(Some(template));
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    tokenizer
        .add_special_tokens(special.map(|token| AddedToken::from(token, true).normalized(false)))
        .unwrap();
    tokenizer
});

fn reference(text: &str) -> (Vec<i64>, Vec<Range<usize>>) {
    let encoding = REFERENCE.encode(text, true).unwrap();
    let ids = encoding.get_ids().iter().map(|id| i64::from(*id)).collect();
    (
        ids,
        encoding
            .get_offsets()
            .iter()
            .map(|(start, end)| *start..*end)
            .collect(),
    )
}

#[track_caller]
fn same(text: &str) {
    let encoding = encode(text, usize::MAX);
    let (ids, offsets) = reference(text);
    assert_eq!(encoding.ids, ids, "{}", text.escape_unicode());
    assert_eq!(encoding.offsets, offsets, "{}", text.escape_unicode());
    assert_eq!(encoding.mask, vec![1; ids.len()]);
}

fn scalars() -> impl Iterator<Item = char> {
    (0..=0x0010_FFFF).filter_map(char::from_u32)
}

#[test]
fn every_scalar_value_alone() {
    scalars().for_each(|c| same(c.encode_utf8(&mut [0; 4])));
}

/// Compares texts many at a time, and one by one where that differs.
fn same_together(texts: impl Iterator<Item = String>) {
    let texts: Vec<_> = texts.collect();
    for some in texts.chunks(16) {
        let together = some.join(" ");
        let (encoding, reference) = (encode(&together, usize::MAX), reference(&together));
        if (&encoding.ids, &encoding.offsets) != (&reference.0, &reference.1) {
            some.iter().for_each(|text| same(text));
            same(&together);
        }
    }
}

#[test]
fn every_scalar_value_in_a_word() {
    same_together(scalars().map(|c| format!("pre{c}cept")));
}

#[test]
fn every_scalar_value_after_capitals_and_before_marks() {
    same_together(scalars().map(|c| format!("É{c}\u{301}x{c}{c}")));
}

/// Characters on which the steps of the normaliser disagree most easily.
const AWKWARD: &[char] = &[
    'a',
    'É',
    'e',
    '\u{301}',
    '\u{323}',
    '\u{344}',
    '\u{302e}',
    '\u{1d165}',
    '\u{1d16d}',
    '\u{1d15e}',
    '\u{488}',
    '\u{903}',
    '\u{94d}',
    '한',
    '글',
    '\u{1161}',
    '\u{11a8}',
    '日',
    '\u{f900}',
    '\u{2f800}',
    'が',
    '\u{3099}',
    'İ',
    'ß',
    'ẞ',
    'ﬁ',
    'K',
    '\u{37e}',
    '\u{1fef}',
    '\u{0}',
    '\u{fffd}',
    '\u{200b}',
    '\u{200d}',
    '\u{fe0f}',
    '\u{ad}',
    '\u{85}',
    '\u{a0}',
    '\u{2028}',
    '\u{3000}',
    '\t',
    '\n',
    '\u{b}',
    ' ',
    '!',
    '—',
    '“',
    '£',
    '٣',
    '🙂',
    '\u{1fae0}',
    '[',
    ']',
];

/// Whether combining characters that are kept could be sorted: there the reference exchanges their offsets.
fn sorts(text: &str) -> bool {
    text.chars()
        .any(|c| matches!(c, '\u{302e}' | '\u{1d15e}'..='\u{1d172}'))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        prop_assert_eq!(encode(&text, usize::MAX).ids, reference(&text).0);
    }

    #[test]
    fn text_of_words(text in "([A-Za-zéÜñ']{1,14}[ ,.\n-]{1,2}|[0-9£$€.,]{1,8} ){0,40}") {
        same(&text);
    }

    #[test]
    fn awkward_text(chars in prop::collection::vec(prop::sample::select(AWKWARD), 0..40)) {
        let text = String::from_iter(chars);
        if sorts(&text) {
            prop_assert_eq!(encode(&text, usize::MAX).ids, reference(&text).0);
        } else {
            same(&text);
        }
    }

    #[test]
    fn truncated_text(text in "([a-z]{1,12}[ .]?|\\[SEP\\]){0,30}") {
        for (max, reference) in TRUNCATING.iter() {
            let expected = reference.encode(text.as_str(), true).unwrap();
            let expected: Vec<_> = expected.get_ids().iter().map(|id| i64::from(*id)).collect();
            prop_assert_eq!(encode(&text, *max).ids, expected);
        }
    }
}

static TRUNCATING: LazyLock<Vec<(usize, Tokenizer)>> = LazyLock::new(|| {
    let truncating = |max_length| {
        let mut reference = REFERENCE.clone();
        let truncation = TruncationParams {
            max_length,
            ..TruncationParams::default()
        };
        reference.with_truncation(Some(truncation)).unwrap();
        (max_length, reference)
    };
    [2, 3, 7, 20, 64].map(truncating).into()
});

#[test]
fn special_tokens_in_a_text() {
    for text in [
        "[SEP]",
        "a[SEP]b",
        "[sep]",
        "[CLS][MASK] [PAD]",
        "[[SEP]]",
        "[ SEP ]",
        "[UNK",
        "[MASK]s",
        "\u{301}[SEP]\u{301}",
        "é[SEP]\u{323}",
        "[SE\u{200b}P]",
        "[",
        "[]",
        "[SEP",
        "日[SEP]本",
    ] {
        same(text);
    }
}

#[test]
fn long_words() {
    for length in [99, 100, 101, 102, 5_000] {
        same(&"a".repeat(length));
        same(&format!("x {} y", "é".repeat(length)));
        same(&format!("{}\u{301}", "a".repeat(length)));
        same(&"한".repeat(length / 2));
    }
}

#[test]
fn texts_of_the_project() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in [
        "README.md",
        "Cargo.toml",
        "tests/wordpiece.rs",
        "src/tokenizer/mod.rs",
        "src/lib.rs",
        "data/vocab.txt",
    ] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        same(&text);
        text.lines().for_each(same);
    }
}

#[test]
fn fewer_than_two_tokens_give_the_two() {
    for max in [0, 1, 2] {
        assert_eq!(encode("some text", max).ids, [CLS, SEP]);
    }
    assert_eq!(encode("some text", 3).ids.len(), 3);
}

#[test]
fn a_batch_is_padded_to_its_longest() {
    let batch = encode_batch(&["a b c", "", "a b c d e f g h"], 6);
    assert_eq!((batch.rows, batch.length), (3, 6));
    let second = [CLS, SEP, PAD, PAD, PAD, PAD];
    assert_eq!(batch.ids[6..12], second);
    assert_eq!(batch.mask[6..12], [1, 1, 0, 0, 0, 0]);
    assert_eq!(batch.ids[12..], encode("a b c d e f g h", 6).ids);
    assert_eq!(batch.offsets[1], [0..0, 0..0]);
    let [(name, ids), (_, mask)] = batch.inputs().unwrap();
    assert_eq!(
        (name, ids.dims(), mask.dims()),
        ("input_ids", vec![3, 6], vec![3, 6])
    );
    assert!(encode_batch::<&str>(&[], 6).inputs().is_err());
}
