use std::fs;
use std::path::{Path, PathBuf};

use ort::memory::AllocationDevice;
use sha2::{Digest, Sha256};

use super::*;
use crate::backend::LIBRARY_VARIABLE;
use crate::card::CARD_FILE;
use crate::device::Place;

/// The library that `FLEETWRIGHT_ONNXRUNTIME` names, or that `fleetwright models pull` put into this project's state.
pub(super) fn library() -> Option<Arc<Library>> {
    let inside = |folder: PathBuf| {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.collect::<Vec<_>>()
    };
    let begins = |path: &PathBuf, with: &str| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(with)
    };
    let find = |folder, with| inside(folder).into_iter().find(|path| begins(path, with));
    let state = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.fleetwright/lib");
    let named = std::env::var_os(LIBRARY_VARIABLE).map(PathBuf::from);
    let path = named
        .or_else(|| find(find(state, "onnxruntime-1")?, "libonnxruntime."))
        .or_else(|| {
            eprintln!("skipped: `fleetwright models pull` did not put onnxruntime into the state");
            None
        })?;
    Some(Library::load(&path).unwrap())
}

/// A card over a graph of `tests/models`, whose outputs these are.
fn card(graph: &str, outputs: &str) -> (tempfile::TempDir, Card) {
    let folder = tempfile::tempdir().unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    let bytes = fs::read(models.join(graph)).unwrap();
    fs::write(folder.path().join(graph), &bytes).unwrap();
    let text = format!(
        "schema = 1\nname = \"tiny\"\nversion = \"1.0.0\"\nformat = \"onnx\"\nlicence = \"Apache-2.0\"\nsource = \"tests\"\n\
         [[files]]\npath = \"{graph}\"\nsha256 = \"{}\"\nbytes = {}\n\
         [inputs.ids]\ntype = \"i64\"\ndims = [\"batch\", \"tokens\"]\n[inputs.mask]\ntype = \"i64\"\ndims = [\"batch\", \"tokens\"]\n{outputs}",
        hex::encode(Sha256::digest(&bytes)),
        bytes.len()
    );
    fs::write(folder.path().join(CARD_FILE), text).unwrap();
    let card = Card::read(folder.path()).unwrap();
    (folder, card)
}

fn inputs(ids: &[i64]) -> Vec<NamedTensor> {
    let dims = vec![1, u32::try_from(ids.len()).unwrap()];
    let mask = vec![1; ids.len()];
    let named = [("ids", ids), ("mask", &mask)];
    named
        .map(|(name, data)| {
            (
                name.to_owned(),
                Tensor::from_i64(dims.clone(), data).unwrap(),
            )
        })
        .into()
}

const BOTH: &str = "[outputs.mean]\ntype = \"f32\"\ndims = [\"batch\", 4]\n[outputs.states]\ntype = \"f32\"\ndims = [\"batch\", \"tokens\", 4]\n";
const ONE: &str = "[outputs.states]\ntype = \"f32\"\ndims = [\"batch\", \"tokens\", 4]\n";

/// The way through a binding and an allocator of the session's is the one that CUDA takes; here the memory is ordinary.
#[test]
fn a_run_out_of_memory_of_the_sessions_own_gives_what_one_that_is_lent_its_inputs_gives() {
    let Some(library) = library() else { return };
    for outputs in [BOTH, ONE] {
        let (_folder, card) = card("tiny.onnx", outputs);
        let open = |pinned: bool| {
            let session = library.session(&card, Setting::default(), Place::Cpu);
            let session = session.unwrap();
            let pinned = pinned.then(|| Pinned::of(&session, AllocationDevice::CPU, 0).unwrap());
            SessionBackend::new(&card, session, pinned).unwrap()
        };
        let (mut lent, mut pinned) = (open(false), open(true));
        let mut kept = Vec::new();
        // What an earlier run gave is still read while later ones take their memory.
        for ids in [&[1, 3, 9, 0][..], &[2, 2, 2, 2], &[7]] {
            let given = pinned.run(&inputs(ids)).unwrap();
            assert_eq!(given, lent.run(&inputs(ids)).unwrap());
            kept.push((ids, given));
        }
        for (ids, given) in kept {
            assert_eq!(given, lent.run(&inputs(ids)).unwrap());
        }
    }
}

#[test]
fn memory_that_a_library_does_not_have_is_told_before_a_run() {
    let Some(library) = library() else { return };
    let (_folder, card) = card("tiny.onnx", BOTH);
    let session = library.session(&card, Setting::default(), Place::Cpu);
    let session = session.unwrap();
    assert!(Pinned::beside(&session, Place::Cpu).unwrap().is_none());
    // The session is the processor's, so that nothing is pinned beside it, though it be asked for.
    assert!(Pinned::beside(&session, Place::Cuda(0)).is_err());
}
