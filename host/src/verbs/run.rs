//! `fleetwright run`: files through the fleet, in this process or through a host that serves.
//!
//! On a terminal each file gets a table; elsewhere, and with `--json`, one JSON object a line: the outcome with the member
//! `file`, or `{"file", "status": "refused", "problem"}`. It ends badly where a submission was refused or failed.

use std::path::Path;
use std::time::{Duration, Instant};

use fleetwright_fleet::{Fleet, Status, SubmissionId};
use serde_json::{Map, Value, json};

use super::{Ending, VerbError};
use crate::cli;
use crate::client::Client;
use crate::input::Input;
use crate::onnxruntime;
use crate::problem::Problem;
use crate::rescue;
use crate::router::submission_of;
use crate::table;
use crate::terminal::{Progress, Terminal};

/// Runs the files, in order.
///
/// # Errors
/// The fleet does not start, or the host cannot be reached.
pub async fn run(arguments: &cli::Run, terminal: &mut Terminal) -> Result<Ending, VerbError> {
    let runner = Runner::new(arguments).await?;
    let mut ending = Ending::Well;
    for path in &arguments.files {
        let name = if path == Path::new("-") {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let started = Instant::now();
        let answer = runner.run(path, arguments.deadline).await?;
        if !answer.good {
            ending = Ending::Badly;
        }
        if (terminal.person() || arguments.table) && !terminal.json() {
            draw(&name, &answer, started.elapsed(), terminal)?;
        } else {
            terminal.value(&line(&name, answer))?;
        }
    }
    Ok(ending)
}

/// What runs a file.
enum Runner {
    Here(Fleet),
    There(Client),
}

/// What became of a file: an outcome, or problem details.
struct Answered {
    body: Value,
    good: bool,
    problem: bool,
}

impl Runner {
    async fn new(arguments: &cli::Run) -> Result<Runner, VerbError> {
        if let Some(url) = &arguments.url {
            return Ok(Runner::There(Client::new(url)?));
        }
        let progress = Progress::standard();
        progress.step("starting the fleet …");
        let options = onnxruntime::options(&arguments.fleet.places())?;
        let fleet = Fleet::start(&options).await;
        progress.end();
        Ok(Runner::Here(fleet?))
    }

    async fn run(&self, path: &Path, deadline: Duration) -> Result<Answered, VerbError> {
        let input = Input::read(path)?;
        match self {
            Runner::There(client) => {
                let (media_type, body) = input.body();
                let answer = client.submit(media_type, body, deadline).await?;
                let good = answer.status == 200;
                Ok(Answered {
                    body: answer.body,
                    good,
                    problem: !good,
                })
            }
            Runner::Here(fleet) => Ok(here(fleet, input, deadline).await),
        }
    }
}

async fn here(fleet: &Fleet, input: Input, deadline: Duration) -> Answered {
    let snapshot = fleet.current();
    let draft = match input.draft(snapshot.fields()).await {
        Ok(draft) => draft,
        Err(refusal) => {
            return Answered {
                body: Problem::from(refusal).to_json(None),
                good: false,
                problem: true,
            };
        }
    };
    let outcome = snapshot
        .run(
            submission_of(SubmissionId::new(), draft),
            tokio::time::Instant::now() + deadline,
        )
        .await;
    if outcome.status == Status::Failed {
        let problem = rescue::failed(&outcome).to_json(Some(outcome.id.as_str()));
        return Answered {
            body: problem,
            good: false,
            problem: true,
        };
    }
    match serde_json::to_value(&outcome) {
        Ok(body) => Answered {
            body,
            good: true,
            problem: false,
        },
        Err(error) => Answered {
            body: json!({"title": "The outcome cannot be written", "detail": error.to_string()}),
            good: false,
            problem: true,
        },
    }
}

fn draw(
    name: &str,
    answer: &Answered,
    elapsed: Duration,
    terminal: &mut Terminal,
) -> Result<(), VerbError> {
    let style = terminal.style();
    let text = match (answer.problem, answer.body.get("outcome")) {
        (false, _) => table::outcome(name, &answer.body, elapsed, style),
        (true, Some(outcome)) => format!(
            "{}{}",
            table::outcome(name, outcome, elapsed, style),
            table::problem_line(&answer.body, style)
        ),
        (true, None) => table::problem(name, &answer.body, style),
    };
    terminal.text(&format!("{text}\n"))?;
    Ok(())
}

fn line(name: &str, answer: Answered) -> Value {
    let mut line = Map::new();
    line.insert("file".to_owned(), json!(name));
    match answer.body {
        Value::Object(outcome) if !answer.problem => line.extend(outcome),
        problem => {
            // A stage's failure is an outcome too; its status says so.
            let status = if problem.get("outcome").is_some() {
                "failed"
            } else {
                "refused"
            };
            line.insert("status".to_owned(), json!(status));
            line.insert("problem".to_owned(), problem);
        }
    }
    Value::Object(line)
}
