//! Compares the tokenizer with the reference, string by string, and measures both:
//! `cargo run --release -p fleetwright-sdk --features wordpiece --example tokenizer-parity -- [--reference tokenizer.json] PATH…`
//!
//! Every path is a file or a folder, read to its leaves. Of `.json` and `.jsonl` each string value is a text, of `.csv`
//! and `.tsv` each field and each line, of any other file that is UTF-8 each line, each paragraph and the whole.
//! `--reference` takes the published `tokenizer.json` (its truncation and padding are set aside); without it the
//! reference is put together from the vocabulary of this crate. The exit code is 1 where a text differs.

#![allow(clippy::print_stdout, reason = "a tool: its output is its purpose")]

use std::collections::HashSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use fleetwright_sdk::tokenizer::encode;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, Tokenizer};

type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<ExitCode, Failed> {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let reference = match arguments.first() {
        Some(first) if first == "--reference" => {
            let file = arguments
                .get(1)
                .map(PathBuf::from)
                .ok_or("--reference takes a file")?;
            arguments.drain(..2);
            published(&file)?
        }
        _ => assembled()?,
    };
    if arguments.is_empty() {
        return Err("name at least one file or folder to read texts from".into());
    }
    let mut texts = Texts::default();
    for path in arguments {
        texts.read(Path::new(&path))?;
    }
    compare(&reference, &texts)
}

fn compare(reference: &Tokenizer, texts: &Texts) -> Result<ExitCode, Failed> {
    let (mut differ, mut tokens, mut offsets) = (0usize, 0usize, 0usize);
    for text in &texts.distinct {
        let ours = encode(text, usize::MAX);
        let theirs = reference.encode(text.as_str(), true)?;
        tokens += ours.ids.len();
        if !ours.ids.iter().eq(theirs
            .get_ids()
            .iter()
            .map(|id| i64::from(*id))
            .collect::<Vec<_>>()
            .iter())
        {
            differ += 1;
            println!("differs: {}", text.escape_debug());
        } else if !ours
            .offsets
            .iter()
            .map(|range| (range.start, range.end))
            .eq(theirs.get_offsets().iter().copied())
        {
            offsets += 1;
            println!("offsets differ: {}", text.escape_debug());
        }
    }
    let bytes: usize = texts.distinct.iter().map(String::len).sum();
    println!(
        "{} files, {} distinct strings, {bytes} bytes, {tokens} tokens",
        texts.files,
        texts.distinct.len()
    );
    println!("{differ} strings with other ids, {offsets} more with other offsets");
    let (ours, _) = time(|| {
        texts
            .distinct
            .iter()
            .map(|text| encode(text, usize::MAX).ids.len())
            .sum()
    });
    let (theirs, _) = time(|| {
        texts
            .distinct
            .iter()
            .filter_map(|text| reference.encode(text.as_str(), true).ok())
            .map(|e| e.len())
            .sum()
    });
    #[allow(clippy::cast_precision_loss, reason = "a rate, to three figures")]
    let rate = |seconds: f64| tokens as f64 / seconds / 1e6;
    println!(
        "{:.2} million tokens/s here, {:.2} the reference, on one thread",
        rate(ours),
        rate(theirs)
    );
    Ok(if differ + offsets == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn time(work: impl FnOnce() -> usize) -> (f64, usize) {
    let start = Instant::now();
    let done = std::hint::black_box(work());
    (start.elapsed().as_secs_f64(), done)
}

fn published(file: &Path) -> Result<Tokenizer, Failed> {
    let mut tokenizer = Tokenizer::from_file(file)?;
    tokenizer.with_truncation(None)?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

fn assembled() -> Result<Tokenizer, Failed> {
    let vocabulary = concat!(env!("CARGO_MANIFEST_DIR"), "/data/vocab.txt");
    let model = WordPiece::from_file(vocabulary)
        .unk_token("[UNK]".to_owned())
        .build()?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(BertNormalizer::new(true, true, None, true)))?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    let template = TemplateProcessing::builder()
        .try_single("[CLS] $A [SEP]")?
        .special_tokens(vec![("[CLS]", 101), ("[SEP]", 102)])
        .build()?;
    tokenizer.with_post_processor(Some(template));
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    tokenizer
        .add_special_tokens(special.map(|token| AddedToken::from(token, true).normalized(false)))?;
    Ok(tokenizer)
}

/// The distinct texts of some files.
#[derive(Default)]
struct Texts {
    files: usize,
    distinct: HashSet<String>,
}

impl Texts {
    fn read(&mut self, path: &Path) -> Result<(), Failed> {
        if path.is_dir() {
            for entry in std::fs::read_dir(path)? {
                self.read(&entry?.path())?;
            }
            return Ok(());
        }
        let Ok(text) = String::from_utf8(std::fs::read(path)?) else {
            return Ok(());
        };
        self.files += 1;
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => match serde_json::from_str(&text) {
                Ok(value) => self.add_values(&value),
                Err(_) => self.add_lines(&text),
            },
            Some("jsonl") => {
                text.lines()
                    .filter_map(|line| serde_json::from_str(line).ok())
                    .for_each(|value| self.add_values(&value));
            }
            Some("csv") => {
                self.add_lines(&text);
                text.split('"')
                    .flat_map(|quoted| quoted.split(','))
                    .for_each(|field| self.add(field));
                text.split('"').for_each(|quoted| self.add(quoted));
            }
            Some("tsv") => text
                .lines()
                .flat_map(|line| line.split('\t'))
                .for_each(|field| self.add(field)),
            _ => {
                self.add_lines(&text);
                text.split("\n\n").for_each(|paragraph| self.add(paragraph));
                self.add(&text);
            }
        }
        Ok(())
    }

    fn add_values(&mut self, value: &serde_json::Value) {
        match value {
            serde_json::Value::String(text) => self.add(text),
            serde_json::Value::Array(values) => {
                values.iter().for_each(|value| self.add_values(value))
            }
            serde_json::Value::Object(members) => {
                members.values().for_each(|value| self.add_values(value))
            }
            _ => {}
        }
    }

    fn add_lines(&mut self, text: &str) {
        text.lines().for_each(|line| self.add(line));
    }

    fn add(&mut self, text: &str) {
        if !self.distinct.contains(text) {
            self.distinct.insert(text.to_owned());
        }
    }
}
