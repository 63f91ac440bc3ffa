//! A graph by who makes and who reads each value.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message;

use super::proto::{Attribute, Graph, Named, Node, Tensor};

/// ONNX's numbers for types of elements.
pub(super) const F32: i32 = 1;
pub(super) const U8: i32 = 2;
pub(super) const I64: i32 = 7;
/// Where a tensor's content lies in another file.
const BESIDE: i32 = 1;

pub(super) struct Seen<'g> {
    nodes: &'g [Node],
    made_by: BTreeMap<&'g str, usize>,
    read_by: BTreeMap<&'g str, Vec<usize>>,
    constants: BTreeMap<String, Tensor>,
    /// What is given to the graph and taken from it.
    ports: BTreeSet<String>,
}

impl<'g> Seen<'g> {
    /// `None` where more than this graph may read its values, or its constants lie elsewhere.
    pub(super) fn of(graph: &'g Graph) -> Option<Seen<'g>> {
        let (mut made_by, mut read_by) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        for (place, node) in graph.nodes.iter().enumerate() {
            if node.attributes.iter().any(holds_a_graph) {
                return None;
            }
            made_by.extend(node.outputs.iter().map(|name| (name.as_str(), place)));
            for name in &node.inputs {
                read_by.entry(name.as_str()).or_default().push(place);
            }
        }
        let mut constants = BTreeMap::new();
        for bytes in &graph.initializers {
            let tensor = Tensor::decode(bytes.clone()).ok()?;
            if tensor.location == Some(BESIDE) {
                return None;
            }
            constants.insert(tensor.name.clone()?, tensor);
        }
        let given: Option<BTreeSet<String>> = graph.inputs.iter().map(Named::of).collect();
        let taken: Option<BTreeSet<String>> = graph.outputs.iter().map(Named::of).collect();
        let (given, taken) = (given?, taken?);
        // What may be given in the place of a constant is none.
        constants.retain(|name, _| !given.contains(name));
        Some(Seen {
            nodes: &graph.nodes,
            made_by,
            read_by,
            constants,
            ports: given.into_iter().chain(taken).collect(),
        })
    }

    /// The places of all nodes.
    pub(super) fn places(&self) -> std::ops::Range<usize> {
        0..self.nodes.len()
    }

    pub(super) fn node(&self, place: usize) -> Option<&'g Node> {
        self.nodes.get(place)
    }

    /// The inputs of the node at `place`, where it is this operator, has so many, and makes one value.
    pub(super) fn inputs<const N: usize>(
        &self,
        place: usize,
        domain: &str,
        operator: &str,
    ) -> Option<[&'g str; N]> {
        let node = self.nodes.get(place)?;
        let is = node.domain.as_deref().unwrap_or_default() == domain
            && node.operator.as_deref() == Some(operator)
            && node.outputs.len() == 1;
        let inputs: Vec<&str> = node.inputs.iter().map(String::as_str).collect();
        inputs.try_into().ok().filter(|_| is)
    }

    /// Who makes `value`, where that is this plain operator of so many inputs.
    pub(super) fn maker<const N: usize>(
        &self,
        value: &str,
        operator: &str,
    ) -> Option<(usize, [&'g str; N])> {
        let place = *self.made_by.get(value)?;
        Some((place, self.inputs(place, "", operator)?))
    }

    /// The value that the node at `place` makes first.
    pub(super) fn output(&self, place: usize) -> Option<&'g str> {
        self.nodes.get(place)?.outputs.first().map(String::as_str)
    }

    /// The one who reads `value`, once.
    pub(super) fn sole_reader(&self, value: &str) -> Option<usize> {
        match self.read_by.get(value)?.as_slice() {
            [reader] if !self.ports.contains(value) => Some(*reader),
            _ => None,
        }
    }

    /// The one who reads `value`, once and as its first input.
    pub(super) fn reader(&self, value: &str) -> Option<usize> {
        let reader = self.sole_reader(value)?;
        let first = self.nodes.get(reader)?.inputs.first()?;
        (first == value).then_some(reader)
    }

    /// Whether these read `value`, each once, and nobody else does.
    pub(super) fn only_read_by(&self, value: &str, readers: &[usize]) -> bool {
        let mut read = self.read_by.get(value).cloned().unwrap_or_default();
        let mut wanted = readers.to_vec();
        read.sort_unstable();
        wanted.sort_unstable();
        read == wanted && !self.ports.contains(value)
    }

    /// The bytes of a constant of one number of this type.
    pub(super) fn number(&self, name: &str, element: i32) -> Option<&[u8]> {
        let tensor = self.constants.get(name)?;
        let fits = tensor.dims.is_empty() && tensor.element == Some(element);
        tensor.raw.as_deref().filter(|_| fits)
    }

    /// How many numbers a constant line of fractions has.
    pub(super) fn line(&self, name: &str) -> Option<i64> {
        let tensor = self.constants.get(name)?;
        let [many] = tensor.dims.as_slice() else {
            return None;
        };
        (tensor.element == Some(F32)).then_some(*many)
    }

    /// How many columns a constant matrix has.
    pub(super) fn columns(&self, name: &str) -> Option<i64> {
        match self.constants.get(name)?.dims.as_slice() {
            [_, columns] => Some(*columns),
            _ => None,
        }
    }

    /// A constant line of whole numbers.
    pub(super) fn whole(&self, name: &str) -> Option<Vec<i64>> {
        let tensor = self.constants.get(name)?;
        let fits = tensor.dims.len() == 1 && tensor.element == Some(I64);
        let (numbers, []) = tensor.raw.as_deref().filter(|_| fits)?.as_chunks() else {
            return None;
        };
        Some(numbers.iter().map(|one| i64::from_le_bytes(*one)).collect())
    }

    pub(super) fn attribute(&self, place: usize, name: &str) -> Option<Attribute> {
        let all = self.nodes.get(place)?.attributes.iter();
        let mut all = all.filter_map(|bytes| Attribute::decode(bytes.clone()).ok());
        all.find(|one| one.name.as_deref() == Some(name))
    }

    pub(super) fn int(&self, place: usize, name: &str) -> Option<i64> {
        self.attribute(place, name)?.int
    }
}

/// What its nodes read of the graph around it is not seen here. What cannot be read may be one.
fn holds_a_graph(attribute: &Bytes) -> bool {
    let attribute = Attribute::decode(attribute.clone()).ok();
    attribute.is_none_or(|one| one.graph.is_some() || !one.graphs.is_empty())
}
