//! As much of ONNX's messages as rewriting looks at (`onnx.proto`, IR version 8 to 13). What it does not look at is kept as bytes.

use bytes::Bytes;
use prost::Message;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Model {
    #[prost(int64, optional, tag = "1")]
    pub(super) ir_version: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub(super) producer_name: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(super) producer_version: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(super) domain: Option<String>,
    #[prost(int64, optional, tag = "5")]
    pub(super) model_version: Option<i64>,
    #[prost(string, optional, tag = "6")]
    pub(super) doc_string: Option<String>,
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub(super) opset_import: Vec<Opset>,
    #[prost(bytes = "bytes", repeated, tag = "14")]
    pub(super) metadata: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "20")]
    pub(super) training: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "25")]
    pub(super) functions: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "26")]
    pub(super) configurations: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Opset {
    #[prost(string, optional, tag = "1")]
    pub(super) domain: Option<String>,
    #[prost(int64, optional, tag = "2")]
    pub(super) version: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(super) nodes: Vec<Node>,
    #[prost(string, optional, tag = "2")]
    pub(super) name: Option<String>,
    /// Each a [`Tensor`].
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub(super) initializers: Vec<Bytes>,
    #[prost(string, optional, tag = "10")]
    pub(super) doc_string: Option<String>,
    #[prost(bytes = "bytes", repeated, tag = "11")]
    pub(super) inputs: Vec<Bytes>,
    /// Each a [`Named`].
    #[prost(bytes = "bytes", repeated, tag = "12")]
    pub(super) outputs: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "13")]
    pub(super) value_infos: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "14")]
    pub(super) quantizations: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "15")]
    pub(super) sparse_initializers: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "16")]
    pub(super) metadata: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(super) inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) outputs: Vec<String>,
    #[prost(string, optional, tag = "3")]
    pub(super) name: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(super) operator: Option<String>,
    /// Each an [`Attribute`].
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub(super) attributes: Vec<Bytes>,
    #[prost(string, optional, tag = "6")]
    pub(super) doc_string: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub(super) domain: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub(super) overload: Option<String>,
    #[prost(bytes = "bytes", repeated, tag = "9")]
    pub(super) metadata: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "10")]
    pub(super) configurations: Vec<Bytes>,
}

/// The parts of an attribute that are read, and those of our own that are written.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Attribute {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(int64, optional, tag = "3")]
    pub(super) int: Option<i64>,
    /// A graph: what its nodes read of the graph around it is not seen here.
    #[prost(bytes = "bytes", optional, tag = "6")]
    pub(super) graph: Option<Bytes>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub(super) ints: Vec<i64>,
    #[prost(bytes = "bytes", repeated, tag = "11")]
    pub(super) graphs: Vec<Bytes>,
    /// 2: a whole number.
    #[prost(int32, optional, tag = "20")]
    pub(super) kind: Option<i32>,
}

/// The parts of a constant tensor that are read; it is never written.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Tensor {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub(super) dims: Vec<i64>,
    #[prost(int32, optional, tag = "2")]
    pub(super) element: Option<i32>,
    #[prost(string, optional, tag = "8")]
    pub(super) name: Option<String>,
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub(super) raw: Option<Bytes>,
    /// 1: the content lies in another file.
    #[prost(int32, optional, tag = "14")]
    pub(super) location: Option<i32>,
}

/// Whatever has a name as its first field.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Named {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
}

impl Named {
    /// The name of what `bytes` hold.
    pub(super) fn of(bytes: &Bytes) -> Option<String> {
        Named::decode(bytes.clone()).ok()?.name
    }
}
