//! Finds the operators around each product of integers, and puts ours in their place.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message;

use super::DOMAIN;
use super::heads::{ORDER_BITS, Order};
use super::proto::{Attribute, Graph, Model, Named, Node, Opset, Tensor};
use super::residual::RESTORE_ONTO;
use super::seen::{F32, Seen, U8};
use super::steps::{HEADS, ORDERS, QUANTISE, QUANTISE_HEADS, RESTORE, RESTORE_HEADS};

/// How ONNX has tokens and heads change places.
const HEADS_FIRST: [i64; 4] = [0, 2, 1, 3];
/// The same, with tokens last.
const TOKENS_LAST: [i64; 4] = [0, 2, 3, 1];
/// ONNX's number for an attribute that is a whole number.
const INT: i32 = 2;

/// The model with our operators; `None` where it has no place for them, or cannot be read.
pub(super) fn rewritten(bytes: Bytes) -> Option<Vec<u8>> {
    let mut model = Model::decode(bytes).ok()?;
    let graph = model.graph.as_mut()?;
    if !rewrite(graph, product)? {
        return None;
    }
    rewrite(graph, parted)?;
    rewrite(graph, joined)?;
    rewrite(graph, added)?;
    sweep(graph)?;
    model.opset_import.push(Opset {
        domain: Some(DOMAIN.to_owned()),
        version: Some(1),
    });
    Some(model.encode_to_vec())
}

/// Takes away the constants that nobody reads any more: the library would warn of each.
fn sweep(graph: &mut Graph) -> Option<()> {
    let ports = graph.outputs.iter().chain(&graph.inputs).map(Named::of);
    let mut wanted = ports.collect::<Option<BTreeSet<_>>>()?;
    let read = graph.nodes.iter().flat_map(|node| &node.inputs);
    wanted.extend(read.cloned());
    graph.initializers.retain(|bytes| {
        let tensor = Tensor::decode(bytes.clone()).ok();
        let name = tensor.and_then(|tensor| tensor.name);
        name.is_none_or(|name| wanted.contains(&name))
    });
    Some(())
}

/// What comes in the place of several nodes.
struct Change {
    /// Nodes of ours, each where another one stood.
    put: Vec<(usize, Node)>,
    gone: Vec<usize>,
}

/// Makes the change that `find` finds at each node, of several for one and the same node the first; whether it found any. `None` where the graph cannot be
/// seen whole.
fn rewrite(graph: &mut Graph, find: fn(&Seen<'_>, usize) -> Option<Change>) -> Option<bool> {
    let seen = Seen::of(graph)?;
    let places = seen.places();
    let changes: Vec<Change> = places.filter_map(|place| find(&seen, place)).collect();
    let found = !changes.is_empty();
    let (mut gone, mut touched) = (BTreeSet::new(), BTreeSet::new());
    for Change { put, gone: more } in changes {
        let own: Vec<usize> = put
            .iter()
            .map(|(place, _)| *place)
            .chain(more.clone())
            .collect();
        if own.iter().any(|place| touched.contains(place)) {
            continue;
        }
        touched.extend(own);
        gone.extend(more);
        for (place, node) in put {
            if let Some(old) = graph.nodes.get_mut(place) {
                *old = node;
            }
        }
    }
    let mut place = 0..;
    graph
        .nodes
        .retain(|_| place.next().is_none_or(|place| !gone.contains(&place)));
    Some(found)
}

/// The product of integers at this place, where all around it is as the recipes write it.
fn product(seen: &Seen<'_>, place: usize) -> Option<Change> {
    let [small, matrix, zero] = seen.inputs(place, "", "MatMulInteger")?;
    let sums = seen.output(place)?;
    let before = Before::of(seen, small, zero)?;
    let behind = Behind::of(seen, sums)?;
    let own = seen.only_read_by(small, &[place])
        && seen.only_read_by(before.scale, &[before.dividing, behind.scaling]);
    // Each column of the matrix has a scale of its own, not one for all.
    let fits = seen.columns(matrix)? == seen.line(behind.weights)?;
    if !(own && fits) || behind.scale != before.scale {
        return None;
    }
    let mut inputs = vec![before.value, before.step, zero];
    inputs.extend(before.shift);
    let quantise = ours(QUANTISE, place, inputs, vec![small, before.scale]);
    let inputs = vec![sums, before.scale, behind.weights, behind.bias];
    let restore = ours(RESTORE, place, inputs, vec![seen.output(behind.adding)?]);
    let gone = before.gone.into_iter();
    Some(Change {
        put: vec![(before.quantising, quantise), (behind.adding, restore)],
        gone: gone
            .chain([behind.casting, behind.scaling, behind.weighing])
            .collect(),
    })
}

/// The steps that make a token's numbers small: by their sizes, or, where they are shifted to be at least zero, as they are.
struct Before<'g> {
    value: &'g str,
    shift: Option<&'g str>,
    step: &'g str,
    scale: &'g str,
    dividing: usize,
    quantising: usize,
    gone: Vec<usize>,
}

impl<'g> Before<'g> {
    fn of(seen: &Seen<'g>, small: &str, zero: &str) -> Option<Before<'g>> {
        let (quantising, [divided, one, same]) = seen.maker(small, "QuantizeLinear")?;
        let whole = seen.number(one, F32)? == 1f32.to_le_bytes() && same == zero;
        seen.number(zero, U8)?;
        let (dividing, [value, scale]) = seen.maker(divided, "Div")?;
        let (stepping, [largest, step]) = seen.maker(scale, "Mul")?;
        seen.number(step, F32)?;
        let (measuring, [sizes]) = seen.maker(largest, "ReduceMax")?;
        let axes = seen.attribute(measuring, "axes")?.ints;
        let along = axes == [-1] && seen.int(measuring, "keepdims").unwrap_or(1) == 1;
        let own =
            seen.only_read_by(divided, &[quantising]) && seen.only_read_by(largest, &[stepping]);
        if !(whole && along && own) {
            return None;
        }
        let (first, value, shift) = match sizes == value {
            true => {
                let (shifting, [value, shift]) = seen.maker(sizes, "Add")?;
                seen.number(shift, F32)?;
                let own = seen.only_read_by(sizes, &[measuring, dividing]);
                own.then_some((shifting, value, Some(shift)))?
            }
            false => {
                let (sizing, [same]) = seen.maker(sizes, "Abs")?;
                let own = same == value && seen.only_read_by(sizes, &[measuring]);
                own.then_some((sizing, value, None))?
            }
        };
        Some(Before {
            value,
            shift,
            step,
            scale,
            dividing,
            quantising,
            gone: vec![first, measuring, stepping, dividing],
        })
    }
}

/// The steps that make fractions of sums.
struct Behind<'g> {
    casting: usize,
    scaling: usize,
    weighing: usize,
    adding: usize,
    scale: &'g str,
    weights: &'g str,
    bias: &'g str,
}

impl<'g> Behind<'g> {
    fn of(seen: &Seen<'g>, sums: &str) -> Option<Behind<'g>> {
        let next = |value: &str| {
            let place = seen.reader(value)?;
            Some((place, seen.output(place)?))
        };
        let (casting, cast) = next(sums)?;
        let [_] = seen.inputs(casting, "", "Cast")?;
        let (scaling, scaled) = next(cast)?;
        let [_, scale] = seen.inputs(scaling, "", "Mul")?;
        let (weighing, weighed) = next(scaled)?;
        let [_, weights] = seen.inputs(weighing, "", "Mul")?;
        let (adding, _) = next(weighed)?;
        let [_, bias] = seen.inputs(adding, "", "Add")?;
        let fits = seen.line(weights)? == seen.line(bias)?;
        let real = seen.int(casting, "to") == Some(i64::from(F32));
        (fits && real).then_some(Behind {
            casting,
            scaling,
            weighing,
            adding,
            scale,
            weights,
            bias,
        })
    }
}

/// A product of which attention makes three of so many heads each, whose dimensions it puts in an order.
fn parted(seen: &Seen<'_>, place: usize) -> Option<Change> {
    let [sums, scale, weights, bias] = seen.inputs(place, DOMAIN, RESTORE)?;
    let splitting = seen.reader(seen.output(place)?)?;
    let split = seen.node(splitting)?;
    let plain = split.domain.as_deref().unwrap_or_default().is_empty()
        && split.operator.as_deref() == Some("Split")
        && split.inputs.len() == 1
        && split.outputs.len() == 3
        && seen.attribute(splitting, "split").is_none();
    if !plain || seen.int(splitting, "axis") != Some(-1) {
        return None;
    }
    let (mut outputs, mut gone, mut orders) = (Vec::new(), vec![splitting], 0);
    let mut heads = None;
    for (number, part) in (0..).zip(&split.outputs) {
        let reshaping = seen.reader(part)?;
        let [_, shape] = seen.inputs(reshaping, "", "Reshape")?;
        let [0, 0, many, each] = *seen.whole(shape)?.as_slice() else {
            return None;
        };
        let fits = many.checked_mul(each)?.checked_mul(3)? == seen.line(weights)? && many > 0;
        if !fits || *heads.get_or_insert(many) != many || seen.int(reshaping, "allowzero").is_some()
        {
            return None;
        }
        gone.push(reshaping);
        let shaped = seen.output(reshaping)?;
        let turning = seen.reader(shaped);
        let order = match turning.and_then(|turning| order(seen, turning)) {
            Some(HEADS_FIRST) => Order::HeadsFirst,
            Some(TOKENS_LAST) => Order::TokensLast,
            _ => Order::TokensFirst,
        };
        orders |= order.code() << (ORDER_BITS * number);
        match turning.filter(|_| order != Order::TokensFirst) {
            Some(turning) => {
                gone.push(turning);
                outputs.push(seen.output(turning)?);
            }
            None => outputs.push(shaped),
        }
    }
    let mut node = ours(
        RESTORE_HEADS,
        place,
        vec![sums, scale, weights, bias],
        outputs,
    );
    node.attributes = vec![int(HEADS, heads?), int(ORDERS, orders)];
    Some(Change {
        put: vec![(place, node)],
        gone,
    })
}

/// What is quantised where attention has put heads together again.
fn joined(seen: &Seen<'_>, place: usize) -> Option<Change> {
    let node = seen.node(place)?;
    let is = node.domain.as_deref() == Some(DOMAIN) && node.operator.as_deref() == Some(QUANTISE);
    let [value, step, zero] = node.inputs.as_slice() else {
        return None;
    };
    let (shaping, [turned, shape]) = seen.maker(value, "Reshape")?;
    let [0, 0, _] = *seen.whole(shape)?.as_slice() else {
        return None;
    };
    let (turning, [heads]) = seen.maker(turned, "Transpose")?;
    let own = seen.only_read_by(value, &[place]) && seen.only_read_by(turned, &[shaping]);
    if !(is && own && order(seen, turning) == Some(HEADS_FIRST))
        || seen.int(shaping, "allowzero").is_some()
    {
        return None;
    }
    let outputs = node.outputs.iter().map(String::as_str).collect();
    let node = ours(QUANTISE_HEADS, place, vec![heads, step, zero], outputs);
    Some(Change {
        put: vec![(place, node)],
        gone: vec![shaping, turning],
    })
}

/// A product that is added to what stands beside it.
fn added(seen: &Seen<'_>, place: usize) -> Option<Change> {
    let [sums, scale, weights, bias] = seen.inputs(place, DOMAIN, RESTORE)?;
    let restored = seen.output(place)?;
    let adding = seen.sole_reader(restored)?;
    let [one, other] = seen.inputs(adding, "", "Add")?;
    let beside = if one == restored { other } else { one };
    let inputs = vec![sums, scale, weights, bias, beside];
    let node = ours(RESTORE_ONTO, place, inputs, vec![seen.output(adding)?]);
    Some(Change {
        put: vec![(adding, node)],
        gone: vec![place],
    })
}

/// The order that a node gives four dimensions.
fn order(seen: &Seen<'_>, place: usize) -> Option<[i64; 4]> {
    let [_] = seen.inputs(place, "", "Transpose")?;
    seen.attribute(place, "perm")?.ints.try_into().ok()
}

fn ours(operator: &str, place: usize, inputs: Vec<&str>, outputs: Vec<&str>) -> Node {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    Node {
        name: Some(format!("{DOMAIN}.{operator}.{place}")),
        operator: Some(operator.to_owned()),
        domain: Some(DOMAIN.to_owned()),
        inputs: owned(inputs),
        outputs: owned(outputs),
        ..Node::default()
    }
}

fn int(name: &str, value: i64) -> Bytes {
    let attribute = Attribute {
        name: Some(name.to_owned()),
        int: Some(value),
        kind: Some(INT),
        ..Attribute::default()
    };
    attribute.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two products that are added to each other: one of them is beside the other, and stays.
    #[test]
    fn of_two_changes_to_one_node_the_first_is_made() {
        let restore = |place: usize, name: &'static str| {
            let inputs = vec!["sums", "scale", "weights", "bias"];
            ours(RESTORE, place, inputs, vec![name])
        };
        let add = Node {
            operator: Some("Add".to_owned()),
            inputs: vec!["one".to_owned(), "other".to_owned()],
            outputs: vec!["both".to_owned()],
            ..Node::default()
        };
        let mut graph = Graph {
            nodes: vec![restore(0, "one"), restore(1, "other"), add],
            ..Graph::default()
        };
        assert_eq!(rewrite(&mut graph, added), Some(true));
        let [other, both] = graph.nodes.as_slice() else {
            panic!("{:?}", graph.nodes)
        };
        assert_eq!(*other, restore(1, "other"));
        assert_eq!(both.operator.as_deref(), Some(RESTORE_ONTO));
        assert_eq!(
            (both.inputs[4].as_str(), both.outputs[0].as_str()),
            ("other", "both")
        );
    }
}
