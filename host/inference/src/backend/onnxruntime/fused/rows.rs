//! What is done with the numbers of one token.
//!
//! Each sum, product and quotient is the one that the plain operators compute, rounded as often, so that nothing differs. All
//! is written so that a compiler computes several numbers at once: within [`wide`], as many as the processor's registers hold.

use rten_simd::{Isa, SimdOp};

/// Adding it rounds a number of at most 22 bits to a whole one, halves to the even one: behind it there is no room for a fraction.
const ROUNDS: f32 = 12_582_912.0;
/// How many numbers are compared side by side.
const LANES: usize = 16;

/// Does `work` as compiled for the widest registers that this processor has, and everything that is inlined in it.
pub(super) fn wide(work: impl FnOnce()) {
    struct Wide<F>(F);
    impl<F: FnOnce()> SimdOp for Wide<F> {
        type Output = ();

        #[inline(always)]
        fn eval<I: Isa>(self, _: I) {
            (self.0)();
        }
    }
    Wide(work).dispatch();
}

/// How numbers become integers of eight bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Eight {
    /// What a token's largest number is multiplied by to be its scale.
    pub(super) step: f32,
    /// The integer that zero becomes.
    pub(super) zero: u8,
    /// What is added to each number first; without it, the largest is the largest size.
    pub(super) shift: Option<f32>,
}

impl Eight {
    /// Writes `numbers` as integers; gives their scale. Of numbers that are all zero it is zero, and the integers are of no use to anyone.
    #[inline(always)]
    pub(super) fn quantise(self, numbers: &[f32], small: &mut [u8]) -> f32 {
        match self.shift {
            Some(shift) => {
                let scale = largest(numbers, |number| number + shift) * self.step;
                self.each(numbers, small, |number| (number + shift) / scale);
                scale
            }
            None => {
                let scale = largest(numbers, f32::abs) * self.step;
                self.each(numbers, small, |number| number / scale);
                scale
            }
        }
    }

    #[inline(always)]
    fn each(self, numbers: &[f32], small: &mut [u8], divided: impl Fn(f32) -> f32) {
        let zero = f32::from(self.zero);
        let (least, most) = (f32::from(u8::MIN) - zero, f32::from(u8::MAX) - zero);
        for (number, small) in numbers.iter().zip(small) {
            let number = divided(*number);
            // So that what is no number is the least one, as the library has it.
            let number = if number > least { number } else { least };
            let number = if number < most { number } else { most };
            let whole = (number + ROUNDS).to_bits().wrapping_sub(ROUNDS.to_bits());
            let [low, ..] = whole.wrapping_add(u32::from(self.zero)).to_le_bytes();
            *small = low;
        }
    }
}

#[inline(always)]
fn largest(numbers: &[f32], size: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = numbers.as_chunks::<LANES>();
    for chunk in whole {
        for (lane, number) in lanes.iter_mut().zip(chunk) {
            let number = size(*number);
            *lane = if number > *lane { number } else { *lane };
        }
    }
    let rest = rest.iter().map(|number| size(*number));
    let all = lanes.into_iter().chain(rest);
    all.fold(f32::NEG_INFINITY, f32::max)
}

/// The scale of each column of weights, and what is added to it: as many of one as of the other.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Columns {
    /// Writes what the sums of integers of one token stand for.
    #[inline(always)]
    pub(super) fn restore(&self, sums: &[i32], scale: f32, real: &mut [f32]) {
        let columns = self.weights.iter().zip(&self.bias);
        for ((sum, real), (weight, bias)) in sums.iter().zip(real).zip(columns) {
            *real = *sum as f32 * scale * weight + bias;
        }
    }

    /// Writes the same, with what stands beside it added.
    #[inline(always)]
    pub(super) fn restore_onto(&self, beside: &[f32], sums: &[i32], scale: f32, real: &mut [f32]) {
        let columns = self.weights.iter().zip(&self.bias);
        let tokens = sums.iter().zip(beside).zip(real);
        for (((sum, beside), real), (weight, bias)) in tokens.zip(columns) {
            *real = *sum as f32 * scale * weight + bias + beside;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_as_the_library_rounds_them() {
        let eight = Eight {
            step: 1.0 / 127.0,
            zero: 128,
            shift: None,
        };
        // Halves go to the even integer, on both sides of zero.
        let numbers = [127.0, 0.5, 1.5, 2.5, -0.5, -1.5, -127.0, 0.0, 3.49];
        let mut small = [0; 9];
        let scale = eight.quantise(&numbers, &mut small);
        assert_eq!(scale, 127.0 * (1.0 / 127.0));
        assert_eq!(small, [255, 128, 130, 130, 128, 126, 1, 128, 131]);
    }

    #[test]
    fn shifted_numbers_begin_at_zero() {
        let eight = Eight {
            step: 1.0 / 255.0,
            zero: 0,
            shift: Some(0.25),
        };
        let mut small = [9; 3];
        let scale = eight.quantise(&[-0.25, 254.75, 0.5], &mut small);
        assert_eq!((small, scale), ([0, 255, 1], 255.0 * (1.0 / 255.0)));
    }

    #[test]
    fn what_is_no_number_harms_nothing_else() {
        let eight = Eight {
            step: 1.0 / 127.0,
            zero: 128,
            shift: None,
        };
        let mut small = [9; 40];
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0] {
            let mut numbers = [0.0; 40];
            numbers[20] = odd;
            let scale = eight.quantise(&numbers, &mut small);
            assert!(scale.is_nan() || scale == 0.0 || scale == f32::INFINITY);
        }
    }

    #[test]
    fn sums_are_scaled_by_token_and_column() {
        let columns = Columns {
            weights: vec![0.5, 2.0],
            bias: vec![1.0, -1.0],
        };
        let mut real = [0.0; 2];
        columns.restore(&[6, -3], 0.1, &mut real);
        assert_eq!(real, [6.0 * 0.1 * 0.5 + 1.0, -3.0 * 0.1 * 2.0 - 1.0]);
    }
}
