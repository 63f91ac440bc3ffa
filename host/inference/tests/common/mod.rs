//! What the tests of real graphs share: cards over the graphs that `models/make.py` writes, and the libraries that run them.
#![allow(dead_code, reason = "each program of tests uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleetwright_inference::{
    CARD_FILE, Card, InferError, Inference, LIBRARY_VARIABLE, Model, NamedTensor, Tensor,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::time::Instant;

pub(crate) const TINY: &str = r#"
[inputs.ids]
type = "i64"
dims = ["batch", "tokens"]
[inputs.mask]
type = "i64"
dims = ["batch", "tokens"]
[outputs.mean]
type = "f32"
dims = ["batch", 4]
[outputs.states]
type = "f32"
dims = ["batch", "tokens", 4]
[batch]
axis = "batch"
length = "tokens"
max = 8
"#;

/// The default library: the one that `FLEETWRIGHT_ONNXRUNTIME` names, or that `fleetwright models pull` put into this project's
/// state. Says where there is none.
pub(crate) fn onnxruntime() -> Option<PathBuf> {
    let named = std::env::var_os(LIBRARY_VARIABLE).map(PathBuf::from);
    named.or_else(|| pulled("onnxruntime-1"))
}

/// The library in the folder of the state whose name begins with `package`.
pub(crate) fn pulled(package: &str) -> Option<PathBuf> {
    let state = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.fleetwright/lib");
    let inside = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let folder = inside(&state)
        .into_iter()
        .find(|path| name(path).starts_with(package));
    let files = folder.map(|folder| inside(&folder)).unwrap_or_default();
    let library = files
        .into_iter()
        .find(|path| name(path).starts_with("libonnxruntime."));
    if library.is_none() {
        eprintln!("skipped: `fleetwright models pull` did not put `{package}` into the state");
    }
    library
}

/// A card over one of the graphs that `models/make.py` writes, in a folder that lives as long as the test.
pub(crate) fn card(graph: &str, signature: &str) -> (TempDir, Card) {
    card_over(graph, &graph_of(graph), signature)
}

pub(crate) fn graph_of(graph: &str) -> Vec<u8> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    fs::read(models.join(graph)).unwrap()
}

pub(crate) fn card_over(graph: &str, bytes: &[u8], signature: &str) -> (TempDir, Card) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(graph), bytes).unwrap();
    let text = format!(
        "schema = 1\nname = \"tiny\"\nversion = \"1.0.0\"\nformat = \"onnx\"\nlicence = \"Apache-2.0\"\nsource = \"tests\"\n\
         {}{signature}",
        file_entry(graph, bytes)
    );
    fs::write(dir.path().join(CARD_FILE), text).unwrap();
    let card = Card::read(dir.path()).unwrap();
    (dir, card)
}

/// How a card lists a file.
pub(crate) fn file_entry(path: &str, bytes: &[u8]) -> String {
    format!(
        "[[files]]\npath = \"{path}\"\nsha256 = \"{}\"\nbytes = {}\n",
        hex::encode(Sha256::digest(bytes)),
        bytes.len()
    )
}

pub(crate) fn words(ids: &[&[i64]]) -> Vec<NamedTensor> {
    let dims = vec![ids.len() as u32, ids[0].len() as u32];
    let mask = vec![1; ids.len() * ids[0].len()];
    vec![
        (
            "ids".to_owned(),
            Tensor::from_i64(dims.clone(), &ids.concat()).unwrap(),
        ),
        ("mask".to_owned(), Tensor::from_i64(dims, &mask).unwrap()),
    ]
}

pub(crate) async fn ask(model: &Model, inputs: Vec<NamedTensor>) -> Result<Inference, InferError> {
    model
        .infer(inputs, Instant::now() + Duration::from_secs(60))
        .await
}

pub(crate) fn output(answer: &Inference, name: &str) -> (Vec<u32>, Vec<f32>) {
    let (_, tensor) = answer
        .outputs
        .iter()
        .find(|(output, _)| output == name)
        .unwrap();
    (tensor.dims().to_vec(), tensor.to_f32().unwrap())
}

/// What the table of `make.py` holds for a word.
pub(crate) fn state(word: i64) -> Vec<f32> {
    (0..4)
        .map(|column| ((word * 4 + column - 17) as f32) / 8.0)
        .collect()
}

/// Asks a model of [`TINY`] for so many words at once, a call each: each gets its own states, out of a run of `batch` rows.
pub(crate) async fn each_gets_its_own(model: &Model, lengths: &[i64], batch: usize) {
    let call = |(number, length): (i64, &i64)| {
        let model = model.clone();
        let ids: Vec<i64> = (0..*length).map(|n| (n * 7 + number) % 10).collect();
        tokio::spawn(async move { (ids.clone(), ask(&model, words(&[&ids])).await.unwrap()) })
    };
    let calls: Vec<_> = (1..).zip(lengths).map(call).collect();
    for call in calls {
        let (ids, answer) = call.await.unwrap();
        let states: Vec<f32> = ids.iter().flat_map(|id| state(*id)).collect();
        let dims = vec![1, ids.len() as u32, 4];
        assert_eq!(output(&answer, "states"), (dims, states));
        assert_eq!(answer.batch, batch);
    }
}
