//! Our operators, as the library calls them.
//!
//! | operator | in the place of |
//! |---|---|
//! | `Quantise` | `Abs`, or `Add`; `ReduceMax`, `Mul`, `Div`, `QuantizeLinear` |
//! | `QuantiseHeads` | `Transpose`, `Reshape` and these |
//! | `Restore` | `Cast`, `Mul`, `Mul`, `Add` |
//! | `RestoreHeads` | these, `Split`, three of `Reshape`, and `Transpose` where one follows |
//! | [`RestoreOnto`](super::residual) | these, and one more `Add` |
//!
//! None of them panics: the library calls them through C.

use ort::operator::{
    ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput,
    ShapeInferenceContext,
};
use ort::value::{DynTensorValueType, PrimitiveTensorElementType, TensorElementType, ValueRef};

use super::heads::{BLOCK, Heads, Order};
use super::rows::{Columns, Eight, wide};
use super::shapes::{fixed, input as known, sizes, tell, unknown, width};

pub(super) const QUANTISE: &str = "Quantise";
pub(super) const QUANTISE_HEADS: &str = "QuantiseHeads";
pub(super) const RESTORE: &str = "Restore";
pub(super) const RESTORE_HEADS: &str = "RestoreHeads";
/// Attribute: how many heads attention has.
pub(super) const HEADS: &str = "heads";
/// Attribute: the [`Order`] of each output, as one number.
pub(super) const ORDERS: &str = "orders";

/// `[…, width]` of fractions as integers of eight bits of the same shape, and the scale of each token, `[…, 1]`. Further inputs are constant:
/// what the largest number is multiplied by, the integer that zero becomes, and, if any, what is added first.
pub(super) struct Quantise;

impl Operator for Quantise {
    type Kernel<'attr> = Quantising;

    fn name(&self) -> &str {
        QUANTISE
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let [value, step, zero] = quantised();
        let shift = OperatorInput::optional(TensorElementType::Float32);
        [value, step, zero, shift]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        integers()
    }

    fn infer_shape(&self, of: &mut ShapeInferenceContext) -> ort::Result<()> {
        let Some(dims) = known(of, 0) else {
            return Ok(());
        };
        let mut one_each = dims.clone();
        if let Some(last) = one_each.last_mut() {
            *last = fixed(1);
        }
        tell(of, 0, TensorElementType::Uint8, dims)?;
        tell(of, 1, TensorElementType::Float32, one_each)
    }

    fn create_kernel<'attr>(&self, info: &KernelContext<'attr>) -> ort::Result<Quantising> {
        let shift = match info.inputs()?.len() {
            4 => Some(number(info, 3)?),
            _ => None,
        };
        Ok(Quantising(eight(info, shift)?))
    }
}

/// The same of `[batch, heads, tokens, each]`, whose heads are put side by side: integers of `[batch, tokens, heads · each]`.
pub(super) struct QuantiseHeads;

impl Operator for QuantiseHeads {
    type Kernel<'attr> = QuantisingHeads;

    fn name(&self) -> &str {
        QUANTISE_HEADS
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        quantised()
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        integers()
    }

    fn infer_shape(&self, of: &mut ShapeInferenceContext) -> ort::Result<()> {
        let dims = known(of, 0).and_then(|dims| <[_; 4]>::try_from(dims).ok());
        let Some([batch, (heads, _), tokens, (each, _)]) = dims else {
            return Ok(());
        };
        let width = heads.checked_mul(each);
        let width = width.filter(|_| heads > 0 && each > 0);
        let joined = vec![
            batch.clone(),
            tokens.clone(),
            width.map_or_else(unknown, fixed),
        ];
        tell(of, 0, TensorElementType::Uint8, joined)?;
        tell(
            of,
            1,
            TensorElementType::Float32,
            vec![batch, tokens, fixed(1)],
        )
    }

    fn create_kernel<'attr>(&self, info: &KernelContext<'attr>) -> ort::Result<QuantisingHeads> {
        Ok(QuantisingHeads {
            eight: eight(info, None)?,
            token: Vec::new(),
        })
    }
}

fn quantised() -> [OperatorInput; 3] {
    use TensorElementType::{Float32, Uint8};
    [Float32, Float32, Uint8].map(OperatorInput::required)
}

fn integers() -> [OperatorOutput; 2] {
    use TensorElementType::{Float32, Uint8};
    [Uint8, Float32].map(OperatorOutput::required)
}

fn eight(info: &KernelContext<'_>, shift: Option<f32>) -> ort::Result<Eight> {
    Ok(Eight {
        step: number(info, 1)?,
        zero: number(info, 2)?,
        shift,
    })
}

pub(super) struct Quantising(Eight);

impl Kernel for Quantising {
    fn compute(&mut self, run: &ComputeContext) -> ort::Result<()> {
        let value = input(run, 0)?;
        let (shape, numbers) = value.try_extract_tensor::<f32>()?;
        let width = width(shape)?;
        let mut one_each = shape.to_vec();
        if let Some(last) = one_each.last_mut() {
            *last = 1;
        }
        let mut small = run.output(0, shape.to_vec())?.ok_or_else(lacking)?;
        let (_, small) = small.try_extract_tensor_mut::<u8>()?;
        let mut scales = run.output(1, one_each)?.ok_or_else(lacking)?;
        let (_, scales) = scales.try_extract_tensor_mut::<f32>()?;
        let tokens = numbers
            .chunks_exact(width)
            .zip(small.chunks_exact_mut(width));
        wide(
            #[inline(always)]
            || {
                for ((numbers, small), scale) in tokens.zip(scales) {
                    *scale = self.0.quantise(numbers, small);
                }
            },
        );
        Ok(())
    }
}

pub(super) struct QuantisingHeads {
    eight: Eight,
    /// One token's numbers, side by side.
    token: Vec<f32>,
}

impl Kernel for QuantisingHeads {
    fn compute(&mut self, run: &ComputeContext) -> ort::Result<()> {
        let value = input(run, 0)?;
        let (shape, numbers) = value.try_extract_tensor::<f32>()?;
        let heads = Heads::of(shape)?;
        let dims = |width: usize| heads.dims([heads.tokens, width]);
        let mut small = run.output(0, dims(heads.width()))?.ok_or_else(lacking)?;
        let (_, small) = small.try_extract_tensor_mut::<u8>()?;
        let mut scales = run.output(1, dims(1))?.ok_or_else(lacking)?;
        let (_, scales) = scales.try_extract_tensor_mut::<f32>()?;
        let each = small.chunks_exact_mut(heads.width()).zip(scales);
        let places =
            (0..heads.batch).flat_map(|row| (0..heads.tokens).map(move |token| (row, token)));
        wide(
            #[inline(always)]
            || {
                for ((row, token), (small, scale)) in places.zip(each) {
                    self.token.clear();
                    for head in 0..heads.many {
                        let part = numbers.get(heads.part(row, token, head));
                        self.token.extend_from_slice(part.unwrap_or_default());
                    }
                    *scale = self.eight.quantise(&self.token, small);
                }
            },
        );
        Ok(())
    }
}

/// Sums of integers, `[…, width]`, and the scale of each token, as fractions of the same shape. Further inputs are constant, `[width]`: the scale of each
/// column, and what is added to it.
pub(super) struct Restore;

impl Operator for Restore {
    type Kernel<'attr> = Restoring;

    fn name(&self) -> &str {
        RESTORE
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        sums()
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn infer_shape(&self, of: &mut ShapeInferenceContext) -> ort::Result<()> {
        match known(of, 0) {
            Some(dims) => tell(of, 0, TensorElementType::Float32, dims),
            None => Ok(()),
        }
    }

    fn create_kernel<'attr>(&self, info: &KernelContext<'attr>) -> ort::Result<Restoring> {
        columns(info).map(Restoring)
    }
}

/// The same of `[batch, tokens, width]` as three tensors by heads, each in its [`Order`].
pub(super) struct RestoreHeads;

impl Operator for RestoreHeads {
    type Kernel<'attr> = RestoringHeads;

    fn name(&self) -> &str {
        RESTORE_HEADS
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        sums()
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [TensorElementType::Float32; 3].map(OperatorOutput::required)
    }

    fn infer_shape(&self, of: &mut ShapeInferenceContext) -> ort::Result<()> {
        let dims = known(of, 0).and_then(|dims| <[_; 3]>::try_from(dims).ok());
        let Some([batch, tokens, (width, _)]) = dims else {
            return Ok(());
        };
        let (heads, orders) = (of.attr::<i64>(HEADS)?, of.attr::<i64>(ORDERS)?);
        let each = width
            .checked_div(heads.saturating_mul(3))
            .filter(|_| width > 0);
        let (heads, each) = (fixed(heads), each.map_or_else(unknown, fixed));
        for (place, order) in Order::three(orders).into_iter().enumerate() {
            let behind = order.dims(heads.clone(), tokens.clone(), each.clone());
            let dims = [batch.clone()].into_iter().chain(behind).collect();
            tell(of, place, TensorElementType::Float32, dims)?;
        }
        Ok(())
    }

    fn create_kernel<'attr>(&self, info: &KernelContext<'attr>) -> ort::Result<RestoringHeads> {
        let attribute = |name: &str| info.get::<i64>(name).ok_or_else(lacking);
        let (columns, orders) = (columns(info)?, attribute(ORDERS)?);
        let heads = usize::try_from(attribute(HEADS)?).unwrap_or(0);
        let parts = heads.saturating_mul(3);
        match columns.weights.len().checked_rem(parts) {
            Some(0) => Ok(RestoringHeads {
                block: vec![0.0; columns.weights.len() * BLOCK],
                each: columns.weights.len() / parts,
                columns,
                heads,
                orders: Order::three(orders),
            }),
            _ => Err(ort::Error::new("heads do not divide what they are of")),
        }
    }
}

pub(super) fn sums() -> [OperatorInput; 4] {
    use TensorElementType::{Float32, Int32};
    [Int32, Float32, Float32, Float32].map(OperatorInput::required)
}

pub(super) fn columns(info: &KernelContext<'_>) -> ort::Result<Columns> {
    let (weights, bias) = (line(info, 2)?, line(info, 3)?);
    match weights.len() == bias.len() && !weights.is_empty() {
        true => Ok(Columns { weights, bias }),
        false => Err(ort::Error::new("scales and biases are not as many")),
    }
}

pub(super) struct Restoring(Columns);

impl Kernel for Restoring {
    fn compute(&mut self, run: &ComputeContext) -> ort::Result<()> {
        let (sums, scales) = (input(run, 0)?, input(run, 1)?);
        let (shape, sums) = sums.try_extract_tensor::<i32>()?;
        let (_, scales) = scales.try_extract_tensor::<f32>()?;
        let width = as_wide_as(shape, &self.0)?;
        let mut real = run.output(0, shape.to_vec())?.ok_or_else(lacking)?;
        let (_, real) = real.try_extract_tensor_mut::<f32>()?;
        let tokens = sums.chunks_exact(width).zip(real.chunks_exact_mut(width));
        wide(
            #[inline(always)]
            || {
                for ((sums, real), scale) in tokens.zip(scales) {
                    self.0.restore(sums, *scale, real);
                }
            },
        );
        Ok(())
    }
}

pub(super) struct RestoringHeads {
    columns: Columns,
    heads: usize,
    /// How many numbers a head has of a token.
    each: usize,
    orders: [Order; 3],
    /// The numbers of some tokens, a line for each.
    block: Vec<f32>,
}

impl Kernel for RestoringHeads {
    fn compute(&mut self, run: &ComputeContext) -> ort::Result<()> {
        let (sums, scales) = (input(run, 0)?, input(run, 1)?);
        let (shape, sums) = sums.try_extract_tensor::<i32>()?;
        let (_, scales) = scales.try_extract_tensor::<f32>()?;
        let width = as_wide_as(shape, &self.columns)?;
        let [batch, tokens, _] = sizes(shape)?;
        let heads = Heads {
            batch,
            many: self.heads,
            tokens,
            each: self.each,
        };
        let output = |place: usize, order: Order| {
            let dims = order.dims(heads.many, heads.tokens, heads.each);
            run.output(place, heads.dims(dims))?.ok_or_else(lacking)
        };
        let [first, second, third] = self.orders;
        let (mut first, mut second, mut third) =
            (output(0, first)?, output(1, second)?, output(2, third)?);
        let mut parts = [
            first.try_extract_tensor_mut::<f32>()?.1,
            second.try_extract_tensor_mut::<f32>()?.1,
            third.try_extract_tensor_mut::<f32>()?.1,
        ];
        let mut each = sums.chunks_exact(width).zip(scales);
        for (row, tokens) in heads.blocks() {
            let lines = self.block.chunks_exact_mut(width);
            wide(
                #[inline(always)]
                || {
                    for (line, (sums, scale)) in lines.zip(each.by_ref().take(tokens.len())) {
                        self.columns.restore(sums, *scale, line);
                    }
                },
            );
            for (number, (part, order)) in parts.iter_mut().zip(self.orders).enumerate() {
                let own = self.block.get(number * heads.width()..).unwrap_or_default();
                heads.write(order, (row, tokens.clone()), (own, width), part);
            }
        }
        Ok(())
    }
}

pub(super) fn input(run: &ComputeContext, place: usize) -> ort::Result<ValueRef<'_>> {
    run.input(place)?.ok_or_else(lacking)
}

pub(super) fn lacking() -> ort::Error {
    ort::Error::new("an input, output or attribute is not there")
}

pub(super) fn as_wide_as(shape: &[i64], columns: &Columns) -> ort::Result<usize> {
    let width = width(shape)?;
    match width == columns.weights.len() {
        true => Ok(width),
        false => Err(ort::Error::new("a product is not as wide as its scales")),
    }
}

/// The one number of a constant input.
fn number<T: PrimitiveTensorElementType + Copy + std::fmt::Debug>(
    info: &KernelContext<'_>,
    place: usize,
) -> ort::Result<T> {
    line(info, place)?.first().copied().ok_or_else(lacking)
}

/// The numbers of a constant input.
fn line<T: PrimitiveTensorElementType + Copy + std::fmt::Debug>(
    info: &KernelContext<'_>,
    place: usize,
) -> ort::Result<Vec<T>> {
    let value = info.constant_input::<DynTensorValueType>(place)?;
    let (_, numbers) = value.try_extract_tensor::<T>()?;
    Ok(numbers.to_vec())
}
