//! `RestoreOnto`: a product as fractions, added to what stands beside it, as residual connections are.

use std::iter::zip;

use ort::operator::{
    ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput,
    ShapeInferenceContext,
};
use ort::value::TensorElementType;

use super::rows::{Columns, wide};
use super::shapes::{input as known, meet, met, repeated, tell};
use super::steps::{as_wide_as, columns, input, lacking, sums};

pub(super) const RESTORE_ONTO: &str = "RestoreOnto";

/// What [`Restore`](super::steps::Restore) is given, and fractions to add: of the same shape, or of one that meets it, as ONNX says.
pub(super) struct RestoreOnto;

impl Operator for RestoreOnto {
    type Kernel<'attr> = RestoringOnto;

    fn name(&self) -> &str {
        RESTORE_ONTO
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let beside = OperatorInput::required(TensorElementType::Float32);
        sums().into_iter().chain([beside])
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn infer_shape(&self, of: &mut ShapeInferenceContext) -> ort::Result<()> {
        match (known(of, 0), known(of, 4)) {
            (Some(sums), Some(beside)) => {
                tell(of, 0, TensorElementType::Float32, meet(sums, beside))
            }
            _ => Ok(()),
        }
    }

    fn create_kernel<'attr>(&self, info: &KernelContext<'attr>) -> ort::Result<RestoringOnto> {
        columns(info).map(RestoringOnto)
    }
}

pub(super) struct RestoringOnto(Columns);

impl Kernel for RestoringOnto {
    fn compute(&mut self, run: &ComputeContext) -> ort::Result<()> {
        let (sums, scales, beside) = (input(run, 0)?, input(run, 1)?, input(run, 4)?);
        let (shape, sums) = sums.try_extract_tensor::<i32>()?;
        let (_, scales) = scales.try_extract_tensor::<f32>()?;
        let (other, beside) = beside.try_extract_tensor::<f32>()?;
        let width = as_wide_as(shape, &self.0)?;
        let all = met(shape, other).ok_or_else(|| {
            let said = format!("sums of {shape:?} and fractions of {other:?} do not meet");
            ort::Error::new(said)
        })?;
        let mut real = run.output(0, all.clone())?.ok_or_else(lacking)?;
        let (_, real) = real.try_extract_tensor_mut::<f32>()?;
        let tokens = zip(sums.chunks_exact(width), scales);
        if shape[..] == other[..] {
            let lines = zip(beside.chunks_exact(width), real.chunks_exact_mut(width));
            wide(
                #[inline(always)]
                || {
                    for ((sums, scale), (beside, real)) in zip(tokens, lines) {
                        self.0.restore_onto(beside, sums, *scale, real);
                    }
                },
            );
            return Ok(());
        }
        let mut restored = vec![0.0; sums.len()];
        for ((sums, scale), line) in zip(tokens, restored.chunks_exact_mut(width)) {
            self.0.restore(sums, *scale, line);
        }
        let restored = repeated(&restored, shape, &all);
        for (real, (restored, beside)) in zip(real, zip(restored, repeated(beside, other, &all))) {
            *real = restored + beside;
        }
        Ok(())
    }
}
