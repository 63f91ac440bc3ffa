//! How near a sentence is to the rest of its thread, by the vectors' products.

use crate::sentences::Sentence;

/// The features that this module gives.
pub(super) const COUNT: usize = 8;

/// The products of all vectors with one another, and with the subject's.
pub(crate) struct Likeness {
    count: usize,
    products: Vec<f32>,
    title: Vec<f32>,
}

impl Likeness {
    /// Of vectors of the given width, one after the other, and the subject's, where there is one.
    pub(crate) fn new(vectors: &[f32], width: usize, title: Option<&[f32]>) -> Self {
        let rows: Vec<_> = vectors.chunks_exact(width.max(1)).collect();
        let mut products = vec![0.0; rows.len() * rows.len()];
        for (one, left) in rows.iter().enumerate() {
            for (other, right) in rows.iter().enumerate().take(one + 1) {
                let product = dot(left, right);
                for at in [one * rows.len() + other, other * rows.len() + one] {
                    if let Some(place) = products.get_mut(at) {
                        *place = product;
                    }
                }
            }
        }
        let title = match title {
            Some(title) => rows.iter().map(|row| dot(row, title)).collect(),
            None => vec![0.0; rows.len()],
        };
        Self::of_products(products, title)
    }

    /// Of the products themselves, and those with the subject's vector.
    pub(crate) fn of_products(products: Vec<f32>, title: Vec<f32>) -> Self {
        Self {
            count: title.len(),
            products,
            title,
        }
    }

    /// The products of one vector with all.
    pub(crate) fn row(&self, index: usize) -> &[f32] {
        let start = index.saturating_mul(self.count);
        self.products
            .get(start..start + self.count)
            .unwrap_or_default()
    }

    /// The product with the mean, at length one, of the sentences that `among` holds.
    fn mean(&self, index: usize, among: &[bool]) -> f32 {
        let of = |index: usize| {
            let row = self.row(index).iter().zip(among);
            row.filter(|(_, among)| **among)
                .map(|(product, _)| product)
                .sum::<f32>()
        };
        let held = among.iter().enumerate().filter(|(_, among)| **among);
        let length = held
            .map(|(index, _)| of(index))
            .sum::<f32>()
            .max(0.0)
            .sqrt();
        of(index) / length.max(1e-9)
    }

    /// The products with other sentences, none below zero, by their indices.
    fn others(&self, index: usize) -> impl Iterator<Item = (usize, f32)> {
        let row = self.row(index).iter().enumerate();
        row.filter(move |(other, _)| *other != index)
            .map(|(other, product)| (other, product.max(0.0)))
    }
}

/// The product of two vectors. In as many sums at once as a processor adds side by side: one sum waits for itself at every step.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    const SUMS: usize = 8;
    let mut sums = [0.0; SUMS];
    let (lefts, rights) = (left.chunks(SUMS), right.chunks(SUMS));
    for (left, right) in lefts.zip(rights) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    sums.iter().sum()
}

pub(super) fn rows(sentences: &[Sentence], likeness: &Likeness) -> Vec<[f32; COUNT]> {
    let among = |holds: &dyn Fn(usize) -> bool| -> Vec<bool> {
        sentences.iter().map(|s| holds(s.message)).collect()
    };
    let (all, first) = (among(&|_| true), among(&|message| message == 0));
    let greatest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max);
    let row = |(index, sentence): (usize, &Sentence)| {
        let others = || likeness.others(index);
        let elsewhere = |other: &usize| {
            sentences
                .get(*other)
                .is_some_and(|s| s.message != sentence.message)
        };
        [
            likeness.mean(index, &all),
            others().map(|(_, product)| product).sum::<f32>()
                / sentences.len().saturating_sub(1).max(1) as f32,
            likeness.mean(index, &first),
            likeness.row(index).first().copied().unwrap_or_default(),
            likeness.mean(index, &among(&|message| message == sentence.message)),
            greatest(&mut others().filter(|(other, _)| *other < index).map(|(_, p)| p)),
            greatest(
                &mut others()
                    .filter(|(other, _)| elsewhere(other))
                    .map(|(_, p)| p),
            ),
            likeness.title.get(index).copied().unwrap_or_default(),
        ]
    };
    sentences.iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_two_vectors_have_one_product() {
        // Of a width that is no multiple of the sums.
        let vectors: Vec<f32> = (0..3 * 11).map(|at| at as f32 / 8.0 - 2.0).collect();
        let title: Vec<f32> = (0..11).map(|at| 1.0 - at as f32 / 4.0).collect();
        let likeness = Likeness::new(&vectors, 11, Some(&title));
        let plain = |left: &[f32], right: &[f32]| -> f32 {
            left.iter().zip(right).map(|(a, b)| a * b).sum()
        };
        for (one, left) in vectors.chunks(11).enumerate() {
            for (other, right) in vectors.chunks(11).enumerate() {
                assert!((likeness.row(one)[other] - plain(left, right)).abs() < 1e-4);
            }
            assert!((likeness.title[one] - plain(left, &title)).abs() < 1e-4);
        }
    }

    #[test]
    fn one_sentence_alone_has_no_others() {
        let likeness = Likeness::new(&[0.6, 0.8], 2, Some(&[1.0, 0.0]));
        let sentence = Sentence::of("The lamp is broken.", 0).unwrap();
        let [centroid, degree, .., title] = rows(&[sentence], &likeness)[0];
        assert!((centroid - 1.0).abs() < 1e-6);
        assert_eq!(degree, 0.0);
        assert_eq!(title, 0.6);
    }
}
