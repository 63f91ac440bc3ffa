//! The keys that a manifest may hold, table by table.
//!
//! Purpose: one list that the parser, its messages and the editors' schema agree on; a test holds the schema to it.

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// As written.
    pub name: &'static str,
    /// What it takes, for a message: "a string".
    pub takes: &'static str,
    /// A line that works.
    pub example: &'static str,
}

impl Key {
    /// The unit of the example: `MiB` for `memory = "64MiB"`; empty where it has none.
    pub(crate) fn unit(&self) -> &'static str {
        let digit = |c: char| c.is_ascii_digit();
        let number = self.example.trim_start_matches(|c: char| !digit(c));
        number.trim_start_matches(digit).trim_end_matches('"')
    }
}

/// The keys of one table.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    /// What it accepts.
    pub accepted: &'static [Key],
    /// Sections that a later release accepts.
    pub later: &'static [&'static str],
    /// Words that other tools use, and the key that says the same here.
    pub meant: &'static [(&'static str, &'static str)],
    /// Keys that stand in another table, and where.
    pub elsewhere: &'static [(&'static str, &'static str)],
}

impl Keys {
    /// The accepted names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.accepted.iter().map(|key| key.name)
    }

    /// A key by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.accepted.iter().find(|key| key.name == name)
    }
}

const fn key(name: &'static str, takes: &'static str, example: &'static str) -> Key {
    Key {
        name,
        takes,
        example,
    }
}

/// The whole file.
pub(crate) static ROOT: Keys = Keys {
    accepted: &[
        key("schema", "an integer", "schema = 1"),
        key("name", "a string", "name = \"customer-inbox\""),
        key("submission", "a table", "[submission]"),
        key("defaults", "a table", "[defaults.limits]"),
        key("inference", "a table", "[inference]"),
        key("models", "a table of tables", "[models.encoder]"),
        key("stage", "a list of tables", "[[stage]]"),
    ],
    later: &["governance"],
    meant: &[
        ("stages", "stage"),
        ("model", "models"),
        ("version", "schema"),
        ("limits", "defaults"),
    ],
    elsewhere: &[
        (
            "canary",
            "a canary belongs to a stage: write `[stage.canary]` beneath its `[[stage]]`",
        ),
        (
            "shadow",
            "a shadow belongs to a stage: write `[stage.shadow]` beneath its `[[stage]]`",
        ),
    ],
};

/// `[submission]`
pub(crate) static SUBMISSION: Keys = Keys {
    accepted: &[key(
        "fields",
        "a list of strings",
        "fields = [\"subject\", \"body\"]",
    )],
    later: &[],
    meant: &[("inputs", "fields")],
    elsewhere: &[],
};

/// `[defaults]`
pub(crate) static DEFAULTS: Keys = Keys {
    accepted: &[key("limits", "a table", "limits = { memory = \"64MiB\" }")],
    later: &[],
    meant: &[],
    elsewhere: &[],
};

/// `[inference]`
pub(crate) static INFERENCE: Keys = Keys {
    accepted: &[key("threads", "an integer", "threads = 3")],
    later: &[],
    meant: &[
        ("cores", "threads"),
        ("lora", "adapter"),
        ("cpus", "threads"),
        ("num_threads", "threads"),
        ("workers", "threads"),
    ],
    elsewhere: &[
        (
            "device",
            "a device belongs to a model: write it beneath `[models.NAME]`",
        ),
        (
            "batch",
            "merging belongs to a model: write it beneath `[models.NAME]`",
        ),
    ],
};

/// `[defaults.limits]` and a stage's `limits`
pub(crate) static LIMITS: Keys = Keys {
    accepted: &[
        key("memory", "a size as a string", "memory = \"64MiB\""),
        key("tensors", "a size as a string", "tensors = \"32MiB\""),
        key("output", "a size as a string", "output = \"64KiB\""),
        key("cpu", "a duration as a string", "cpu = \"500ms\""),
        key("deadline", "a duration as a string", "deadline = \"5s\""),
        key("concurrency", "an integer", "concurrency = 64"),
        key("queue", "an integer", "queue = 256"),
        key("log", "a size as a string", "log = \"64KiB\""),
        key("rate", "a rate as a string", "rate = \"100/s\""),
        key("computes", "an integer", "computes = 256"),
        key("input", "a size as a string", "input = \"1MiB\""),
        key("depth", "an integer", "depth = 64"),
        key("attachments", "an integer", "attachments = 16"),
        key(
            "attachment_bytes",
            "a size as a string",
            "attachment_bytes = \"32MiB\"",
        ),
        key("fuel", "an integer", "fuel = 1000000000"),
    ],
    later: &[],
    meant: &[
        ("timeout", "deadline"),
        ("wall", "deadline"),
        ("mem", "memory"),
        ("memory_limit", "memory"),
        ("cpu_time", "cpu"),
        ("time", "cpu"),
        ("gas", "fuel"),
        ("instructions", "fuel"),
        ("instances", "concurrency"),
        ("max_concurrency", "concurrency"),
        ("log_bytes", "log"),
        ("rps", "rate"),
        ("rate_limit", "rate"),
        ("requests_per_second", "rate"),
        ("inferences", "computes"),
        ("compute_calls", "computes"),
        ("nesting", "depth"),
        ("max_depth", "depth"),
        ("input_bytes", "input"),
        ("body", "input"),
        ("files", "attachments"),
        ("max_attachments", "attachments"),
        ("attachment_size", "attachment_bytes"),
        ("attachments_bytes", "attachment_bytes"),
    ],
    elsewhere: &[],
};

/// `[models.X]`
pub(crate) static MODEL: Keys = Keys {
    accepted: &[
        key("use", "a string", "use = \"minilm@1\""),
        key("digest", "a string", "digest = \"sha256:…\""),
        key("adapter", "a string", "adapter = \"formal\""),
        key("device", "a string", "device = \"auto\""),
        key(
            "device_memory",
            "a size as a string",
            "device_memory = \"2GiB\"",
        ),
        key("batch", "a table", "batch = { max = 32, delay = \"2ms\" }"),
        key("threads", "an integer", "threads = 1"),
        key("run", "a duration as a string", "run = \"30s\""),
        key("queue", "an integer", "queue = 256"),
    ],
    later: &[],
    meant: &[
        ("model", "use"),
        ("name", "use"),
        ("ref", "use"),
        ("source", "use"),
        ("gpu", "device"),
        ("gpu_memory", "device_memory"),
        ("memory", "device_memory"),
        ("sha256", "digest"),
        ("hash", "digest"),
        ("timeout", "run"),
        ("deadline", "run"),
        ("cores", "threads"),
        ("max_queue", "queue"),
    ],
    elsewhere: &[
        (
            "delay",
            "it stands in `batch`: write `batch = { delay = \"2ms\" }`",
        ),
        (
            "tokens",
            "it stands in `batch`: write `batch = { tokens = 256 }`",
        ),
    ],
};

/// `batch` of a model
pub(crate) static BATCH: Keys = Keys {
    accepted: &[
        key("max", "an integer", "max = 32"),
        key("tokens", "an integer", "tokens = 256"),
        key("delay", "a duration as a string", "delay = \"2ms\""),
    ],
    later: &[],
    meant: &[
        ("size", "max"),
        ("max_size", "max"),
        ("max_tokens", "tokens"),
        ("places", "tokens"),
        ("max_queue_delay", "delay"),
        ("timeout", "delay"),
    ],
    elsewhere: &[],
};

/// Limits that were written beside `limits`.
macro_rules! among_limits {
    ($(($key:literal, $example:literal)),+) => {
        &[$((
            $key,
            concat!("it stands among the limits: write `limits = { ", $example, " }`"),
        )),+]
    };
}

/// `[[stage]]`
pub(crate) static STAGE: Keys = Keys {
    accepted: &[
        key("name", "a string", "name = \"classify\""),
        key("plugin", "a string", "plugin = \"classify@1\""),
        key("digest", "a string", "digest = \"sha256:…\""),
        key(
            "models",
            "a table of strings",
            "models = { encoder = \"encoder\" }",
        ),
        key("needs", "a list of strings", "needs = [\"classify\"]"),
        key(
            "when",
            "a CEL expression as a string",
            "when = 'classify.type != \"spam\"'",
        ),
        key(
            "reads",
            "a list of strings",
            "reads = [\"subject\", \"body\"]",
        ),
        key("config", "a table", "config = { labels = \"inbox-types\" }"),
        key("limits", "a table", "limits = { memory = \"256MiB\" }"),
        key("on_error", "a string", "on_error = \"continue\""),
        key("wasi", "a list of strings", "wasi = [\"clocks\"]"),
        key("canary", "a table", "[stage.canary]"),
        key("shadow", "a table", "[stage.shadow]"),
    ],
    later: &["escalate"],
    meant: &[
        ("after", "needs"),
        ("depends_on", "needs"),
        ("if", "when"),
        ("condition", "when"),
        ("inputs", "reads"),
        ("fields", "reads"),
        ("component", "plugin"),
        ("use", "plugin"),
        ("sha256", "digest"),
        ("settings", "config"),
        ("capabilities", "wasi"),
        ("mirror", "shadow"),
    ],
    elsewhere: among_limits!(
        ("timeout", "deadline = \"5s\""),
        ("deadline", "deadline = \"5s\""),
        ("memory", "memory = \"256MiB\""),
        ("cpu", "cpu = \"500ms\""),
        ("concurrency", "concurrency = 64"),
        ("queue", "queue = 256"),
        ("log", "log = \"64KiB\""),
        ("rate", "rate = \"100/s\""),
        ("computes", "computes = 256"),
        ("fuel", "fuel = 1000000000")
    ),
};

/// What a canary or a shadow may not set for itself.
macro_rules! of_the_stage {
    ($what:literal, $($key:literal),+) => {
        &[$((
            $key,
            concat!(
                "a ", $what, " shares the `", $key, "` of its stage: remove it here; for the stage, it stands above `[stage.", $what, "]`"
            ),
        )),+]
    };
}

/// `[stage.canary]`
pub(crate) static CANARY: Keys = Keys {
    accepted: &[
        key("plugin", "a string", "plugin = \"classify@2\""),
        key("digest", "a string", "digest = \"sha256:…\""),
        key("weight", "a share of 1", "weight = 0.1"),
        key("header", "a string", "header = \"x-canary\""),
        key(
            "promote_after",
            "a duration as a string",
            "promote_after = \"10m\"",
        ),
        key("max_error_rate", "a share of 1", "max_error_rate = 0.05"),
        key("max_p99_ratio", "a number", "max_p99_ratio = 1.5"),
        key("min_requests", "an integer", "min_requests = 100"),
        key(
            "models",
            "a table of strings",
            "models = { encoder = \"encoder\" }",
        ),
        key("config", "a table", "config = { labels = \"inbox-types\" }"),
    ],
    later: &[],
    meant: &[
        ("use", "plugin"),
        ("component", "plugin"),
        ("sha256", "digest"),
        ("traffic", "weight"),
        ("percent", "weight"),
        ("percentage", "weight"),
        ("share", "weight"),
        ("sample", "weight"),
        ("duration", "promote_after"),
        ("after", "promote_after"),
        ("error_rate", "max_error_rate"),
        ("max_errors", "max_error_rate"),
        ("p99", "max_p99_ratio"),
        ("latency", "max_p99_ratio"),
        ("max_latency_ratio", "max_p99_ratio"),
        ("requests", "min_requests"),
        ("min_samples", "min_requests"),
        ("settings", "config"),
    ],
    elsewhere: of_the_stage!(
        "canary", "name", "needs", "when", "reads", "limits", "on_error", "wasi"
    ),
};

/// `[stage.shadow]`
pub(crate) static SHADOW: Keys = Keys {
    accepted: &[
        key("plugin", "a string", "plugin = \"classify@2\""),
        key("digest", "a string", "digest = \"sha256:…\""),
        key("sample", "a share of 1", "sample = 0.1"),
        key(
            "models",
            "a table of strings",
            "models = { encoder = \"encoder\" }",
        ),
        key("config", "a table", "config = { labels = \"inbox-types\" }"),
    ],
    later: &[],
    meant: &[
        ("use", "plugin"),
        ("component", "plugin"),
        ("sha256", "digest"),
        ("weight", "sample"),
        ("percent", "sample"),
        ("percentage", "sample"),
        ("share", "sample"),
        ("rate", "sample"),
        ("settings", "config"),
    ],
    elsewhere: of_the_stage!(
        "shadow", "name", "needs", "when", "reads", "limits", "on_error", "wasi"
    ),
};

/// Every table with fixed keys, as a path in the file, and its keys. `X` stands for a name that the user chooses.
pub static KEYS: &[(&str, &Keys)] = &[
    ("", &ROOT),
    ("submission", &SUBMISSION),
    ("defaults", &DEFAULTS),
    ("defaults.limits", &LIMITS),
    ("inference", &INFERENCE),
    ("models.X", &MODEL),
    ("models.X.batch", &BATCH),
    ("stage", &STAGE),
    ("stage.limits", &LIMITS),
    ("stage.canary", &CANARY),
    ("stage.shadow", &SHADOW),
];
