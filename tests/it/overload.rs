//! Too much at once, and too slow: each is refused by its own bound, typed, and the host goes on.

use std::sync::mpsc;

use fleetwright_tests::host::{json_submission, subject};
use fleetwright_tests::{Exchange, Host, Layout, until};

use crate::assertions::{outcome, problem, stage_failed, still_works};

fn host(flags: &[&str]) -> Host {
    Host::start(Layout::named("slow", &["hostile"]).unwrap(), flags).unwrap()
}

#[test]
fn beyond_the_submissions_that_may_be_in_flight_the_host_sheds() {
    let host = host(&["--max-inflight", "2"]);
    // Submissions that have a place and are not whole yet: in flight until the test says otherwise.
    let request = json_submission(&subject("quick"));
    let first = Exchange::begin(host.address(), &request).unwrap();
    let second = Exchange::begin(host.address(), &request).unwrap();
    host.wait_for_in_flight(2).unwrap();
    let shed = host.submit(&subject("quick")).unwrap();
    assert_eq!(problem(&shed, 429, "overloaded")["limit"], 2);
    assert!(
        shed.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1,
        "{shed}"
    );
    assert_eq!(
        host.get("/livez").unwrap().status,
        200,
        "what is no submission is answered"
    );
    outcome(&first.finish(&request).unwrap(), "completed");
    outcome(&second.finish(&request).unwrap(), "completed");
    host.wait_for_in_flight(0).unwrap();
    still_works(&host, &subject("quick"));
    assert_eq!(
        host.metric(
            "fleetwright_http_submissions_total",
            &[("status", "shed"), ("code", "429")]
        )
        .unwrap(),
        Some(1.0)
    );
}

#[test]
fn beyond_its_instances_and_its_queue_a_stage_refuses() {
    let host = host(&[]);
    let (tell, told) = mpsc::sync_channel(3);
    // One runs for ever, one waits for ever: whichever is answered is the one too many.
    for _ in 0..3 {
        let (tell, exchange) = (
            tell.clone(),
            host.send(&json_submission(&subject("endless"))).unwrap(),
        );
        std::thread::spawn(move || tell.send(exchange.answer()));
    }
    let refused = told.recv().unwrap().unwrap();
    let problem = stage_failed(&refused, "endless", "overloaded");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("1 calls are running and 1 are waiting"),
        "{problem}"
    );
    assert!(refused.header("retry-after").is_some(), "{refused}");
    let labels = [("stage", "endless"), ("limit", "queue")];
    let counted = host.metric("fleetwright_stage_limit_total", &labels);
    assert_eq!(counted.unwrap(), Some(1.0));
    assert_eq!(host.in_flight().unwrap(), 2);
    still_works(&host, &subject("quick"));
}

/// A model that takes a second, where a run may take 50 ms: the run is stopped, told, counted, and the host goes on.
#[test]
fn a_run_that_passes_its_bound_is_stopped_and_told() {
    let text = "schema = 1\nname = \"overrun\"\n[inference]\nthreads = 2\n\
        [models.slow]\nuse = \"slow@1\"\nrun = \"50ms\"\nthreads = 1\n[models.stub]\nuse = \"stub@1\"\n\
        [[stage]]\nname = \"slow\"\nplugin = \"hostile@1\"\nwhen = 'submission.subject == \"slow\"'\n\
        models = { model = \"slow\" }\nconfig = { case = \"infer\" }\n\
        [[stage]]\nname = \"quick\"\nplugin = \"hostile@1\"\nneeds = []\n\
        models = { model = \"stub\" }\nconfig = { case = \"infer\" }\n";
    let host = Host::start(Layout::new(text, &["hostile"]).unwrap(), &[]).unwrap();
    for _ in 0..2 {
        let stopped = host.submit(&subject("slow")).unwrap();
        let problem = stage_failed(&stopped, "slow", "deadline");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("a run of model `slow@1.0.0` was stopped after `50` ms"),
            "{problem}"
        );
    }
    let metric = |name: &str, labels: &[(&str, &str)]| host.metric(name, labels).unwrap();
    let slow = [("model", "slow"), ("version", "1.0.0")];
    assert_eq!(metric("fleetwright_model_overruns_total", &slow), Some(2.0));
    assert_eq!(metric("fleetwright_model_threads", &slow), Some(1.0));
    assert_eq!(metric("fleetwright_inference_threads", &[]), Some(2.0));
    let labels = [("stage", "slow"), ("limit", "model-run")];
    assert_eq!(metric("fleetwright_stage_limit_total", &labels), Some(2.0));
    still_works(&host, &subject("other"));
    let asked = [("model", "stub"), ("version", "1.0.0"), ("stage", "quick")];
    assert!(metric("fleetwright_model_tokens_total", &asked).is_some());
}

#[test]
fn a_run_for_which_there_is_no_memory_is_refused_by_that_name() {
    let text = "schema = 1\nname = \"memory\"\n[models.starving]\nuse = \"starving@1\"\n\
        [[stage]]\nname = \"asks\"\nplugin = \"hostile@1\"\nmodels = { model = \"starving\" }\nconfig = { case = \"infer\" }\n";
    let host = Host::start(Layout::new(text, &["hostile"]).unwrap(), &[]).unwrap();
    let refused = host.submit(&subject("any")).unwrap();
    assert_eq!(refused.status, 429, "{refused}");
    let problem = stage_failed(&refused, "asks", "overloaded");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("model `starving@1.0.0` had no memory on `cpu` for this run"),
        "{problem}"
    );
    let labels = [("stage", "asks"), ("limit", "model-memory")];
    let refused = host.metric("fleetwright_stage_limit_total", &labels);
    assert_eq!(refused.unwrap(), Some(1.0));
    let failed = [
        ("model", "starving"),
        ("version", "1.0.0"),
        ("reason", "out-of-memory"),
    ];
    let failed = host.metric("fleetwright_model_failures_total", &failed);
    assert_eq!(failed.unwrap(), Some(1.0));
}

#[test]
fn a_submission_that_is_not_done_in_time_ends_at_its_deadline() {
    let host = host(&["--deadline", "300ms"]);
    stage_failed(
        &host.submit(&subject("endless")).unwrap(),
        "endless",
        "deadline",
    );
    stage_failed(&host.submit(&subject("slow")).unwrap(), "slow", "deadline");
    let unfinished = Exchange::begin(host.address(), &json_submission(&subject("quick"))).unwrap();
    problem(&unfinished.answer().unwrap(), 408, "body-timeout");
    host.wait_for_in_flight(0).unwrap();
    assert_eq!(
        host.metric(
            "fleetwright_stage_failure_total",
            &[("stage", "endless"), ("reason", "deadline")]
        )
        .unwrap(),
        Some(1.0)
    );
}

/// Who waits in a model's queue past the stage's deadline is answered then, and the model never runs for it.
#[test]
fn a_deadline_that_passes_in_a_models_queue_cancels_what_is_queued() {
    let text = "schema = 1\nname = \"queued\"\n[models.slow]\nuse = \"slow@1\"\n\n\
        [[stage]]\nname = \"patient\"\nplugin = \"hostile@1\"\nneeds = []\nwhen = 'submission.subject == \"patient\"'\n\
        models = { model = \"slow\" }\nconfig = { case = \"infer\" }\nlimits = { deadline = \"200s\" }\n\n\
        [[stage]]\nname = \"hasty\"\nplugin = \"hostile@1\"\nneeds = []\nwhen = 'submission.subject == \"hasty\"'\n\
        models = { model = \"slow\" }\nconfig = { case = \"infer\" }\nlimits = { deadline = \"100ms\" }\n";
    let host = Host::start(
        Layout::new(text, &["hostile"]).unwrap(),
        &["--deadline", "400s"],
    )
    .unwrap();
    let patient = host.send(&json_submission(&subject("patient"))).unwrap();
    let runs = |name: &str| host.metric(name, &[("model", "slow")]).unwrap();
    until("the patient one at the model", || {
        Ok((runs("fleetwright_model_requests_total") == Some(1.0)).then_some(()))
    })
    .unwrap();
    // It waits behind a run of a second, and cannot.
    for _ in 0..3 {
        stage_failed(
            &host.submit(&subject("hasty")).unwrap(),
            "hasty",
            "deadline",
        );
    }
    outcome(&patient.answer().unwrap(), "completed");
    until("an empty queue", || {
        Ok((runs("fleetwright_model_pending") == Some(0.0)).then_some(()))
    })
    .unwrap();
    // One more run, so that whatever was queued before has had its turn.
    outcome(&host.submit(&subject("patient")).unwrap(), "completed");
    assert_eq!(runs("fleetwright_model_requests_total"), Some(5.0));
    assert_eq!(runs("fleetwright_model_executions_total"), Some(2.0));
    let labels = [("stage", "hasty"), ("limit", "deadline")];
    assert_eq!(
        host.metric("fleetwright_stage_limit_total", &labels)
            .unwrap(),
        Some(3.0)
    );
}

/// A model's queue that is full refuses, by that name; who waits for a model spends none of its own time.
#[test]
fn a_full_queue_of_a_model_refuses_and_waiting_for_it_is_no_guests_time() {
    let text = "schema = 1\nname = \"full\"\n[models.slow]\nuse = \"slow@1\"\nqueue = 1\nbatch = { max = 1 }\n\n\
        [[stage]]\nname = \"infer\"\nplugin = \"hostile@1\"\nmodels = { model = \"slow\" }\nconfig = { case = \"infer\" }\n\
        limits = { deadline = \"200s\", cpu = \"50ms\", concurrency = 16 }\n";
    let layout = Layout::new(text, &["hostile"]).unwrap();
    let host = Host::start(layout, &["--deadline", "400s"]).unwrap();
    let sent: Vec<_> = (0..6)
        .map(|_| host.send(&json_submission(&subject("hello"))).unwrap())
        .collect();
    let mut refused = 0;
    for exchange in sent {
        let response = exchange.answer().unwrap();
        if response.status == 200 {
            // A second of the model's, and 50 ms are all that the guest may have.
            outcome(&response, "completed");
            continue;
        }
        let problem = stage_failed(&response, "infer", "overloaded");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("slow@1.0.0") && detail.contains("queue"),
            "{detail}"
        );
        assert!(response.header("retry-after").is_some(), "{response}");
        refused += 1;
    }
    assert!((1..=5).contains(&refused), "{refused} of 6");
    let labels = [("stage", "infer"), ("limit", "model-queue")];
    let counted = host.metric("fleetwright_stage_limit_total", &labels);
    assert_eq!(counted.unwrap(), Some(f64::from(refused)));
}
