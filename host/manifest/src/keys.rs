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

/// The keys of one table.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    /// What it accepts.
    pub accepted: &'static [Key],
    /// Sections that a later release accepts.
    pub later: &'static [&'static str],
    /// Words that other tools use, and the key that says the same here.
    pub meant: &'static [(&'static str, &'static str)],
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
};

/// `[defaults]`
pub(crate) static DEFAULTS: Keys = Keys {
    accepted: &[key("limits", "a table", "limits = { memory = \"64MiB\" }")],
    later: &[],
    meant: &[],
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
    ],
    later: &[],
    meant: &[
        ("timeout", "deadline"),
        ("mem", "memory"),
        ("memory_limit", "memory"),
        ("fuel", "cpu"),
        ("instances", "concurrency"),
        ("max_concurrency", "concurrency"),
    ],
};

/// `[models.X]`
pub(crate) static MODEL: Keys = Keys {
    accepted: &[
        key("use", "a string", "use = \"minilm@1\""),
        key("device", "a string", "device = \"auto\""),
        key("batch", "a table", "batch = { max = 32, delay = \"2ms\" }"),
    ],
    later: &[],
    meant: &[
        ("model", "use"),
        ("name", "use"),
        ("ref", "use"),
        ("source", "use"),
        ("gpu", "device"),
    ],
};

/// `batch` of a model
pub(crate) static BATCH: Keys = Keys {
    accepted: &[
        key("max", "an integer", "max = 32"),
        key("delay", "a duration as a string", "delay = \"2ms\""),
    ],
    later: &[],
    meant: &[
        ("size", "max"),
        ("max_size", "max"),
        ("max_queue_delay", "delay"),
        ("timeout", "delay"),
    ],
};

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
    ],
    later: &["canary", "shadow", "escalate"],
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
        ("timeout", "limits"),
        ("memory", "limits"),
    ],
};

/// Every table with fixed keys, as a path in the file, and its keys. `X` stands for a name that the user chooses.
pub static KEYS: &[(&str, &Keys)] = &[
    ("", &ROOT),
    ("submission", &SUBMISSION),
    ("defaults", &DEFAULTS),
    ("defaults.limits", &LIMITS),
    ("models.X", &MODEL),
    ("models.X.batch", &BATCH),
    ("stage", &STAGE),
    ("stage.limits", &LIMITS),
];
