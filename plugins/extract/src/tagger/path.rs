//! The likeliest tags of a row of words, among those that may follow each other: `I-X` goes on with `B-X` or `I-X` alone.

/// The best path through the words' scores: for each word the place of its label.
pub(super) fn best(words: &[&[f32]], labels: &[String]) -> Vec<usize> {
    let Some((first, rest)) = words.split_first() else {
        return Vec::new();
    };
    let begins = |label: usize| !labels.get(label).is_some_and(|name| name.starts_with("I-"));
    let score = |row: &[f32], label: usize| row.get(label).map_or(f32::MIN, |p| p.max(1e-9).ln());
    let mut paths: Vec<f32> = (0..labels.len())
        .map(|label| {
            if begins(label) {
                score(first, label)
            } else {
                f32::NEG_INFINITY
            }
        })
        .collect();
    let mut back: Vec<Vec<usize>> = Vec::with_capacity(rest.len());
    for row in rest {
        let (any, _) = greatest(paths.iter().copied().enumerate());
        let from: Vec<usize> = (0..labels.len())
            .map(|label| {
                if begins(label) {
                    any
                } else {
                    greatest(within(&paths, labels, label)).0
                }
            })
            .collect();
        paths = from
            .iter()
            .enumerate()
            .map(|(label, before)| {
                paths.get(*before).copied().unwrap_or(f32::NEG_INFINITY) + score(row, label)
            })
            .collect();
        back.push(from);
    }
    let (mut label, _) = greatest(paths.iter().copied().enumerate());
    let mut path = vec![label];
    for from in back.iter().rev() {
        label = from.get(label).copied().unwrap_or(0);
        path.push(label);
    }
    path.reverse();
    path
}

/// The paths that end in the kind of a label.
fn within<'a>(
    paths: &'a [f32],
    labels: &'a [String],
    label: usize,
) -> impl Iterator<Item = (usize, f32)> + 'a {
    let kind = |label: usize| labels.get(label).and_then(|name| name.get(2..));
    paths
        .iter()
        .copied()
        .enumerate()
        .filter(move |(other, _)| kind(*other) == kind(label))
}

fn greatest(values: impl Iterator<Item = (usize, f32)>) -> (usize, f32) {
    values.fold((0, f32::NEG_INFINITY), |best, next| {
        if next.1 > best.1 { next } else { best }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_on_only_where_it_began() {
        let labels = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"].map(str::to_owned);
        let words: [&[f32]; 3] = [
            &[0.1, 0.6, 0.1, 0.1, 0.1],
            &[0.1, 0.0, 0.4, 0.0, 0.5],
            &[0.9, 0.0, 0.1, 0.0, 0.0],
        ];
        assert_eq!(
            best(&words, &labels),
            [1, 2, 0],
            "the likelier `I-ORG` cannot follow"
        );
        let alone: [&[f32]; 1] = [&[0.1, 0.2, 0.6, 0.1, 0.0]];
        assert_eq!(best(&alone, &labels), [1]);
        assert!(best(&[], &labels).is_empty());
    }
}
