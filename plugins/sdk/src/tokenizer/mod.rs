//! WordPiece as MiniLM and bert-base-uncased read text: the ids of the reference tokenizer, for all of Unicode.
//!
//! [`encode`] gives `[CLS]`, the text's tokens and `[SEP]`, at most `max_tokens` in all, with the bytes of the original
//! text behind each. Like the reference, it reads `[CLS]`, `[SEP]`, `[PAD]`, `[UNK]` and `[MASK]` in a text as the
//! special tokens of those names. Ids and offsets are the reference's; one exception: where the reference sorts
//! combining characters that are not nonspacing, it exchanges their offsets, and this keeps each with its own.
//!
//! All tables are static data: a stage that does not tokenize reads none of them, and nothing is built at start. The
//! cost is linear in the text, and ends with the last token that there is room for, but for a look at where the next `[` stands.
//!
//! ```
//! use fleetwright_sdk::tokenizer::encode;
//!
//! let text = "Déjà vu?";
//! let encoding = encode(text, 256);
//! assert_eq!(encoding.ids, [101, 2_139, 3_900, 24_728, 1_029, 102]);
//! assert_eq!(&text[encoding.offsets[2].clone()], "jà");
//! ```

mod unicode;
mod unicode_tables;
mod vocabulary;
mod words;

use std::ops::{ControlFlow, Range};

use crate::nn::{Error, Tensor};
use vocabulary::Hash;
use words::Word;

/// The id that pads a batch: `[PAD]`.
pub const PAD: i64 = 0;
/// The id of a word that the vocabulary cannot spell: `[UNK]`.
pub const UNK: i64 = 100;
/// The id before every text: `[CLS]`.
pub const CLS: i64 = 101;
/// The id after every text: `[SEP]`.
pub const SEP: i64 = 102;
/// The id of `[MASK]`.
pub const MASK: i64 = 103;

/// A text as a model takes it: three columns of one length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// The token ids, from [`CLS`] to [`SEP`].
    pub ids: Vec<i64>,
    /// 1 for every token: an encoding by itself is not padded.
    pub mask: Vec<i64>,
    /// The bytes of the text behind each token; `0..0` for the first and the last.
    pub offsets: Vec<Range<usize>>,
}

impl Encoding {
    /// The inputs `input_ids` and `attention_mask`, each i64 `[1, tokens]`.
    ///
    /// # Errors
    /// [`Error::Shape`], which only an encoding that was changed by hand can give.
    pub fn inputs(&self) -> Result<[(&'static str, Tensor); 2], Error> {
        let dims = [1, self.ids.len()];
        Ok([
            ("input_ids", Tensor::new(&dims, &self.ids)?),
            ("attention_mask", Tensor::new(&dims, &self.mask)?),
        ])
    }

    fn push(&mut self, id: i64, source: Range<usize>) {
        self.ids.push(id);
        self.mask.push(1);
        self.offsets.push(source);
    }

    /// Leaves out the tokens that end behind a byte of the text.
    pub(crate) fn end_at(&mut self, byte: usize) {
        let kept = self.offsets.iter().take_while(|offset| offset.end <= byte);
        let kept = kept.count().min(self.ids.len().saturating_sub(1));
        self.truncate(kept);
        self.push(SEP, 0..0);
    }

    /// Cuts to the first `room` tokens.
    fn truncate(&mut self, room: usize) {
        self.ids.truncate(room);
        self.mask.truncate(room);
        self.offsets.truncate(room);
    }
}

/// Encodes a text in at most `max_tokens` tokens, [`CLS`] and [`SEP`] included; fewer than 2 give those two.
#[must_use]
pub fn encode(text: &str, max_tokens: usize) -> Encoding {
    let mut encoding = Encoding::default();
    encoding.push(CLS, 0..0);
    let room = max_tokens.max(2) - 1;
    let _ = fill(text, room, &mut encoding);
    encoding.truncate(room);
    encoding.push(SEP, 0..0);
    encoding
}

/// Texts as a model takes them together: row-major buffers of `rows × length`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The number of texts.
    pub rows: usize,
    /// The tokens of the longest.
    pub length: usize,
    /// The token ids, each row padded with [`PAD`].
    pub ids: Vec<i64>,
    /// 1 for a token, 0 for padding.
    pub mask: Vec<i64>,
    /// For each row, the bytes of its text behind each token, without padding.
    pub offsets: Vec<Vec<Range<usize>>>,
}

impl Batch {
    /// Of encodings, padded to the longest.
    #[must_use]
    pub fn of(encodings: Vec<Encoding>) -> Self {
        let rows = encodings.len();
        let lengths = encodings.iter().map(|encoding| encoding.ids.len());
        let length = lengths.max().unwrap_or(0);
        let (mut ids, mut mask) = (
            Vec::with_capacity(rows * length),
            Vec::with_capacity(rows * length),
        );
        let mut offsets = Vec::with_capacity(rows);
        for (row, encoding) in (1..).zip(encodings) {
            ids.extend_from_slice(&encoding.ids);
            ids.resize(row * length, PAD);
            mask.extend_from_slice(&encoding.mask);
            mask.resize(row * length, 0);
            offsets.push(encoding.offsets);
        }
        Self {
            rows,
            length,
            ids,
            mask,
            offsets,
        }
    }

    /// The inputs `input_ids` and `attention_mask`, each i64 `[rows, length]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for a batch of no texts.
    pub fn inputs(&self) -> Result<[(&'static str, Tensor); 2], Error> {
        let dims = [self.rows, self.length];
        Ok([
            ("input_ids", Tensor::new(&dims, &self.ids)?),
            ("attention_mask", Tensor::new(&dims, &self.mask)?),
        ])
    }
}

/// Encodes texts, each as [`encode`] does, and pads them to the longest.
#[must_use]
pub fn encode_batch<S: AsRef<str>>(texts: &[S], max_tokens: usize) -> Batch {
    let encodings = texts.iter().map(|text| encode(text.as_ref(), max_tokens));
    Batch::of(encodings.collect())
}

/// Adds the text's tokens until there are at least `room`.
///
/// It goes from one `[` to the next, where a special token may stand: such a bracket is a word by itself in any case.
fn fill(text: &str, room: usize, encoding: &mut Encoding) -> ControlFlow<()> {
    let mut word = Word::default();
    let mut start = 0;
    while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
        let end = if let Some((name, id)) = special(rest) {
            encoding.push(id, start..start + name.len());
            enough(encoding, room)?;
            name.len()
        } else {
            let bracket = rest.bytes().skip(1).position(|byte| byte == b'[');
            let end = bracket.map_or(rest.len(), |at| at + 1);
            let plain = rest.get(..end).unwrap_or_default();
            words::each(plain, start, &mut word, &mut |word| {
                spell(word, encoding);
                enough(encoding, room)
            })?;
            end
        };
        start += end;
    }
    ControlFlow::Continue(())
}

fn enough(encoding: &Encoding, room: usize) -> ControlFlow<()> {
    if encoding.ids.len() < room {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}

/// The special token that a text begins with.
fn special(text: &str) -> Option<(&'static str, i64)> {
    const SPECIAL: [(&str, i64); 5] = [
        ("[PAD]", PAD),
        ("[UNK]", UNK),
        ("[CLS]", CLS),
        ("[SEP]", SEP),
        ("[MASK]", MASK),
    ];
    SPECIAL.into_iter().find(|(name, _)| text.starts_with(name))
}

/// Spells a word in the longest tokens, from the left; one [`UNK`] where that does not come out.
fn spell(word: &Word, encoding: &mut Encoding) {
    let before = encoding.ids.len();
    let text = word.text();
    let mut start = 0;
    while start < text.len() {
        let found = if word.is_too_long() {
            None
        } else {
            longest(text, start)
        };
        let Some((id, end)) = found else {
            encoding.truncate(before);
            return encoding.push(UNK, word.whole_source());
        };
        let source = if end - start == text.len() {
            word.whole_source()
        } else {
            word.source(start..end)
        };
        encoding.push(i64::from(id), source);
        start = end;
    }
}

/// The longest token of `text` that starts at `start`, and where it ends.
fn longest(text: &str, start: usize) -> Option<(u16, usize)> {
    let bytes = text.as_bytes().get(start..)?;
    let continues = start > 0;
    let mut hash = if continues {
        Hash::CONTINUE
    } else {
        Hash::START
    };
    let mut prefixes = [(hash, start); vocabulary::LONGEST];
    for ((prefix, byte), end) in prefixes.iter_mut().zip(bytes).zip(start + 1..) {
        hash = hash.push(*byte);
        *prefix = (hash, end);
    }
    prefixes
        .iter()
        .take(bytes.len())
        .rev()
        .find_map(|(hash, end)| {
            // `None` within a character: no token ends there.
            let piece = text.get(start..*end)?;
            vocabulary::find(*hash, piece.as_bytes(), continues).map(|id| (id, *end))
        })
}
