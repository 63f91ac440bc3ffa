use super::*;
use proptest::prelude::*;

fn shape(rows: u32, length: u32) -> Shape {
    Shape {
        rows,
        length,
        ..Shape::default()
    }
}

fn policy(max_rows: usize) -> Policy {
    Policy::new(max_rows, None, Duration::ZERO, Place::Cpu)
}

/// Calls that came one after the other, each with its stage and what is left of its time, in milliseconds.
struct Calls {
    begun: Instant,
    calls: Vec<(Arc<str>, u64, Shape)>,
}

impl Calls {
    fn of<'a>(calls: impl IntoIterator<Item = (&'a str, u64, Shape)>) -> Calls {
        let calls = calls.into_iter();
        let calls = calls.map(|(stage, left, shape)| (stage.into(), left, shape));
        Calls {
            begun: Instant::now(),
            calls: calls.collect(),
        }
    }

    /// Of one stage, of one deadline.
    fn alike(shapes: impl IntoIterator<Item = Shape>) -> Calls {
        Calls::of(shapes.into_iter().map(|shape| ("a", 0, shape)))
    }

    fn candidates(&self) -> Vec<Candidate<'_>> {
        let calls = self.calls.iter();
        calls
            .map(|(stage, left, shape)| Candidate {
                stage,
                deadline: self.begun + Duration::from_millis(*left),
                shape,
            })
            .collect()
    }

    fn chosen(&self, policy: Policy) -> Option<Choice> {
        policy.choose(&mut Ledger::default(), &self.candidates())
    }
}

fn picked(picked: &[usize], full: bool) -> Option<Choice> {
    Some(Choice {
        picked: picked.to_vec(),
        full,
    })
}

#[test]
fn on_a_processor_whoever_joins_pads_less_than_a_run_costs() {
    let lengths = [(1, 20), (1, 29), (1, 28), (2, 25), (3, 19), (1, 22)];
    let calls = Calls::alike(lengths.map(|(rows, length)| shape(rows, length)));
    // To 29 the first would be padded by nine, to 28 by eight; then two rows are padded by six, and three by twenty-seven.
    assert_eq!(calls.chosen(policy(8)), picked(&[0, 2, 3, 5], false));
}

#[test]
fn a_device_that_is_fast_when_full_is_filled_unless_a_card_merges_nothing() {
    for place in [Place::Cuda(0), Place::WebGpu] {
        assert_eq!(
            [1, 8, 128].map(|rows| suited_rows(rows, place)),
            [1, 64, 128]
        );
        assert!(!suited_delay(place).is_zero());
    }
    assert_eq!(
        [1, 8, 128].map(|rows| suited_rows(rows, Place::Cpu)),
        [1, 8, 128]
    );
    assert!(suited_delay(Place::Cpu).is_zero());
}

#[test]
fn elsewhere_whoever_is_of_the_same_bucket_joins() {
    let lengths = [(1, 20), (1, 30), (1, 40), (2, 17), (1, 32)];
    let calls = Calls::alike(lengths.map(|(rows, length)| shape(rows, length)));
    let policy = Policy::new(8, None, Duration::ZERO, Place::WebGpu);
    assert_eq!(calls.chosen(policy), picked(&[0, 1, 3, 4], false));
}

#[test]
fn the_earliest_deadline_runs_first_and_its_companions_in_that_order() {
    let calls = Calls::of([
        ("a", 300, shape(1, 20)),
        ("a", 100, shape(1, 20)),
        ("b", 200, shape(1, 60)),
        ("a", 250, shape(1, 20)),
        ("a", 100, shape(1, 20)),
    ]);
    assert_eq!(calls.chosen(policy(3)), picked(&[1, 4, 3], true));
}

#[test]
fn a_stage_that_is_ahead_of_one_that_waits_by_more_than_a_run_waits() {
    let calls = Calls::of([("a", 100, shape(1, 16)), ("b", 900, shape(1, 16))]);
    let mut ledger = Ledger::default();
    ledger.charge(&"a".into(), 256);
    ledger.leads([&"b".into()]);
    let candidates = calls.candidates();
    assert_eq!(
        policy(1).choose(&mut ledger, &candidates),
        picked(&[0], true),
        "256 places are a run"
    );
    ledger.charge(&"a".into(), 1);
    assert_eq!(
        policy(1).choose(&mut ledger, &candidates),
        picked(&[1], true)
    );
    assert_eq!(
        policy(8).choose(&mut ledger, &candidates),
        picked(&[1, 0], false),
        "once the other is served, it is ahead by less"
    );
    let alone = policy(1).choose(&mut ledger, &candidates[..1]);
    assert_eq!(alone, picked(&[0], true), "alone it is ahead of nobody");
}

#[test]
fn without_merging_every_entry_runs_by_itself_and_its_own_rows_together() {
    let alone = policy(8).without_merging();
    let calls = Calls::alike(vec![shape(1, 20); 3]);
    assert_eq!(calls.chosen(alone), picked(&[0], true));
    assert_eq!(alone.rows_per_run(32), policy(8).rows_per_run(32));
}

#[test]
fn rows_and_places_bound_a_run() {
    let calls = Calls::alike(vec![shape(1, 32); 20]);
    assert_eq!(calls.chosen(policy(4)), picked(&[0, 1, 2, 3], true));
    let eight = calls.chosen(policy(64)).unwrap();
    assert_eq!(eight.picked.len(), 8, "8 × 32 = 256 places");
    assert_eq!(calls.chosen(policy(1)), picked(&[0], true));
    let wide = Policy::new(64, Some(320), Duration::ZERO, Place::Cpu);
    assert_eq!(calls.chosen(wide).unwrap().picked.len(), 10);
}

#[test]
fn other_axes_must_be_equal() {
    let mut odd = shape(1, 1);
    odd.others.insert("width".to_owned(), 3);
    let calls = Calls::alike([shape(1, 1), odd, shape(1, 1)]);
    assert_eq!(calls.chosen(policy(8)).unwrap().picked, [0, 2]);
}

#[test]
fn an_entry_over_every_bound_runs_alone() {
    let calls = Calls::alike([shape(100, 256), shape(1, 256)]);
    assert_eq!(calls.chosen(policy(8)), picked(&[0], true));
    assert_eq!(Calls::alike([]).chosen(policy(8)), None);
}

#[test]
fn rows_of_a_run_are_bounded_by_rows_and_places() {
    let rows = [1, 32, 100, 256, 1000].map(|length| policy(8).rows_per_run(length));
    assert_eq!(rows, [8, 8, 2, 1, 1]);
}

#[test]
fn a_run_waits_for_others_until_it_is_full_or_old_or_nobody_can_come() {
    let delay = Duration::from_millis(2);
    let policy = Policy::new(8, None, delay, Place::Cpu);
    let (oldest, open) = (Instant::now(), picked(&[0], false).unwrap());
    let full = picked(&[0], true).unwrap();
    let ready = oldest + delay;
    assert_eq!(
        policy.when(oldest, oldest, &open, false),
        When::Until(ready)
    );
    assert_eq!(policy.when(oldest, oldest, &open, true), When::Now);
    assert_eq!(policy.when(oldest, oldest, &full, false), When::Now);
    assert_eq!(policy.when(ready, oldest, &open, false), When::Now);
    let eager = Policy::new(8, None, Duration::ZERO, Place::Cpu);
    assert_eq!(eager.when(oldest, oldest, &open, false), When::Now);
}

/// Rows and length of a call, its stage, and what is left of its time.
fn call() -> impl Strategy<Value = (usize, u64, u32, u32)> {
    (0usize..4, 0u64..50, 1u32..6, 1u32..300)
}

const STAGES: [&str; 4] = ["a", "b", "c", "d"];

fn calls(drawn: &[(usize, u64, u32, u32)]) -> Calls {
    let calls = drawn.iter();
    Calls::of(
        calls.map(|(stage, left, rows, length)| (STAGES[*stage], *left, shape(*rows, *length))),
    )
}

proptest! {
    /// Whatever waits, something is picked, nothing twice, and merged runs keep every bound.
    #[test]
    fn bounds_hold(drawn in prop::collection::vec(call(), 1..40), max_rows in 1usize..20, max_places in 1u64..600) {
        let calls = calls(&drawn);
        let policy = Policy::new(max_rows, Some(max_places), Duration::ZERO, Place::Cpu);
        let choice = calls.chosen(policy).unwrap();
        let mut distinct = choice.picked.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), choice.picked.len());
        let shapes: Vec<&Shape> = choice.picked.iter().map(|place| &calls.calls[*place].2).collect();
        if shapes.len() > 1 {
            let rows: u32 = shapes.iter().map(|shape| shape.rows).sum();
            let longest = shapes.iter().map(|shape| shape.length).max().unwrap();
            prop_assert!(rows as usize <= max_rows && u64::from(rows * longest) <= max_places);
            let own: u64 = shapes.iter().map(|shape| shape.places()).sum();
            let most = own + RUN_ON_CPU * (shapes.len() as u64 - 1);
            prop_assert!(u64::from(rows * longest) <= most, "padded to no more than further runs cost");
        }
    }

    /// The first of a run has the earliest deadline of all whose stages are not too far ahead.
    #[test]
    fn nothing_fair_has_an_earlier_deadline_than_the_first(
        drawn in prop::collection::vec(call(), 1..40),
        served in prop::array::uniform4(0u64..2000),
    ) {
        let calls = calls(&drawn);
        let mut ledger = Ledger::default();
        for (stage, served) in STAGES.iter().zip(served) {
            ledger.charge(&(*stage).into(), served);
        }
        let (policy, candidates) = (policy(8), calls.candidates());
        let leads: BTreeMap<String, u64> = {
            let leads = ledger.leads(candidates.iter().map(|candidate| candidate.stage));
            leads.into_iter().map(|(stage, lead)| (stage.to_owned(), lead)).collect()
        };
        let choice = policy.choose(&mut ledger, &candidates).unwrap();
        let first = &candidates[choice.picked[0]];
        prop_assert!(leads[&**first.stage] <= policy.max_places);
        for candidate in &candidates {
            prop_assert!(candidate.deadline >= first.deadline || leads[&**candidate.stage] > policy.max_places);
        }
    }

    /// Stages that ask without end, each as it likes: all are served, and none gets more of the model than another by more than
    /// a run and a call for each of the two.
    #[test]
    fn stages_that_wait_are_served_alike(
        rounds in prop::collection::vec(prop::collection::vec(call(), 1..6), 1..60),
        own in prop::array::uniform4((1u32..6, 1u32..300)),
        max_rows in 1usize..10,
    ) {
        let policy = policy(max_rows);
        let (mut ledger, mut served) = (Ledger::default(), BTreeMap::from(STAGES.map(|stage| (stage, 0u64))));
        let mut waiting: Vec<(usize, u64, u32, u32)> = Vec::new();
        for arriving in rounds {
            waiting.extend(arriving);
            // None ever runs out of calls, and one of them is always in a hurry.
            for (stage, (rows, length)) in own.into_iter().enumerate() {
                waiting.push((stage, if stage == 0 { 0 } else { 49 }, rows, length));
            }
            let calls = calls(&waiting);
            let choice = policy.choose(&mut ledger, &calls.candidates()).unwrap();
            for place in &choice.picked {
                let (stage, _, shape) = &calls.calls[*place];
                ledger.charge(stage, shape.places());
                *served.get_mut(&**stage).unwrap() += shape.places();
            }
            let mut picked = choice.picked;
            picked.sort_unstable();
            for place in picked.into_iter().rev() {
                waiting.remove(place);
            }
        }
        let largest = 5 * 299;
        let (least, most) = (served.values().min().unwrap(), served.values().max().unwrap());
        prop_assert!(most - least <= 2 * (policy.max_places + largest), "{served:?}");
    }

    /// What waits is served, each call once, whoever else is in a hurry without end.
    #[test]
    fn nothing_starves_and_everything_runs_once(
        patient in prop::collection::vec((1u32..6, 1u32..300), 1..12),
        hurried in (1u32..6, 1u32..300),
        max_rows in 1usize..10,
    ) {
        let policy = policy(max_rows);
        let mut ledger = Ledger::default();
        let mut waiting: Vec<(usize, u64, u32, u32)> = patient.iter().map(|(rows, length)| (1, 49, *rows, *length)).collect();
        let (mut served, mut runs) = (0, 0);
        let places = |rows: u32, length: u32| u64::from(rows) * u64::from(length);
        let asked: u64 = patient.iter().map(|(rows, length)| places(*rows, *length)).sum();
        while served < patient.len() {
            // The other stage always has a call of an earlier deadline.
            waiting.push((0, 0, hurried.0, hurried.1));
            let calls = calls(&waiting);
            let mut picked = policy.choose(&mut ledger, &calls.candidates()).unwrap().picked;
            picked.sort_unstable();
            for place in picked.into_iter().rev() {
                let (stage, _, rows, length) = waiting.remove(place);
                ledger.charge(&STAGES[stage].into(), places(rows, length));
                served += usize::from(stage == 1);
            }
            runs += 1;
            // The hurried stage gets no more than the patient one and a run, each of its runs at least one call.
            let most = (asked + policy.max_places) / places(hurried.0, hurried.1) + 2 + patient.len() as u64;
            prop_assert!(runs <= most, "{runs} runs for {served} of {}", patient.len());
        }
    }
}
