//! Which sequence is where, and what the next step takes in. Pure: tokens are numbers, and nothing is computed.
//!
//! **Continuous batching.** Every answer under way gets one token a step; what is left of the step's budget goes to prompts, in
//! equal shares, so that neither a long prompt nor many of them hold the others up. A sequence that ends leaves at once, and the
//! next call takes its slot in the very next step.
//!
//! **Prefix.** A slot that is free keeps the template of its last prompt, and nothing after that: no text of a submission outlives
//! its call, and none can be told from how fast another answers. A prompt of the same owner that begins alike goes on from there,
//! in that slot, or from a copy of another's where that holds at least [`WORTH_COPYING`] tokens more.
//!
//! Bounds: a fixed number of slots, each with room for `context` tokens.

use std::cmp::Reverse;
use std::sync::Arc;

use super::ask::Read;
use super::engine::{Part, Token};

/// How many more tokens another slot must hold for a copy of it to be cheaper than reading them again.
const WORTH_COPYING: usize = 16;

/// The slots of one model.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
    /// Counts what was placed, so that the slot that was used longest ago is found.
    clock: u64,
}

#[derive(Debug, Default)]
struct Slot {
    kept: Option<Kept>,
    sequence: Option<Sequence>,
    used: u64,
}

/// The beginning of a prompt that a slot holds.
#[derive(Clone, Debug)]
struct Kept {
    owner: Arc<str>,
    tokens: Vec<Token>,
}

#[derive(Debug)]
struct Sequence {
    prompt: Vec<Token>,
    /// Tokens that were taken in, of prompt and answer.
    done: usize,
    /// The token that was chosen last, and is not taken in yet.
    last: Option<Token>,
}

/// Where a prompt was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) slot: usize,
    /// The slot to copy from first.
    pub(crate) copied: Option<usize>,
    /// How many tokens are there already; what the slot holds beyond is to be forgotten.
    pub(crate) reused: usize,
}

impl Slots {
    pub(crate) fn new(count: usize) -> Slots {
        let mut slots = Vec::new();
        slots.resize_with(count, Slot::default);
        Slots { slots, clock: 0 }
    }

    /// Sequences under way.
    pub(crate) fn busy(&self) -> usize {
        let busy = self.slots.iter().filter(|slot| slot.sequence.is_some());
        busy.count()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.busy() < self.slots.len()
    }

    /// Places a prompt of at least one token; nothing where no slot is free.
    pub(crate) fn place(&mut self, owner: &Arc<str>, read: &Read) -> Option<Placed> {
        let shared = |slot: &Slot| slot.shared(owner, read);
        let free = || {
            let all = self.slots.iter().enumerate();
            all.filter(|(_, slot)| slot.sequence.is_none())
        };
        let (own, best) = free().min_by_key(|(_, slot)| (Reverse(shared(slot)), slot.used))?;
        let (own, here) = (own, shared(best));
        let other = self.slots.iter().enumerate();
        let other = other.min_by_key(|(_, slot)| Reverse(shared(slot)));
        let placed = match other {
            Some((from, slot)) if shared(slot) >= here + WORTH_COPYING => {
                let (oldest, _) = free().min_by_key(|(_, slot)| slot.used)?;
                Placed {
                    slot: oldest,
                    copied: Some(from),
                    reused: shared(slot),
                }
            }
            _ => Placed {
                slot: own,
                copied: None,
                reused: here,
            },
        };
        self.clock += 1;
        let (clock, slot) = (self.clock, self.slots.get_mut(placed.slot)?);
        *slot = Slot {
            kept: Some(Kept {
                owner: owner.clone(),
                tokens: read.tokens.iter().take(read.template).copied().collect(),
            }),
            sequence: Some(Sequence {
                prompt: read.tokens.clone(),
                done: placed.reused,
                last: None,
            }),
            used: clock,
        };
        Some(placed)
    }

    /// What the next step takes in: at most `budget` tokens, but one of each answer in any case.
    pub(crate) fn plan(&self, budget: usize) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut prompts = Vec::new();
        for (slot, sequence) in self.sequences() {
            match sequence.last {
                Some(token) => parts.push(Part {
                    slot,
                    at: sequence.done,
                    tokens: vec![token],
                    chooses: true,
                }),
                None => prompts.push((slot, sequence)),
            }
        }
        // The shortest first: what they leave of their share goes to the longer ones.
        prompts.sort_by_key(|(_, sequence)| sequence.left());
        let mut left = budget.saturating_sub(parts.len());
        let mut waiting = prompts.len();
        for (slot, sequence) in prompts {
            let take = (left / waiting.max(1)).max(1).min(sequence.left());
            waiting -= 1;
            left = left.saturating_sub(take);
            let tokens = sequence.prompt.iter().skip(sequence.done).take(take);
            parts.push(Part {
                slot,
                at: sequence.done,
                tokens: tokens.copied().collect(),
                chooses: take == sequence.left(),
            });
        }
        parts
    }

    /// `parts` were taken in.
    pub(crate) fn advance(&mut self, parts: &[Part]) {
        for part in parts {
            if let Some(sequence) = self.sequence(part.slot) {
                sequence.done += part.tokens.len();
                sequence.last = None;
            }
        }
    }

    /// `token` is the next one of the sequence in `slot`.
    pub(crate) fn go_on(&mut self, slot: usize, token: Token) {
        if let Some(sequence) = self.sequence(slot) {
            sequence.last = Some(token);
        }
    }

    /// The sequence in `slot` is over; gives how many tokens of it the slot keeps. Whatever else it holds is to be forgotten.
    pub(crate) fn free(&mut self, slot: usize) -> usize {
        let Some(slot) = self.slots.get_mut(slot) else {
            return 0;
        };
        let held = slot.held();
        slot.sequence = None;
        if let Some(kept) = &mut slot.kept {
            kept.tokens.truncate(held);
        }
        held
    }

    /// A free slot holds nothing.
    pub(crate) fn forget(&mut self, slot: usize) {
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.kept = None;
        }
    }

    /// Forgets everything: what the slots held is gone.
    pub(crate) fn clear(&mut self) {
        let count = self.slots.len();
        self.slots.clear();
        self.slots.resize_with(count, Slot::default);
    }

    fn sequences(&self) -> impl Iterator<Item = (usize, &Sequence)> {
        let all = self.slots.iter().enumerate();
        all.filter_map(|(place, slot)| Some((place, slot.sequence.as_ref()?)))
    }

    fn sequence(&mut self, slot: usize) -> Option<&mut Sequence> {
        self.slots.get_mut(slot)?.sequence.as_mut()
    }
}

impl Slot {
    /// Tokens of the template that are there.
    fn held(&self) -> usize {
        let kept = self.kept.as_ref().map_or(0, |kept| kept.tokens.len());
        let done = self.sequence.as_ref().map(|sequence| sequence.done);
        done.map_or(kept, |done| done.min(kept))
    }

    /// How many of the first tokens of a prompt are there. At least one is left to read, for a token is chosen after it.
    fn shared(&self, owner: &Arc<str>, read: &Read) -> usize {
        let Some(kept) = self.kept.as_ref().filter(|kept| kept.owner == *owner) else {
            return 0;
        };
        let most = self.held().min(read.template);
        let most = most.min(read.tokens.len().saturating_sub(1));
        let pairs = kept.tokens.iter().zip(&read.tokens).take(most);
        pairs.take_while(|(kept, asked)| kept == asked).count()
    }
}

impl Sequence {
    /// Tokens of the prompt that are not taken in yet.
    fn left(&self) -> usize {
        self.prompt.len().saturating_sub(self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, template: usize) -> Read {
        Read {
            tokens: text.bytes().map(|byte| Token(byte.into())).collect(),
            template,
        }
    }

    fn place(slots: &mut Slots, owner: &str, text: &str, template: usize) -> Placed {
        slots.place(&owner.into(), &read(text, template)).unwrap()
    }

    /// Slot, place and text of each part; in capitals where a token is chosen.
    fn shown(parts: &[Part]) -> Vec<(usize, usize, String)> {
        let text = |part: &Part| -> String {
            let letters = part.tokens.iter().map(|token| token.0 as u8 as char);
            letters.collect()
        };
        let shown = parts.iter().map(|part| match part.chooses {
            true => (part.slot, part.at, text(part).to_uppercase()),
            false => (part.slot, part.at, text(part)),
        });
        shown.collect()
    }

    fn step(slots: &mut Slots, budget: usize) -> Vec<(usize, usize, String)> {
        let parts = slots.plan(budget);
        slots.advance(&parts);
        for part in parts.iter().filter(|part| part.chooses) {
            slots.go_on(part.slot, Token('z' as i32));
        }
        shown(&parts)
    }

    fn part(slot: usize, at: usize, text: &str) -> (usize, usize, String) {
        (slot, at, text.to_owned())
    }

    #[test]
    fn a_long_prompt_is_read_in_pieces_beside_answers_under_way() {
        let mut slots = Slots::new(2);
        place(&mut slots, "s", "ab", 0);
        assert_eq!(step(&mut slots, 4), [part(0, 0, "AB")]);
        place(&mut slots, "s", "cdefgh", 0);
        assert_eq!(step(&mut slots, 4), [part(0, 2, "Z"), part(1, 0, "cde")]);
        assert_eq!(step(&mut slots, 4), [part(0, 3, "Z"), part(1, 3, "FGH")]);
        assert_eq!(step(&mut slots, 4), [part(0, 4, "Z"), part(1, 6, "Z")]);
    }

    #[test]
    fn prompts_share_a_step_and_every_one_gets_on() {
        let mut slots = Slots::new(3);
        place(&mut slots, "s", "abcdef", 0);
        place(&mut slots, "s", "g", 0);
        place(&mut slots, "s", "hijklm", 0);
        assert_eq!(
            step(&mut slots, 7),
            [part(1, 0, "G"), part(0, 0, "abc"), part(2, 0, "hij")]
        );
        // Less than one each: one each.
        assert_eq!(
            step(&mut slots, 1),
            [part(1, 1, "Z"), part(0, 3, "d"), part(2, 3, "k")]
        );
    }

    #[test]
    fn a_slot_is_free_at_once_and_full_means_none() {
        let mut slots = Slots::new(1);
        place(&mut slots, "s", "ab", 0);
        assert!(!slots.has_room());
        assert_eq!(slots.place(&"s".into(), &read("c", 0)), None);
        assert_eq!(slots.free(0), 0);
        assert!(slots.has_room() && slots.busy() == 0);
    }

    #[test]
    fn a_template_is_read_once_and_what_came_after_it_is_not_kept() {
        let mut slots = Slots::new(1);
        place(&mut slots, "s", "TEMPLATE one", 9);
        step(&mut slots, 64);
        assert_eq!(slots.free(0), 9);
        let again = place(&mut slots, "s", "TEMPLATE one", 9);
        assert_eq!(
            again,
            Placed {
                slot: 0,
                copied: None,
                reused: 9
            }
        );
        assert_eq!(step(&mut slots, 64), [part(0, 9, "ONE")]);
        slots.free(0);
        let shorter = place(&mut slots, "s", "TEMPO", 5);
        assert_eq!(shorter.reused, 4);
        slots.free(0);
        let all_template = place(&mut slots, "s", "TEMP", 4);
        assert_eq!(all_template.reused, 3, "one token is left to choose after");
    }

    #[test]
    fn another_stage_begins_anew() {
        let mut slots = Slots::new(1);
        place(&mut slots, "s", "TEMPLATE", 8);
        step(&mut slots, 64);
        slots.free(0);
        assert_eq!(place(&mut slots, "t", "TEMPLATE", 8).reused, 0);
    }

    #[test]
    fn what_was_not_read_is_not_kept() {
        let mut slots = Slots::new(1);
        place(&mut slots, "s", "TEMPLATE", 8);
        step(&mut slots, 3);
        assert_eq!(slots.free(0), 3);
        assert_eq!(place(&mut slots, "s", "TEMPLATE", 8).reused, 3);
    }

    #[test]
    fn a_template_that_another_slot_holds_is_copied_over_what_was_used_longest_ago() {
        let template = "a template of twenty";
        let mut slots = Slots::new(3);
        place(&mut slots, "s", &format!("{template}+1"), 20);
        step(&mut slots, 64);
        place(&mut slots, "s", "short", 0);
        slots.free(1);
        let second = place(&mut slots, "s", &format!("{template}+2"), 20);
        assert_eq!(
            second,
            Placed {
                slot: 2,
                copied: Some(0),
                reused: 20
            }
        );
        let third = place(&mut slots, "s", "a temp", 6);
        assert_eq!(
            (third.copied, third.reused),
            (None, 0),
            "too little to copy"
        );
    }
}
