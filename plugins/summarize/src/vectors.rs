//! The vector of a sentence: the mean of its tokens' states, at length one, read within its message.
//!
//! A message is read whole, in rows cut as all stages cut them ([`reading`]): what `classify` and `extract` have read of the thread
//! costs nothing here. The subject stands above the message that the request is about, and has a vector, too.
//!
//! Bounds: of a sentence that goes on in further rows, two are read; rows without a sentence to score are left out. Rows go to the encoder
//! eight at once, but for those that other stages read as well, of which a message has four at most.

use std::ops::Range;

use fleetwright_sdk::prelude::*;
use fleetwright_sdk::reading;
use fleetwright_sdk::tokenizer::{Batch, Encoding};

use crate::thread::Thread;

/// The width of the encoder's states.
pub(crate) const WIDTH: usize = 384;
/// Rows that go to the encoder in one run.
const ROWS: usize = 8;
/// Rows in which one sentence is read.
const PARTS: usize = 2;

/// What the encoder is to read, and where each sentence stands in it.
#[derive(Debug, Default)]
pub struct Plan {
    /// The rows, message by message.
    pub rows: Vec<Row>,
    /// For each sentence of the thread, in order, the tokens that it is.
    pub sentences: Vec<Vec<Place>>,
    /// The tokens that the subject is; none where it is blank.
    pub title: Vec<Place>,
}

/// A row for the encoder.
#[derive(Debug)]
pub struct Row {
    /// Its tokens.
    pub encoding: Encoding,
    /// Whether other stages may read it: then it goes alone, as it does there.
    apart: bool,
}

/// Tokens of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row.
    pub row: usize,
    /// The tokens.
    pub tokens: Range<usize>,
}

/// Plans what is read of a thread, in rows of so many tokens.
pub fn plan(thread: &Thread, subject: &str, tokens: usize) -> Plan {
    let mut plan = Plan::default();
    let mut left = thread.sentences.as_slice();
    for (message, own) in thread.own.iter().enumerate() {
        let count = left.iter().take_while(|s| s.message == message).count();
        let (sentences, rest) = left.split_at_checked(count).unwrap_or_default();
        left = rest;
        let about = thread.asked == Some(message);
        let (text, titled) = reading::titled(if about { subject } else { "" }, own);
        let title = (titled > 0).then_some(0..titled);
        let told = sentences
            .iter()
            .map(|sentence| sentence.own.start + titled..sentence.own.end + titled);
        let wanted: Vec<_> = title.into_iter().chain(told).collect();
        let shared = about || message + 1 == thread.own.len();
        let mut places = plan.read(reading::rows(&text, tokens), &wanted, shared);
        if titled > 0 {
            plan.title = places.remove(0);
        }
        plan.sentences.extend(places);
    }
    plan
}

impl Plan {
    /// Adds those of the rows that `wanted`, ranges in order, need; with it, where each of those stands in them. The first rows of a
    /// text that other stages read are cut as there, and what follows from where something is wanted.
    fn read(
        &mut self,
        mut rows: reading::Rows<'_>,
        wanted: &[Range<usize>],
        shared: bool,
    ) -> Vec<Vec<Place>> {
        let mut places = vec![Vec::new(); wanted.len()];
        let (mut done, mut taken) = (0, 0);
        while let Some(next) = wanted.get(done) {
            let apart = shared && taken < reading::APART;
            if !apart {
                rows.skip_to(next.start);
            }
            let Some(row) = rows.next() else { break };
            taken += 1;
            let mut used = false;
            for (wanted, places) in wanted.iter().zip(&mut places).skip(done) {
                let tokens = within(&row, wanted);
                if !tokens.is_empty() && places.len() < PARTS {
                    let row = self.rows.len();
                    places.push(Place { row, tokens });
                    used = true;
                }
            }
            let read = |(wanted, places): &(&Range<usize>, &Vec<Place>)| {
                wanted.end <= row.range.end || places.len() == PARTS
            };
            done += wanted
                .iter()
                .zip(&places)
                .skip(done)
                .take_while(read)
                .count();
            if used {
                let encoding = row.encoding;
                self.rows.push(Row { encoding, apart });
            }
        }
        places
    }

    /// The vectors of all sentences, one after the other, and of the subject.
    pub(crate) fn vectors(&self) -> Result<(Vec<f32>, Option<Vec<f32>>), Failure> {
        let mut sums = vec![0.0; (self.sentences.len() + 1) * WIDTH];
        let encoder = Model::open("encoder")?;
        let mut first = 0;
        for rows in self.rows.chunk_by(|one, next| !one.apart && !next.apart) {
            for rows in rows.chunks(ROWS) {
                let encodings = rows.iter().map(|row| row.encoding.clone()).collect();
                let batch = Batch::of(encodings);
                let encoded = encoder.run(batch.inputs()?)?;
                let states = encoded.f32("states")?;
                let states = states.shaped(&[batch.rows, batch.length, WIDTH])?;
                let run = Run {
                    rows: first..first + batch.rows,
                    length: batch.length,
                    states: &states,
                };
                self.add(&run, &mut sums);
                first += batch.rows;
            }
        }
        sums.chunks_exact_mut(WIDTH).for_each(to_length_one);
        let title = sums.split_off(self.sentences.len() * WIDTH);
        Ok((sums, (!self.title.is_empty()).then_some(title)))
    }

    /// Adds what a run gave to the sums of those whose tokens it read.
    fn add(&self, run: &Run<'_>, sums: &mut [f32]) {
        let all = self.sentences.iter().chain([&self.title]);
        for (places, sum) in all.zip(sums.chunks_exact_mut(WIDTH)) {
            for place in places.iter().filter(|place| run.rows.contains(&place.row)) {
                let start = (place.row - run.rows.start) * run.length;
                let tokens = start + place.tokens.start..start + place.tokens.end;
                let states = run.states.get(tokens.start * WIDTH..tokens.end * WIDTH);
                for state in states.unwrap_or_default().chunks_exact(WIDTH) {
                    sum.iter_mut().zip(state).for_each(|(sum, x)| *sum += x);
                }
            }
        }
    }
}

/// The states of a run.
struct Run<'a> {
    /// The plan's rows that it read.
    rows: Range<usize>,
    /// Tokens a row, padding counted.
    length: usize,
    /// f32 `[rows, length, WIDTH]`.
    states: &'a [f32],
}

/// The tokens of a row that stand in a range of its text.
fn within(row: &reading::Row, range: &Range<usize>) -> Range<usize> {
    let offsets = &row.encoding.offsets;
    let stands = |offset: &Range<usize>| {
        let (start, end) = (row.range.start + offset.start, row.range.start + offset.end);
        !offset.is_empty() && start < range.end && end > range.start
    };
    match offsets.iter().position(stands) {
        Some(first) => {
            first
                ..offsets
                    .iter()
                    .rposition(stands)
                    .map_or(first, |last| last + 1)
        }
        None => 0..0,
    }
}

fn to_length_one(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thread::{Message, read};
    use fleetwright_sdk::tokenizer::encode;

    fn message(from: &str, body: &str) -> Message {
        serde_json::from_value(serde_json::json!({ "from": from, "body": body })).unwrap()
    }

    /// The ids that a place stands for.
    fn ids(plan: &Plan, places: &[Place]) -> Vec<i64> {
        let of = |place: &Place| &plan.rows[place.row].encoding.ids[place.tokens.clone()];
        places.iter().flat_map(of).copied().collect()
    }

    fn inner(text: &str) -> Vec<i64> {
        let ids = encode(text, usize::MAX).ids;
        ids[1..ids.len() - 1].to_vec()
    }

    #[test]
    fn each_sentence_is_the_tokens_of_its_words_and_the_subject_stands_above_what_is_asked() {
        let messages = [
            message(
                "Ida",
                "Hello,\nthe oven is cold. Who can come?\n\nRegards,\nIda",
            ),
            message("Bo", "We will send a plumber. He comes on Monday."),
        ];
        let thread = read(&messages, "", "");
        let plan = plan(&thread, " Oven ", 64);
        assert_eq!(plan.rows.len(), 2);
        assert_eq!(ids(&plan, &plan.title), inner("Oven"));
        for (sentence, places) in thread.sentences.iter().zip(&plan.sentences) {
            assert_eq!(ids(&plan, places), inner(&sentence.text));
        }
        let read = encode("Oven\n\nHello,\nthe oven is cold. Who can come?", 64);
        assert_eq!(plan.rows[0].encoding.ids, read.ids);
        assert!(plan.rows.iter().all(|row| row.apart));
    }

    #[test]
    fn a_sentence_over_two_rows_is_both_its_parts_and_one_without_end_no_more() {
        let body = format!("The oven is cold {}today.", "and cold ".repeat(200));
        let thread = read(&[], &body, "");
        let plan = plan(&thread, "", 32);
        assert_eq!(plan.rows.len(), PARTS);
        let places = &plan.sentences[0];
        assert_eq!(places.len(), PARTS);
        let read = ids(&plan, places);
        assert_eq!(read, inner(&body)[..read.len()]);
        assert_eq!(read.len(), 60);
    }

    #[test]
    fn however_long_its_sentences_are_a_thread_takes_few_runs() {
        let body = format!("The oven is cold {}today. ", "and cold ".repeat(250)).repeat(128);
        let plan = plan(&read(&[], &body, ""), "", 256);
        assert!(plan.rows.len() > 128);
        let runs = plan.rows.chunk_by(|one, next| !one.apart && !next.apart);
        let runs: usize = runs.map(|rows| rows.len().div_ceil(ROWS)).sum();
        assert_eq!(runs, 4 + (plan.rows.len() - 4).div_ceil(ROWS));
    }

    #[test]
    fn what_no_sentence_stands_in_is_not_read() {
        let body = "The oven is cold again. ".repeat(300);
        let mut thread = read(&[], &body, "");
        assert_eq!(thread.sentences.len(), 300);
        crate::shorten(&mut thread.sentences);
        let plan = plan(&thread, "", 64);
        // Ten sentences of six tokens fill a row; the first four go alone.
        assert_eq!(plan.rows.len(), 2 * 7);
        assert_eq!(plan.rows.iter().filter(|row| row.apart).count(), 4);
        for (sentence, places) in thread.sentences.iter().zip(&plan.sentences) {
            assert_eq!(ids(&plan, places), inner(&sentence.text));
        }
        let quiet = [
            message("Ida", "> nothing"),
            message("Bo", "We will send a plumber."),
        ];
        let thread = read(&quiet, "", "");
        assert_eq!(super::plan(&thread, "", 64).rows.len(), 1);
    }
}
