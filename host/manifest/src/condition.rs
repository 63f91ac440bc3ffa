//! `when`: whether a stage runs, as a CEL expression over the answers so far.
//!
//! Purpose: an expression is compiled once, when the manifest is read, and evaluated for each submission. It sees
//! `submission` (a map of fields) and every upstream stage under its name, `-` written `_`. CEL without regular
//! expressions and times; it has no loops but macros over lists. Bounds: [`MAX_CONDITION`] bytes; `compile` refuses
//! what nests too deep.

use cel::{Context, Env, ExecutionError, Program, Value as Cel};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock};

/// The longest expression, in bytes.
pub const MAX_CONDITION: usize = 4096;
/// CEL's names for types, which an expression may compare with `type(…)`.
pub(crate) const TYPES: &[&str] = &[
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];

pub(crate) static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A compiled `when`.
#[derive(Clone)]
pub struct Condition {
    source: String,
    program: Arc<Program>,
    variables: Arc<BTreeSet<String>>,
}

/// Why a condition gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// The result is not a boolean.
    #[error(
        "`when` gave {gave}, not true or false; compare it with something, for example `{source_text} == …`"
    )]
    NotBool {
        /// What it gave, for example `a string`.
        gave: String,
        /// The expression.
        source_text: String,
    },
    /// A variable has no value: its stage was skipped or failed.
    #[error(
        "`when` uses `{variable}`, which has no answer here; guard it, for example `has({variable}.…) && …`"
    )]
    Missing {
        /// The variable.
        variable: String,
    },
    /// A member has no value.
    #[error(
        "`when` uses `{member}`, which is absent here; guard it, for example `has(….{member}) && …`"
    )]
    NoMember {
        /// The member's name.
        member: String,
    },
    /// The expression cannot be evaluated on these values.
    #[error("`when` cannot be evaluated: {0}")]
    Failed(String),
}

impl Condition {
    /// A condition from its parts; `variables` are all that the program uses.
    pub(crate) fn new(source: &str, program: Program, variables: BTreeSet<String>) -> Self {
        Self {
            source: source.to_owned(),
            program: Arc::new(program),
            variables: Arc::new(variables),
        }
    }

    /// The expression as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The variables that the expression uses, macros' own left out.
    #[must_use]
    pub fn variables(&self) -> &BTreeSet<String> {
        &self.variables
    }

    /// Whether the stage runs. `variables` holds `submission` and the answers of upstream stages by name; a stage that
    /// was skipped or failed is left out, and then `has(stage.member)` is false.
    ///
    /// # Errors
    /// [`ConditionError`], naming the variable, the member or the type.
    pub fn evaluate(&self, variables: &Map<String, Value>) -> Result<bool, ConditionError> {
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        let mut absent = self.variables.as_ref().clone();
        for (name, value) in variables {
            let name = name.replace('-', "_");
            if absent.remove(&name) {
                context.add_variable_from_value(name, as_cel(value));
            }
        }
        for name in &absent {
            context.add_variable_from_value(name.as_str(), as_cel(&Value::Object(Map::new())));
        }
        match self.program.execute(&context) {
            Ok(Cel::Bool(answer)) => Ok(answer),
            Ok(other) => Err(ConditionError::NotBool {
                gave: described(&other),
                source_text: self.source.clone(),
            }),
            Err(error) => Err(self.failure(error, &absent)),
        }
    }

    fn failure(&self, error: ExecutionError, absent: &BTreeSet<String>) -> ConditionError {
        match (error, absent.first()) {
            (ExecutionError::NoSuchKey(_), Some(variable)) => ConditionError::Missing {
                variable: variable.clone(),
            },
            (ExecutionError::NoSuchKey(member), None) => ConditionError::NoMember {
                member: member.to_string(),
            },
            (ExecutionError::UndeclaredReference(name), _) => ConditionError::Missing {
                variable: name.to_string(),
            },
            (error, _) => ConditionError::Failed(error.to_string()),
        }
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

/// A JSON value as CEL has it. Whole numbers are `int`, so that they can be counted with.
fn as_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(yes) => Cel::Bool(*yes),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Cel::Int(whole),
            (None, real) => Cel::Float(real.unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cel::from(text.as_str()),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(as_cel).collect())),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), as_cel(value)));
            Cel::from(members.collect::<HashMap<String, Cel>>())
        }
    }
}

fn described(value: &Cel) -> String {
    let kind = value.type_of().to_string();
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}
