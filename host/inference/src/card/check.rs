//! From a card as written to a card that holds together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use half::{bf16, f16};
use semver::Version;

use super::generation::{self, Generative};
use super::raw::{Pad, RawBatch, RawCard, RawFile, RawPort};
use super::{BatchAxes, Card, CardFile, Dim, Format, Port};
use crate::device::Accelerator;
use crate::tensor::{ElementType, MAX_RANK};

/// A key whose value does not hold, and why.
pub(super) struct Finding {
    pub(super) key: String,
    pub(super) message: String,
}

pub(super) fn finding<T>(key: impl Into<String>, message: impl Into<String>) -> Result<T, Finding> {
    Err(Finding {
        key: key.into(),
        message: message.into(),
    })
}

/// Checks everything that can be checked without opening another file.
pub(super) fn check(mut raw: RawCard) -> Result<Card, Finding> {
    if raw.schema != 1 {
        return finding(
            "schema",
            format!("`{}` is not known here; this version reads `1`", raw.schema),
        );
    }
    check_name(&raw.name)?;
    let version = Version::parse(&raw.version).or_else(|error| {
        finding(
            "version",
            format!(
                "`{}` is not a version ({error}); write three numbers, such as `1.0.0`",
                raw.version
            ),
        )
    })?;
    if raw.format != Format::Stub && raw.stub.is_some() {
        return finding(
            "stub",
            format!(
                "belongs to format `stub`, and this card's format is `{}`; remove it",
                raw.format.name()
            ),
        );
    }
    let files = files(std::mem::take(&mut raw.files), raw.format)?;
    let Generative {
        generation,
        adapters,
    } = generation::check(&mut raw, &files)?;
    let length = raw.batch.as_ref().and_then(|batch| batch.length.clone());
    let (inputs, outputs) = match &generation {
        Some(_) => (generation::inputs(), generation::outputs()),
        None => (
            ports("inputs", raw.inputs, length.as_deref())?,
            ports("outputs", raw.outputs, None)?,
        ),
    };
    let batch = raw
        .batch
        .map(|batch| batch_axes(batch, &inputs, &outputs))
        .transpose()?;
    check_lengths("limits", &raw.limits, &inputs)?;
    check_lengths("warm_up", &raw.warm_up, &inputs)?;
    check_warm_up(&raw.warm_up, &raw.limits)?;
    Ok(Card {
        files,
        name: raw.name,
        version,
        summary: raw.summary,
        licence: raw.licence,
        source: raw.source,
        format: raw.format,
        inputs,
        outputs,
        batch,
        limits: raw.limits,
        warm_up: raw.warm_up,
        stub: raw.stub.unwrap_or_default(),
        generation,
        adapters,
        adapter: None,
        digest: String::new(),
        dir: PathBuf::new(),
        pulled: None,
    })
}

fn check_name(name: &str) -> Result<(), Finding> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(fits) {
        return finding(
            "name",
            format!("`{name}` is not a model's name; use lower-case letters, digits and `-`"),
        );
    }
    Ok(())
}

fn files(raw: Vec<RawFile>, format: Format) -> Result<Vec<CardFile>, Finding> {
    let mut files = Vec::with_capacity(raw.len());
    for (index, file) in raw.into_iter().enumerate() {
        let inside = |c: Component<'_>| matches!(c, Component::Normal(_));
        if file.path.is_empty() || !Path::new(&file.path).components().all(inside) {
            return finding(
                format!("files[{index}].path"),
                format!(
                    "`{}` leaves the model's folder; write a path inside it",
                    file.path
                ),
            );
        }
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if file.sha256.len() != 64 || !file.sha256.chars().all(hex) {
            return finding(
                format!("files[{index}].sha256"),
                format!(
                    "`{}` is not a digest; write 64 lower-case hexadecimal digits, as `sha256sum` prints them",
                    file.sha256
                ),
            );
        }
        files.push(CardFile {
            path: file.path,
            sha256: file.sha256,
            bytes: file.bytes,
            from: file.from,
            devices: file.devices,
        });
    }
    if format == Format::Onnx {
        check_graphs(&files)?;
    }
    Ok(files)
}

/// One graph for every device, and one at most for each of those that may have their own.
fn check_graphs(files: &[CardFile]) -> Result<(), Finding> {
    let graphs = || files.iter().filter(|file| file.is_graph());
    let count = graphs().filter(|file| file.devices.is_empty()).count();
    if count != 1 {
        return finding(
            "files",
            format!(
                "format `onnx` needs exactly one file that ends in `.onnx` and has no key `devices`, and `{count}` are listed"
            ),
        );
    }
    for kind in [Accelerator::Cuda, Accelerator::WebGpu] {
        let own: Vec<_> = graphs()
            .filter(|file| file.devices.contains(&kind))
            .map(|file| format!("`{}`", file.path))
            .collect();
        if own.len() > 1 {
            return finding(
                "files",
                format!(
                    "{} are all for `{}`, which runs one graph; take it out of the `devices` of the others",
                    own.join(", "),
                    kind.name()
                ),
            );
        }
    }
    Ok(())
}

fn ports(
    side: &str,
    raw: BTreeMap<String, RawPort>,
    length: Option<&str>,
) -> Result<BTreeMap<String, Port>, Finding> {
    if raw.is_empty() {
        return finding(
            side,
            format!("a model has at least one; add a table `[{side}.NAME]`"),
        );
    }
    raw.into_iter()
        .map(|(name, port)| {
            Ok((
                name.clone(),
                self::port(&format!("{side}.{name}"), port, length)?,
            ))
        })
        .collect()
}

fn port(key: &str, raw: RawPort, length: Option<&str>) -> Result<Port, Finding> {
    let dims_key = format!("{key}.dims");
    if raw.dims.is_empty() || raw.dims.len() > MAX_RANK {
        return finding(
            dims_key,
            format!(
                "a tensor has 1 to {MAX_RANK} dimensions, and `{}` are given",
                raw.dims.len()
            ),
        );
    }
    let mut seen = BTreeSet::new();
    for dim in &raw.dims {
        match dim {
            Dim::Fixed(0) => {
                return finding(
                    dims_key,
                    "a dimension of `0` holds nothing; write its size, or a name where it is free",
                );
            }
            Dim::Free(name) if name.is_empty() || !seen.insert(name.clone()) => {
                return finding(
                    dims_key,
                    format!("the free axis `{name}` must have a name, and occur once in a tensor"),
                );
            }
            Dim::Fixed(_) | Dim::Free(_) => {}
        }
    }
    check_labels(key, &raw)?;
    let padded = length.is_some_and(|axis| seen.contains(axis));
    if raw.pad.is_some() && !padded {
        return finding(
            format!("{key}.pad"),
            "only an input that has the axis `batch.length` is padded; remove it",
        );
    }
    let pad = encode(raw.ty, raw.pad.unwrap_or(Pad::Whole(0))).or_else(|()| {
        finding(
            format!("{key}.pad"),
            format!(
                "the value does not fit type `{}` exactly; write one that does",
                raw.ty
            ),
        )
    })?;
    Ok(Port {
        ty: raw.ty,
        dims: raw.dims,
        labels: raw.labels,
        pad,
    })
}

fn check_labels(key: &str, raw: &RawPort) -> Result<(), Finding> {
    if raw.labels.is_empty() {
        return Ok(());
    }
    match raw.dims.last() {
        Some(Dim::Fixed(size)) if usize::try_from(*size) == Ok(raw.labels.len()) => Ok(()),
        last => finding(
            format!("{key}.labels"),
            format!(
                "`{}` labels are given, and the last dimension is `{}`; there is one label for each place along it",
                raw.labels.len(),
                last.map(Dim::to_string).unwrap_or_default()
            ),
        ),
    }
}

fn batch_axes(
    raw: RawBatch,
    inputs: &BTreeMap<String, Port>,
    outputs: &BTreeMap<String, Port>,
) -> Result<BatchAxes, Finding> {
    for (side, ports) in [("inputs", inputs), ("outputs", outputs)] {
        for (name, port) in ports {
            if port.position(&raw.axis) != Some(0) {
                return finding(
                    "batch.axis",
                    format!(
                        "`{}` must be the first dimension of every tensor, and `{side}.{name}` is `{}`",
                        raw.axis,
                        port.show_dims()
                    ),
                );
            }
        }
    }
    if let Some(length) = &raw.length
        && (*length == raw.axis || !inputs.values().any(|port| port.position(length).is_some()))
    {
        return finding(
            "batch.length",
            format!(
                "no input has the axis `{length}` beside `{}`; name one that an input has",
                raw.axis
            ),
        );
    }
    if raw.max == 0 {
        return finding("batch.max", "`0` rows would never run; write at least `1`");
    }
    Ok(BatchAxes {
        axis: raw.axis,
        length: raw.length,
        max: raw.max as usize,
    })
}

/// The table `key` gives free axes of inputs a length.
fn check_lengths(
    key: &str,
    lengths: &BTreeMap<String, u32>,
    inputs: &BTreeMap<String, Port>,
) -> Result<(), Finding> {
    for (axis, length) in lengths {
        if !inputs.values().any(|port| port.position(axis).is_some()) {
            return finding(
                format!("{key}.{axis}"),
                format!("no input has a free axis `{axis}`; name one that an input has"),
            );
        }
        if *length == 0 {
            return finding(
                format!("{key}.{axis}"),
                match key {
                    "limits" => "`0` would refuse everything; write at least `1`",
                    _ => "`0` holds nothing; write at least `1`",
                },
            );
        }
    }
    Ok(())
}

fn check_warm_up(
    warm_up: &BTreeMap<String, u32>,
    limits: &BTreeMap<String, u32>,
) -> Result<(), Finding> {
    for (axis, length) in warm_up {
        if let Some(most) = limits.get(axis).filter(|most| length > *most) {
            return finding(
                format!("warm_up.{axis}"),
                format!(
                    "`{length}` is more than `limits.{axis}`, `{most}`; write no more than that"
                ),
            );
        }
    }
    Ok(())
}

/// The little-endian bytes of `pad` as `ty`, where it has exactly that value.
fn encode(ty: ElementType, pad: Pad) -> Result<Vec<u8>, ()> {
    let fraction = match pad {
        #[allow(
            clippy::cast_precision_loss,
            reason = "compared with the whole number below"
        )]
        Pad::Whole(value) => value as f64,
        Pad::Fraction(value) => value,
    };
    let whole = match pad {
        Pad::Whole(value) => Ok(value),
        Pad::Fraction(_) => Err(()),
    };
    let exact = |back: f64| if back == fraction { Ok(()) } else { Err(()) };
    Ok(match ty {
        ElementType::U8 => u8::try_from(whole?).map_err(drop)?.to_le_bytes().to_vec(),
        ElementType::I32 => i32::try_from(whole?).map_err(drop)?.to_le_bytes().to_vec(),
        ElementType::I64 => whole?.to_le_bytes().to_vec(),
        ElementType::F64 => fraction.to_le_bytes().to_vec(),
        #[allow(
            clippy::cast_possible_truncation,
            reason = "whether it was exact is checked"
        )]
        ElementType::F32 => {
            exact(f64::from(fraction as f32))?;
            (fraction as f32).to_le_bytes().to_vec()
        }
        ElementType::F16 => {
            exact(f16::from_f64(fraction).to_f64())?;
            f16::from_f64(fraction).to_le_bytes().to_vec()
        }
        ElementType::Bf16 => {
            exact(bf16::from_f64(fraction).to_f64())?;
            bf16::from_f64(fraction).to_le_bytes().to_vec()
        }
    })
}
