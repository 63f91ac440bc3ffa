//! The command line: what can be asked, and where things lie by default.
//!
//! Every flag has an environment variable `FLEETWRIGHT_…`. Paths that are not given lie beside the manifest: `plugins`,
//! `models`, and the state in `.fleetwright`.

mod places;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use fleetwright_fleet::QuickCode;

pub use places::{FleetArgs, Places};

use crate::client::SUBMISSIONS;
use crate::telemetry::LogFormat;
use crate::units;

/// Runs a fleet of micro-models, each a sandboxed WebAssembly component.
#[derive(Debug, Parser)]
#[command(
    name = "fleetwright",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Write results, and errors, as JSON.
    #[arg(long, global = true, env = "FLEETWRIGHT_JSON")]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Serve the fleet over HTTP until told to stop.
    Serve(Serve),
    /// Run files through the fleet: .txt .json .eml .pdf and others; `-` reads standard input.
    Run(Run),
    /// Measure a stage, or the fleet, on a data file of JSON lines, and write a report.
    #[command(after_help = EVAL_HELP)]
    Eval(Eval),
    /// Put load on a fleet, or on any server that takes a POST, and report rates, latencies, processor time and memory.
    #[command(after_help = BENCH_HELP)]
    Bench(Bench),
    /// Do everything that a start does, but serve.
    Check(Check),
    /// Tell what a manifest would change of what serves, before it is saved.
    Plan(Plan),
    /// Show what a running host serves, and what it refused.
    Ps(Ps),
    /// Give one stage another plugin, in the manifest and in the running host.
    Swap(Swap),
    /// Serve an earlier generation again.
    Rollback(Rollback),
    /// List the generations that were served.
    History(History),
    /// Pull, list and verify the models' files and the inference library.
    Models(Models),
    /// Build and inspect plugins.
    Plugin(Plugin),
    /// Tell what is missing on this machine, and the command that mends it.
    Doctor(Doctor),
    /// Compile the component on standard input: what the host starts a process for, and nobody else.
    #[command(hide = true)]
    CompileComponent,
}

/// Tell what a manifest would change of what serves, before it is saved.
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// The manifest to look at. Default: the fleet's own.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Show what a running host serves, and what it refused.
#[derive(Debug, Clone, Args)]
pub struct Ps {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
}

/// Give one stage another plugin, in the manifest and in the running host.
#[derive(Debug, Clone, Args)]
pub struct Swap {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// The stage.
    pub stage: String,
    /// Its plugin from now on, such as `classify@1.1.0`.
    #[arg(value_name = "NAME@VERSION")]
    pub plugin: String,
}

/// Serve an earlier generation again. It holds until something on disk changes.
#[derive(Debug, Clone, Args)]
pub struct Rollback {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// The generation. Default: the one before.
    pub generation: Option<u64>,
}

/// List the generations that were served.
#[derive(Debug, Clone, Args)]
pub struct History {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
}

/// Serve the fleet over HTTP until told to stop.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// The address to listen on; port 0 takes a free one.
    #[arg(
        long,
        env = "FLEETWRIGHT_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,
    /// The largest body of a request.
    #[arg(long, env = "FLEETWRIGHT_MAX_BODY", default_value = "32MiB", value_name = "SIZE", value_parser = units::size)]
    pub max_body: u64,
    /// How many submissions are in flight at most; further ones are answered 429.
    #[arg(long, env = "FLEETWRIGHT_MAX_INFLIGHT", default_value = "256", value_name = "N", value_parser = positive)]
    pub max_inflight: usize,
    /// The time that a submission has, from its arrival to its outcome.
    #[arg(long, env = "FLEETWRIGHT_DEADLINE", default_value = "30s", value_name = "TIME", value_parser = units::duration)]
    pub deadline: Duration,
    /// The time that submissions in flight have when the host is told to stop.
    #[arg(long, env = "FLEETWRIGHT_DRAIN", default_value = "30s", value_name = "TIME", value_parser = units::duration)]
    pub drain: Duration,
    /// Refuse to start where the manifest is refused, instead of serving what was served last.
    #[arg(long, env = "FLEETWRIGHT_STRICT")]
    pub strict: bool,
    /// Take up no change by itself; `fleetwright swap` and `rollback` still do.
    #[arg(long, env = "FLEETWRIGHT_NO_WATCH")]
    pub no_watch: bool,
    /// How often files are looked at where the file system does not tell of changes.
    #[arg(long, env = "FLEETWRIGHT_POLL", default_value = "2s", value_name = "TIME", value_parser = units::duration)]
    pub poll: Duration,
    /// Components that serve in quick code until their optimised code takes over: those of at least this size (a tenth of
    /// the time to compile, half as long again to run); `off` for none, `only` for all of them and for good.
    #[arg(long, env = "FLEETWRIGHT_QUICK_CODE", default_value = "128KiB", value_name = "SIZE|off|only", value_parser = quick_code)]
    pub quick_code: QuickCode,
    /// How log lines are written.
    #[arg(
        long,
        env = "FLEETWRIGHT_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
}

/// Run files through the fleet.
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Submit to a host that serves, instead of running the fleet in this process.
    #[arg(long, env = "FLEETWRIGHT_URL", value_name = "http://HOST:PORT")]
    pub url: Option<String>,
    /// The time that each submission has.
    #[arg(long, env = "FLEETWRIGHT_DEADLINE", default_value = "60s", value_name = "TIME", value_parser = units::duration)]
    pub deadline: Duration,
    /// Draw tables though no terminal reads them.
    #[arg(long, env = "FLEETWRIGHT_TABLE")]
    pub table: bool,
    /// The files, one submission each; `-` is standard input, JSON or text.
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<PathBuf>,
}

const EVAL_HELP: &str = r#"A line of the data is a sample; `expect` says what is right in the stage's answer, by JSON pointer:
  {"id": "1", "fields": {"body": "…"}, "expect": {"answer": {"/type": "card"}}}
  spans    {"spans": {"/entities": [{"kind": "iban", "start": 0, "end": 22}]}}    bytes; "where": "subject" for another field
  fields   {"fields": {"/invoice": {"number": "INV-1", "due_date": null}}}        a list: any of its values is right
  summary  {"summary": {"/summary": ["a reference", "another"]}}
  flags    {"flags": {"/flags/*/rule": ["legal.threat"]}}                         [] where none is to be raised; "/*" for members that are true
           A flag that is not raised counts as below every threshold: `recall-at-precision` looks from the stage's own upwards alone.
  held     {"held": true}
Of several stages, by name: "expect": {"classify": {"answer": …}, "comply": {"held": true}}. Without `--stage` the fleet runs.
Beside them: "attachments" (paths from the data file's folder, or as in a golden case), "stages" (answers of earlier stages),
"group" (figures by group as well).

The first line may be a header:
  {"eval": {"name": "…", "stage": "classify", "out_of_scope": {"/type": "other"}, "confidence": {"/type": "/type_confidence"},
            "kinds": {"found.kind": "kind in the data"}, "precision": 0.8}}"#;

/// Measure a stage, or the fleet, on a data file.
#[derive(Debug, Clone, Args)]
pub struct Eval {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// The stage that is measured alone. Default: the one that the data name, else the fleet as a whole.
    #[arg(long, env = "FLEETWRIGHT_STAGE", value_name = "NAME")]
    pub stage: Option<String>,
    /// The first so many samples alone. The report says of how many, and is not complete where any is left out.
    #[arg(long, env = "FLEETWRIGHT_LIMIT", value_name = "N", value_parser = positive)]
    pub limit: Option<usize>,
    /// How many samples run at once. Default: one a core.
    #[arg(long, env = "FLEETWRIGHT_JOBS", value_name = "N", value_parser = positive)]
    pub jobs: Option<usize>,
    /// The time that each sample has, and each stage in place of its own deadline: for a machine that is busy. Default: 60s a
    /// sample, and the stages' own.
    #[arg(long, env = "FLEETWRIGHT_DEADLINE", value_name = "TIME", value_parser = units::duration)]
    pub deadline: Option<Duration>,
    /// What resamples are drawn by: an equal seed gives equal intervals.
    #[arg(
        long,
        env = "FLEETWRIGHT_SEED",
        default_value_t = 1,
        value_name = "NUMBER"
    )]
    pub seed: u64,
    /// How many resamples an interval is of.
    #[arg(long, env = "FLEETWRIGHT_RESAMPLES", default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub resamples: u32,
    /// Where `report.json` and `report.html` go. Default: `eval/NAME` for `NAME.jsonl`.
    #[arg(long, env = "FLEETWRIGHT_OUT", value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// A report, or its folder, to tell what got better or worse, and whether beyond noise. Times stand beside it without a verdict.
    #[arg(long, env = "FLEETWRIGHT_BASELINE", value_name = "REPORT")]
    pub baseline: Option<PathBuf>,
    /// End badly where a figure of all cases is worse than the baseline's beyond noise, or a measure or such a figure of the baseline is gone.
    #[arg(long, env = "FLEETWRIGHT_FAIL_ON_WORSE", requires = "baseline")]
    pub fail_on_worse: bool,
    /// The data: JSON lines, one sample each.
    #[arg(value_name = "DATA")]
    pub data: PathBuf,
}

const BENCH_HELP: &str = r#"Open loop: requests are due at `--rate`, whatever is answered, and a latency is counted from when its request was due, so that a
stall shows as all that waited through it. Closed loop: `--clients`, each of which asks again once it has its answer.

  fleetwright bench --body requests.jsonl --clients 8                   the fleet, in this process
  fleetwright bench --body requests.jsonl --sweep 6                     saturation, then six rates up to it: the curve
  fleetwright bench --url http://127.0.0.1:8080 --pid 4711 --rate 20,40 --body requests.jsonl
  fleetwright bench --url http://127.0.0.1:8000 --path /predict …       another server: a status of 2xx is success"#;

/// Put load on a fleet, or on any server that takes a POST.
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("load").required(true).multiple(true))]
pub struct Bench {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Ask a server over HTTP, instead of running the fleet in this process.
    #[arg(long, env = "FLEETWRIGHT_URL", value_name = "http://HOST:PORT")]
    pub url: Option<String>,
    /// Where the server takes requests.
    #[arg(long, env = "FLEETWRIGHT_PATH", default_value = SUBMISSIONS, value_name = "PATH")]
    pub path: String,
    /// The server's process: its processor time and memory, its children's included, are in the report.
    #[arg(
        long,
        env = "FLEETWRIGHT_PID",
        value_name = "PID",
        value_delimiter = ','
    )]
    pub pid: Vec<u32>,
    /// Open loop: requests a second; several rates make a curve.
    #[arg(
        long,
        env = "FLEETWRIGHT_RATE",
        value_name = "N,…",
        value_delimiter = ',',
        group = "load"
    )]
    pub rate: Vec<f64>,
    /// How requests of an open loop are spaced.
    #[arg(
        long,
        env = "FLEETWRIGHT_ARRIVALS",
        default_value = "poisson",
        value_name = "HOW"
    )]
    pub arrivals: Spacing,
    /// Closed loop: so many clients at once; several numbers make several measurements.
    #[arg(
        long,
        env = "FLEETWRIGHT_CLIENTS",
        value_name = "N,…",
        value_delimiter = ',',
        group = "load"
    )]
    pub clients: Vec<usize>,
    /// So many rates in equal steps, up to what the most `--clients` (default: 16) are answered at.
    #[arg(long, env = "FLEETWRIGHT_SWEEP", value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..=100), group = "load")]
    pub sweep: Option<u32>,
    /// What is asked before anything is counted, each time.
    #[arg(long, env = "FLEETWRIGHT_WARM", default_value = "2s", value_name = "TIME", value_parser = units::duration)]
    pub warm: Duration,
    /// What is counted, each time.
    #[arg(long, env = "FLEETWRIGHT_DURATION", default_value = "10s", value_name = "TIME", value_parser = units::duration)]
    pub duration: Duration,
    /// The time that each request has, from when it is due.
    #[arg(long, env = "FLEETWRIGHT_DEADLINE", default_value = "30s", value_name = "TIME", value_parser = units::duration)]
    pub deadline: Duration,
    /// Requests of an open loop in flight at most; what is due beyond waits, and its waiting counts.
    #[arg(
        long,
        env = "FLEETWRIGHT_MAX_INFLIGHT",
        default_value_t = 256,
        value_name = "N"
    )]
    pub max_inflight: usize,
    /// What Poisson arrivals are drawn by: an equal seed gives equal arrivals.
    #[arg(
        long,
        env = "FLEETWRIGHT_SEED",
        default_value_t = 1,
        value_name = "NUMBER"
    )]
    pub seed: u64,
    /// What the report calls this. Default: the fleet's name, or the URL.
    #[arg(long, env = "FLEETWRIGHT_NAME", value_name = "TEXT")]
    pub name: Option<String>,
    /// Where `report.json` and `latency.svg` go.
    #[arg(
        long,
        env = "FLEETWRIGHT_OUT",
        default_value = "bench",
        value_name = "DIR"
    )]
    pub out: PathBuf,
    /// What is asked, in turn: `.jsonl` has a JSON body a line; other files are read as `fleetwright run` reads them.
    #[arg(
        long,
        required = true,
        env = "FLEETWRIGHT_BODY",
        value_name = "FILE",
        num_args = 1..
    )]
    pub body: Vec<PathBuf>,
}

/// How requests of an open loop are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Spacing {
    /// As independent senders would send them.
    Poisson,
    /// Evenly.
    Constant,
}

/// Do everything that a start does, but serve.
#[derive(Debug, Clone, Args)]
pub struct Check {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
}

/// Pull, list and verify the models' files and the inference library.
#[derive(Debug, Clone, Args)]
pub struct Models {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// What to do with them.
    #[command(subcommand)]
    pub verb: ModelsVerb,
}

/// What can be done with models.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ModelsVerb {
    /// Fetch what is not in the repository: the onnxruntime library, and files that cards say where to take from.
    Pull,
    /// List the cards, their files, sizes and licences.
    List,
    /// Compare every file with the digest in its card.
    Verify,
}

/// Build and inspect plugins.
#[derive(Debug, Clone, Args)]
pub struct Plugin {
    /// What to do with them.
    #[command(subcommand)]
    pub verb: PluginVerb,
}

/// What can be done with plugins.
#[derive(Debug, Clone, Subcommand)]
pub enum PluginVerb {
    /// Build the crate in DIR into a component.
    Build {
        /// The crate's folder.
        dir: PathBuf,
        /// Where the component goes.
        #[arg(
            long,
            env = "FLEETWRIGHT_OUT",
            default_value = "plugins",
            value_name = "DIR"
        )]
        out: PathBuf,
    },
    /// Tell what a component is: name, version, digest, imports, exports, roles and schemas.
    Inspect {
        /// The component.
        file: PathBuf,
    },
}

/// Tell what is missing on this machine.
#[derive(Debug, Clone, Args)]
pub struct Doctor {
    /// Where the fleet's parts lie.
    #[command(flatten)]
    pub fleet: FleetArgs,
}

fn quick_code(text: &str) -> Result<QuickCode, String> {
    match text {
        "off" => Ok(QuickCode::Off),
        "only" => Ok(QuickCode::Only),
        size => units::size(size)
            .map(QuickCode::From)
            .map_err(|error| format!("{error}; or `off`, or `only`")),
    }
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("`{text}` is no number from 1: write one such as `256`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_a_variable() {
        use clap::CommandFactory;
        fn look(command: &clap::Command) {
            for argument in command
                .get_arguments()
                .filter(|argument| !argument.is_positional())
            {
                let name = argument.get_id().as_str();
                let expected = format!("FLEETWRIGHT_{}", name.to_uppercase());
                assert_eq!(
                    argument.get_env().and_then(|name| name.to_str()),
                    Some(expected.as_str()),
                    "{}",
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
    }

    #[test]
    fn quantities_need_their_units() {
        assert!(Cli::try_parse_from(["fleetwright", "serve", "--deadline", "30"]).is_err());
        assert!(Cli::try_parse_from(["fleetwright", "serve", "--max-inflight", "0"]).is_err());
        assert!(Cli::try_parse_from(["fleetwright", "serve", "--quick-code", "256"]).is_err());
        assert!(Cli::try_parse_from(["fleetwright", "serve", "--quick-code", "off"]).is_ok());
        assert!(Cli::try_parse_from(["fleetwright", "run"]).is_err());
        assert!(Cli::try_parse_from(["fleetwright", "bench", "--body", "x"]).is_err());
        assert!(Cli::try_parse_from(["fleetwright", "bench", "--rate", "5"]).is_err());
        let both = [
            "fleetwright",
            "bench",
            "--body",
            "x",
            "--rate",
            "5,10",
            "--clients",
            "2",
        ];
        assert!(Cli::try_parse_from(both).is_ok());
        assert!(Cli::try_parse_from(["fleetwright", "models", "pull", "--state", "x"]).is_ok());
    }
}
