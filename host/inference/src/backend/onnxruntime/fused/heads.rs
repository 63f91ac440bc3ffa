//! Tensors by heads of attention, and the order of their dimensions.

use std::ops::Range;

use super::shapes::sizes;

/// Of how many tokens at a time numbers are put in order: as many fit beside each other where a processor reads and writes.
pub(super) const BLOCK: usize = 16;
/// How many bits [`Order::code`] has.
pub(super) const ORDER_BITS: u32 = 2;

/// In which order the dimensions of a tensor by heads come, after the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// `[batch, tokens, heads, each]`
    TokensFirst,
    /// `[batch, heads, tokens, each]`
    HeadsFirst,
    /// `[batch, heads, each, tokens]`
    TokensLast,
}

impl Order {
    /// As a graph's attribute has it.
    pub(super) fn code(self) -> i64 {
        match self {
            Order::TokensFirst => 0,
            Order::HeadsFirst => 1,
            Order::TokensLast => 2,
        }
    }

    /// The orders of three tensors, the first in the lowest bits.
    pub(super) fn three(codes: i64) -> [Order; 3] {
        [0, 1, 2].map(|place| {
            let code = codes >> (ORDER_BITS * place) & ((1 << ORDER_BITS) - 1);
            let known = [Order::HeadsFirst, Order::TokensLast].into_iter();
            let mut known = known.filter(|order| order.code() == code);
            known.next().unwrap_or(Order::TokensFirst)
        })
    }

    /// The dimensions behind the batch.
    pub(super) fn dims<T>(self, heads: T, tokens: T, each: T) -> [T; 3] {
        match self {
            Order::TokensFirst => [tokens, heads, each],
            Order::HeadsFirst => [heads, tokens, each],
            Order::TokensLast => [heads, each, tokens],
        }
    }
}

/// The dimensions of a tensor by heads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    pub(super) batch: usize,
    pub(super) many: usize,
    pub(super) tokens: usize,
    /// Numbers of a head of a token.
    pub(super) each: usize,
}

impl Heads {
    /// Of a tensor with heads first.
    pub(super) fn of(shape: &[i64]) -> ort::Result<Heads> {
        let [batch, many, tokens, each] = sizes(shape)?;
        match many * each {
            0 => Err(ort::Error::new("heads without numbers")),
            _ => Ok(Heads {
                batch,
                many,
                tokens,
                each,
            }),
        }
    }

    /// Numbers of a token.
    pub(super) fn width(self) -> usize {
        self.many * self.each
    }

    /// The dimensions of a tensor of so many, behind the batch.
    pub(super) fn dims<const N: usize>(self, behind: [usize; N]) -> Vec<i64> {
        let dims = [self.batch].into_iter().chain(behind);
        dims.map(|dim| i64::try_from(dim).unwrap_or(i64::MAX))
            .collect()
    }

    /// The tokens of all rows in blocks: the row, and which of its tokens.
    pub(super) fn blocks(self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let starts = move || (0..self.tokens).step_by(BLOCK);
        let block = move |start: usize| start..(start + BLOCK).min(self.tokens);
        (0..self.batch).flat_map(move |row| starts().map(move |start| (row, block(start))))
    }

    /// Where the numbers of a head lie in a tensor with heads first.
    pub(super) fn part(self, row: usize, token: usize, head: usize) -> Range<usize> {
        let start = ((row * self.many + head) * self.tokens + token) * self.each;
        start..start + self.each
    }

    /// Writes these tokens of a row where they belong in `all`. `block` has a line of `stride` numbers for each, of which theirs come first.
    pub(super) fn write(
        self,
        order: Order,
        (row, tokens): (usize, Range<usize>),
        (block, stride): (&[f32], usize),
        all: &mut [f32],
    ) {
        if order == Order::TokensLast {
            for column in 0..self.width() {
                let start = (row * self.width() + column) * self.tokens;
                let there = all.get_mut(start + tokens.start..start + tokens.end);
                let here = block.get(column..).unwrap_or_default();
                let here = here.iter().step_by(stride);
                let pairs = there.unwrap_or_default().iter_mut().zip(here);
                pairs.for_each(|(there, here)| *there = *here);
            }
            return;
        }
        for (token, line) in tokens.zip(block.chunks(stride)) {
            let line = line.get(..self.width()).unwrap_or_default();
            if order == Order::TokensFirst {
                put(all, (row * self.tokens + token) * self.width(), line);
                continue;
            }
            for (head, part) in line.chunks_exact(self.each).enumerate() {
                put(all, self.part(row, token, head).start, part);
            }
        }
    }
}

fn put(all: &mut [f32], start: usize, own: &[f32]) {
    if let Some(there) = all.get_mut(start..start + own.len()) {
        there.copy_from_slice(own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2 rows of 19 tokens with 3 heads of 2, each number a name of where it belongs.
    #[test]
    fn numbers_lie_where_their_dimensions_say() {
        let heads = Heads {
            batch: 2,
            many: 3,
            tokens: 19,
            each: 2,
        };
        let named = |row: usize, token: usize, head: usize, of: usize| {
            (((row * 19 + token) * 3 + head) * 2 + of) as f32
        };
        for order in [Order::TokensFirst, Order::HeadsFirst, Order::TokensLast] {
            let mut all = vec![-1.0; 2 * 19 * 6];
            for (row, tokens) in heads.blocks() {
                // Behind the numbers of a token there are others.
                let line = |token| {
                    (0..7).map(move |at| {
                        if at < 6 {
                            named(row, token, at / 2, at % 2)
                        } else {
                            -9.0
                        }
                    })
                };
                let block: Vec<f32> = tokens.clone().flat_map(line).collect();
                heads.write(order, (row, tokens), (&block, 7), &mut all);
            }
            let strides = match order {
                Order::TokensFirst => [114, 6, 2, 1],
                Order::HeadsFirst => [114, 2, 38, 1],
                Order::TokensLast => [114, 1, 38, 19],
            };
            for (row, token, head, of) in (0..2).flat_map(|row| {
                (0..19).flat_map(move |token| (0..6).map(move |at| (row, token, at / 2, at % 2)))
            }) {
                let at = [row, token, head, of];
                let at: usize = at.iter().zip(strides).map(|(at, stride)| at * stride).sum();
                assert_eq!(all[at], named(row, token, head, of), "{order:?}");
            }
        }
    }

    #[test]
    fn orders_come_back_from_their_code() {
        let orders = [Order::HeadsFirst, Order::TokensLast, Order::TokensFirst];
        let codes = orders[0].code() | orders[1].code() << 2 | orders[2].code() << 4;
        assert_eq!(Order::three(codes), orders);
    }
}
