use std::collections::BTreeSet;
use std::path::PathBuf;

use ort::session::Session;
use proptest::prelude::*;
use prost::Message;

use super::super::tests::library;
use super::super::{Library, Setting, owned};
use super::proto::{Model, Named, Node, Tensor as Constant};
use super::*;
use crate::card::{Card, Dim};
use crate::device::Place;
use crate::tensor::{ElementType, Tensor};

/// Models of this project that multiply integers, and how many products each has.
const MODELS: [(&str, usize); 9] = [
    ("banking77-heads/1.0.0", 8),
    ("clinc150-heads/1.0.0", 8),
    ("comply-heads/2.0.0", 8),
    ("goemotions-heads/1.0.0", 8),
    ("inbox-heads/3.4.0", 16),
    ("minilm/1.0.0", 24),
    ("minilm-trunk/1.0.0", 16),
    ("name-tagger/2.2.0", 8),
    ("slot-tagger/1.2.0", 16),
];

fn folder(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../models")
        .join(model)
}

fn file(model: &str) -> Bytes {
    std::fs::read(folder(model).join("model.onnx"))
        .unwrap()
        .into()
}

fn nodes_of(model: &[u8]) -> Vec<Node> {
    Model::decode(model).unwrap().graph.unwrap().nodes
}

fn count(nodes: &[Node], operators: &[&str]) -> usize {
    let is = |node: &&Node| operators.contains(&node.operator.as_deref().unwrap());
    nodes.iter().filter(is).count()
}

#[test]
fn every_product_of_the_shipped_models_is_rewritten() {
    for (model, products) in MODELS {
        let nodes = nodes_of(&graph::rewritten(file(model)).unwrap());
        let count = |operators: &[&str]| count(&nodes, operators);
        assert_eq!(count(&["MatMulInteger"]), products, "{model}");
        assert_eq!(count(&["Quantise", "QuantiseHeads"]), products, "{model}");
        let restored = ["Restore", "RestoreHeads", "RestoreOnto"];
        assert_eq!(count(&restored), products, "{model}");
        // Of the four products of a layer the first is parted by heads, and the second is of what was put together again.
        assert_eq!(count(&["QuantiseHeads"]), products / 4, "{model}");
        assert_eq!(count(&["RestoreHeads"]), products / 4, "{model}");
        // The second and the fourth are added to what the layer, or its half, began with.
        assert_eq!(count(&["RestoreOnto"]), products / 2, "{model}");
        assert_eq!(count(&["QuantizeLinear", "Split"]), 0, "{model}");
    }
}

#[test]
fn what_a_rewritten_graph_reads_was_made_before() {
    for (model, _) in MODELS {
        let graph = Model::decode(graph::rewritten(file(model)).unwrap().as_slice())
            .unwrap()
            .graph
            .unwrap();
        let named = |bytes: &Bytes| Named::decode(bytes.clone()).unwrap().name.unwrap();
        let constant = |bytes: &Bytes| Constant::decode(bytes.clone()).unwrap().name.unwrap();
        let inputs = graph.inputs.iter().map(named);
        let mut made: BTreeSet<String> = inputs
            .chain(graph.initializers.iter().map(constant))
            .collect();
        for node in &graph.nodes {
            let lacks = node.inputs.iter().find(|name| !made.contains(*name));
            assert_eq!(lacks, None, "{model}: {node:?}");
            made.extend(node.outputs.iter().cloned());
        }
        assert!(
            graph
                .outputs
                .iter()
                .map(named)
                .all(|name| made.contains(&name))
        );
        let read = graph.nodes.iter().flat_map(|node| &node.inputs);
        let read: BTreeSet<String> = read.cloned().collect();
        let idle = graph.initializers.iter().map(constant);
        let idle: Vec<String> = idle.filter(|name| !read.contains(name)).collect();
        assert_eq!(idle, Vec::<String>::new(), "{model}");
    }
}

/// Whatever else reads a value that our operators do without, it is still there.
#[test]
fn a_value_that_is_wanted_elsewhere_stays() {
    let whole = file("comply-heads/2.0.0");
    let made = |nodes: &[Node]| -> BTreeSet<String> {
        let outputs = nodes.iter().flat_map(|node| node.outputs.clone());
        outputs.collect()
    };
    let (before, after) = (
        made(&nodes_of(&whole)),
        made(&nodes_of(&graph::rewritten(whole.clone()).unwrap())),
    );
    let gone: Vec<&String> = before.difference(&after).collect();
    // Of each product at least the seven between its parts.
    assert!(gone.len() >= 8 * 7, "{}", gone.len());
    for name in gone {
        let mut model = Model::decode(whole.clone()).unwrap();
        let output = Named {
            name: Some(name.clone()),
        };
        let outputs = &mut model.graph.as_mut().unwrap().outputs;
        outputs.push(output.encode_to_vec().into());
        let rewritten = graph::rewritten(model.encode_to_vec().into()).unwrap();
        assert!(made(&nodes_of(&rewritten)).contains(name), "{name}");
    }
}

/// The library hands our operators no constant that an input may take the place of.
#[test]
fn what_an_input_may_replace_is_no_constant() {
    let mut model = Model::decode(file("comply-heads/2.0.0")).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let constant = |bytes: &Bytes| Constant::decode(bytes.clone()).unwrap().name;
    graph.inputs.extend(graph.initializers.iter().map(|bytes| {
        let name = constant(bytes);
        Bytes::from(Named { name }.encode_to_vec())
    }));
    assert!(graph::rewritten(model.encode_to_vec().into()).is_none());
}

#[test]
fn a_graph_without_such_products_stays_as_it_is() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/tiny.onnx");
    for file in [tests, folder("sentence-scorer/3.0.0").join("model.onnx")] {
        assert!(fused(&file).unwrap().is_none(), "{}", file.display());
    }
    assert!(fused(Path::new("/nowhere/model.onnx")).unwrap().is_none());
}

fn session(library: &Library, card: &Card, rewritten: bool) -> Session {
    let setting = Setting::default();
    if rewritten {
        return library.session(card, setting, Place::Cpu).unwrap();
    }
    let mut plain = library.builder(setting, Place::Cpu).unwrap();
    plain
        .commit_from_file(super::super::graph_file(card, Place::Cpu))
        .unwrap()
}

/// Numbers as the card wants them, the same for the same `seed`: of tokens the last of every second row are padding.
fn input(name: &str, ty: ElementType, dims: &[u32], mut seed: u64) -> Tensor {
    let count: usize = dims.iter().map(|dim| *dim as usize).product();
    let length = dims[1] as usize;
    let mut next = move || {
        // Knuth's linear congruential generator (MMIX), its upper half.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as u32
    };
    match (name, ty) {
        ("attention_mask", _) => {
            let real =
                |at: usize| (at / length).is_multiple_of(2) || at % length < length.div_ceil(2);
            let mask: Vec<i64> = (0..count).map(|at| i64::from(real(at))).collect();
            Tensor::from_i64(dims.to_vec(), &mask).unwrap()
        }
        (_, ElementType::I64) => {
            let words: Vec<i64> = (0..count).map(|_| i64::from(next() % 30_000)).collect();
            Tensor::from_i64(dims.to_vec(), &words).unwrap()
        }
        _ => {
            // From -4 to 4, as states are; the first token of all is zero throughout.
            let width = *dims.last().unwrap() as usize;
            let real = |at: usize| {
                if at < width {
                    0.0
                } else {
                    next() as f32 / 2f32.powi(28) - 4.0
                }
            };
            let numbers: Vec<f32> = (0..count).map(real).collect();
            Tensor::from_f32(dims.to_vec(), &numbers).unwrap()
        }
    }
}

fn answers(session: &mut Session, card: &Card, batch: u32, tokens: u32) -> Vec<Vec<u32>> {
    let values = card.inputs().iter().map(|(name, port)| {
        let dim = |(place, dim): (usize, &Dim)| match (dim, place) {
            (Dim::Fixed(size), _) => *size,
            (_, 0) => batch,
            _ => tokens,
        };
        let dims: Vec<u32> = port.dims.iter().enumerate().map(dim).collect();
        let seed = u64::from(batch * 1000 + tokens);
        let value = owned(&input(name, port.ty, &dims, seed)).unwrap();
        (name.clone(), value)
    });
    let outputs = session.run(values.collect::<Vec<_>>()).unwrap();
    let bits = |name: &String| {
        let (_, numbers) = outputs[name.as_str()].try_extract_tensor::<f32>().unwrap();
        numbers.iter().map(|number| number.to_bits()).collect()
    };
    card.outputs().keys().map(bits).collect()
}

#[test]
fn an_answer_is_the_same_to_the_bit() {
    let Some(library) = library() else { return };
    for (model, _) in MODELS {
        let card = Card::read(&folder(model)).unwrap();
        let (mut plain, mut rewritten) = (
            session(&library, &card, false),
            session(&library, &card, true),
        );
        for (batch, tokens) in [(1, 1), (1, 2), (1, 48), (3, 17), (4, 64), (1, 256)] {
            let same = answers(&mut plain, &card, batch, tokens)
                == answers(&mut rewritten, &card, batch, tokens);
            assert!(same, "{model}, {batch} × {tokens}");
        }
    }
}

/// ONNX repeats what is added where it has a dimension of one, or fewer.
#[test]
fn what_is_added_may_have_another_shape() {
    let Some(library) = library() else { return };
    let card = Card::read(&folder("comply-heads/2.0.0")).unwrap();
    let mut model = Model::decode(file("comply-heads/2.0.0")).unwrap();
    let nodes = &mut model.graph.as_mut().unwrap().nodes;
    let norm = nodes
        .iter()
        .find(|node| node.operator.as_deref() == Some("LayerNormalization"));
    let [added, gain, _] = norm.unwrap().inputs.clone().try_into().unwrap();
    let adding = nodes
        .iter_mut()
        .find(|node| node.outputs == [added.as_str()])
        .unwrap();
    adding.inputs[1] = gain.clone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    let Fused { graph, steps } = fused(&path).unwrap().unwrap();
    let is = |node: &Node| {
        node.operator.as_deref() == Some("RestoreOnto") && node.inputs.last() == Some(&gain)
    };
    assert!(
        nodes_of(&graph).iter().any(is),
        "it is none of those that are rewritten"
    );
    let builder = || library.builder(Setting::default(), Place::Cpu).unwrap();
    let mut plain = builder().commit_from_file(&path).unwrap();
    let mut rewritten = builder().with_operators(steps).unwrap();
    let mut rewritten = rewritten.commit_from_memory(&graph).unwrap();
    let answers = |session: &mut Session| answers(session, &card, 3, 17);
    assert_eq!(answers(&mut plain), answers(&mut rewritten));
}

proptest! {
    /// Broken files are the library's to refuse.
    #[test]
    fn no_file_makes_it_panic(at in 0usize..600_000, with in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = file("goemotions-heads/1.0.0").to_vec();
        // Nodes come first, and weigh little beside weights.
        let at = if with % 2 == 0 { at % 20_000 } else { at };
        match cut {
            true => bytes.truncate(at),
            false => bytes[at] = with,
        }
        let _ = graph::rewritten(bytes.into());
    }
}
