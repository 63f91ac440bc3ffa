//! The signature that a graph itself declares, held against the card's.

use std::collections::BTreeMap;

use crate::backend::LoadError;
use crate::card::{CARD_FILE, Card, Dim, Port};

/// What a graph takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) inputs: Vec<SignaturePort>,
    pub(crate) outputs: Vec<SignaturePort>,
}

/// One input or output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignaturePort {
    pub(crate) name: String,
    /// The element type's name, as in cards; other types have the name that the library gives them.
    pub(crate) ty: Option<String>,
    /// `None` in a dimension is free; no dimensions at all is unknown.
    pub(crate) dims: Option<Vec<Option<u64>>>,
}

impl Signature {
    /// Holds the graph to the card: equal inputs, and at least the card's outputs, with equal types and
    /// dimensions. Where the graph leaves a dimension free, the card may fix it; never the other way.
    pub(crate) fn check(&self, card: &Card) -> Result<(), LoadError> {
        let result = check_side("input", &self.inputs, card.inputs(), true)
            .and_then(|()| check_side("output", &self.outputs, card.outputs(), false));
        result.map_err(|message| LoadError::Signature {
            model: format!("{}@{}", card.name(), card.version()),
            card: card.dir().join(CARD_FILE),
            message,
        })
    }
}

fn check_side(
    side: &str,
    graph: &[SignaturePort],
    card: &BTreeMap<String, Port>,
    all: bool,
) -> Result<(), String> {
    let names = |names: Vec<&str>| {
        names
            .iter()
            .map(|n| format!("`{n}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let graph_names = || names(graph.iter().map(|port| port.name.as_str()).collect());
    let card_names = || names(card.keys().map(String::as_str).collect());
    for (name, port) in card {
        let Some(found) = graph.iter().find(|found| found.name == *name) else {
            return Err(format!(
                "the card has {side} `{name}`, and the graph's {side}s are {}",
                graph_names()
            ));
        };
        check_port(side, found, port)?;
    }
    match graph
        .iter()
        .find(|port| all && !card.contains_key(&port.name))
    {
        Some(extra) => Err(format!(
            "the graph has {side} `{}`, and the card's {side}s are {}",
            extra.name,
            card_names()
        )),
        None => Ok(()),
    }
}

fn check_port(side: &str, graph: &SignaturePort, card: &Port) -> Result<(), String> {
    let name = &graph.name;
    if let Some(ty) = &graph.ty
        && ty != card.ty.name()
    {
        return Err(format!(
            "{side} `{name}` is `{ty}` in the graph and `{}` in the card",
            card.ty
        ));
    }
    let Some(dims) = &graph.dims else {
        return Ok(());
    };
    let agrees = |(graph, card): (&Option<u64>, &Dim)| match (graph, card) {
        (Some(graph), Dim::Fixed(card)) => *graph == u64::from(*card),
        (Some(_), Dim::Free(_)) => false,
        (None, _) => true,
    };
    if dims.len() != card.dims.len() || !dims.iter().zip(&card.dims).all(agrees) {
        let shown: Vec<String> = dims
            .iter()
            .map(|dim| dim.map_or("?".to_owned(), |size| size.to_string()))
            .collect();
        return Err(format!(
            "{side} `{name}` is `[{}]` in the graph and `{}` in the card",
            shown.join(", "),
            card.show_dims()
        ));
    }
    Ok(())
}
