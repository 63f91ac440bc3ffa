//! The element types that an ONNX file declares for its inputs and outputs, read past its weights.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use rten_onnx::onnx::{DataType, ValueInfoProto};
use rten_onnx::protobuf::{
    DecodeMessage, Fields, OwnedValues, ProtobufError, ReadValue, ValueReader,
};

/// The element types of the inputs and outputs of the graph in `file`, by name, as cards name them.
///
/// # Errors
/// Where the file cannot be read or is not an ONNX model.
pub(super) fn declared_types(file: &Path) -> Result<BTreeMap<String, String>, String> {
    let opened = File::open(file).map_err(|error| error.to_string())?;
    let model =
        DeclaredModel::decode(ValueReader::from_file(opened)).map_err(|error| error.to_string())?;
    let named = model.ports.into_iter().filter_map(|port| {
        let ty = port.r#type?.tensor_type?.elem_type?;
        Some((port.name?, name(ty)))
    });
    Ok(named.collect())
}

fn name(ty: DataType) -> String {
    match ty {
        DataType::FLOAT => "f32",
        DataType::DOUBLE => "f64",
        DataType::FLOAT16 => "f16",
        DataType::BFLOAT16 => "bf16",
        DataType::UINT8 => "u8",
        DataType::INT32 => "i32",
        DataType::INT64 => "i64",
        other => return other.name().unwrap_or("of unknown type").to_lowercase(),
    }
    .to_owned()
}

/// `ModelProto`, of which only the graph is read.
struct DeclaredModel {
    ports: Vec<ValueInfoProto>,
}

impl DecodeMessage for DeclaredModel {
    type Types = OwnedValues;

    fn decode_fields<R: ReadValue<Types = OwnedValues>>(
        mut fields: Fields<R>,
    ) -> Result<DeclaredModel, ProtobufError> {
        const GRAPH: u64 = 7;
        let mut ports = Vec::new();
        while let Some(mut field) = fields.next()? {
            match field.number() {
                GRAPH => ports = DeclaredGraph::decode_field(&mut field)?.0,
                _ => field.skip()?,
            }
        }
        Ok(DeclaredModel { ports })
    }
}

/// `GraphProto`, of which only the inputs and outputs are read.
struct DeclaredGraph(Vec<ValueInfoProto>);

impl DecodeMessage for DeclaredGraph {
    type Types = OwnedValues;

    fn decode_fields<R: ReadValue<Types = OwnedValues>>(
        mut fields: Fields<R>,
    ) -> Result<DeclaredGraph, ProtobufError> {
        const INPUT: u64 = 11;
        const OUTPUT: u64 = 12;
        let mut ports = Vec::new();
        while let Some(mut field) = fields.next()? {
            match field.number() {
                INPUT | OUTPUT => ports.push(ValueInfoProto::decode_field(&mut field)?),
                _ => field.skip()?,
            }
        }
        Ok(DeclaredGraph(ports))
    }
}
