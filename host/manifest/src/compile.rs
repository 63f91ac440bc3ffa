//! A `when` as written to a [`Condition`], and to what it uses.
//!
//! Purpose: what cannot be evaluated is refused when the manifest is read, with its place; what it uses is listed, so that
//! it can be held against the graph. Bounds: [`MAX_CONDITION`] bytes, brackets [`DEPTH`] deep, operators [`OPERATORS`]
//! deep, macros [`MACROS`] deep: an expression that passes is evaluated in bounded time and stack.

use crate::Span;
use crate::condition::{Condition, MAX_CONDITION, STANDARD, TYPES};
use cel::Program;
use cel::common::ast::{EntryExpr, Expr, IdedExpr};

/// How deep brackets may nest.
const DEPTH: usize = 24;
/// How deep operators and calls may nest: each is a level of recursion when it is evaluated.
const OPERATORS: usize = 64;
/// How deep macros (`all`, `exists`, `map`, …) may nest.
const MACROS: usize = 2;

/// Why an expression was refused, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) message: String,
    pub(crate) hint: String,
    /// Bytes within the expression; `None` is all of it.
    pub(crate) span: Option<Span>,
}

/// Something that an expression uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) what: Used,
    /// Bytes within the expression.
    pub(crate) span: Option<Span>,
}

/// What an expression uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Used {
    Variable(String),
    /// A member of `submission`.
    Field(String),
    Function(String),
}

/// Compiles an expression and lists what it uses.
pub(crate) fn compile(source: &str) -> Result<(Condition, Vec<Use>), Refused> {
    bounded(source)?;
    let program = STANDARD
        .compile(source)
        .map_err(|errors| refused(source, &errors))?;
    let mut walk = Walk {
        program: &program,
        uses: Vec::new(),
        bound: Vec::new(),
        macros: 0,
        too_many: false,
        depth: 0,
        too_deep: false,
    };
    walk.expression(program.expression());
    let (mut uses, too_many) = (walk.uses, walk.too_many);
    if walk.too_deep {
        return Err(too_deep(OPERATORS));
    }
    if too_many {
        return Err(Refused {
            message: format!("macros are nested deeper than {MACROS}"),
            hint: "a condition is evaluated for each submission: keep to one or two of `all`, `exists`, `map`, `filter`".to_owned(),
            span: None,
        });
    }
    uses.dedup();
    let variables = uses.iter().filter_map(|used| match &used.what {
        Used::Variable(name) if !TYPES.contains(&name.as_str()) => Some(name.clone()),
        _ => None,
    });
    let condition = Condition::new(source, program, variables.collect());
    Ok((condition, uses))
}

/// Refuses what is too long or too deep before the parser sees it.
fn bounded(source: &str) -> Result<(), Refused> {
    let refuse = |message: String, hint: &str| {
        Err(Refused {
            message,
            hint: hint.to_owned(),
            span: None,
        })
    };
    if source.trim().is_empty() {
        return refuse(
            "the expression is empty".to_owned(),
            "remove `when`, or write for example `when = 'classify.type != \"spam\"'`",
        );
    }
    if source.len() > MAX_CONDITION {
        return refuse(
            format!(
                "the expression has {} bytes; at most {MAX_CONDITION} are read",
                source.len()
            ),
            "move the decision into a stage, and compare its answer",
        );
    }
    let mut depth = 0_usize;
    let mut prefix = 0_usize;
    for c in source.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '!' | '-' => prefix += 1,
            _ if !c.is_whitespace() => prefix = 0,
            _ => {}
        }
        if depth > DEPTH || prefix > DEPTH {
            return Err(too_deep(DEPTH));
        }
    }
    Ok(())
}

fn too_deep(most: usize) -> Refused {
    Refused {
        message: format!("the expression nests deeper than {most}"),
        hint: "simplify it, or move the decision into a stage and compare its answer".to_owned(),
        span: None,
    }
}

/// What the parser said first, for a person.
fn refused(source: &str, errors: &cel::ParseErrors) -> Refused {
    let first = errors.errors.first();
    let said = first.map_or("", |error| error.msg.lines().next().unwrap_or("").trim());
    let (message, hint) = explained(said.strip_prefix("Syntax error: ").unwrap_or(said));
    let ends = message == ENDS_EARLY;
    let span = first.and_then(|error| {
        if ends {
            return Some(last_character(source));
        }
        let line = usize::try_from(error.pos.0).ok()?;
        let column = usize::try_from(error.pos.1).ok()?;
        let text: Vec<&str> = source.split_inclusive('\n').take(line).collect();
        let (last, before) = text.split_last()?;
        let start = before.iter().map(|line| line.len()).sum::<usize>();
        let at = last
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(last.len(), |(at, _)| at);
        Some(character(source, start + at))
    });
    Refused {
        message,
        hint,
        span,
    }
}

const ENDS_EARLY: &str = "the expression ends too early";

/// The place of the last character that is not white space: an end is shown there, not on the line after it.
fn last_character(source: &str) -> Span {
    let last = source.trim_end().char_indices().next_back();
    character(source, last.map_or(0, |(at, _)| at))
}

/// The place of the character at an offset.
fn character(source: &str, at: usize) -> Span {
    let here = source.get(at..).and_then(|rest| rest.chars().next());
    Span::new(at, at + here.map_or(0, char::len_utf8))
}

/// The parser's words name tokens; these name the mistake and the way out.
fn explained(said: &str) -> (String, String) {
    let quoted = |prefix: &str| {
        let rest = said.strip_prefix(prefix)?;
        let token = rest
            .trim_start_matches('\'')
            .split('\'')
            .next()
            .unwrap_or("")
            .trim();
        Some(crate::suggest::shown(token))
    };
    let example = "write a CEL expression, for example `classify.type != \"spam\" && classify.confidence > 0.6`";
    if said.starts_with("mismatched input '<EOF>'")
        || said.starts_with("no viable alternative at input '<EOF>'")
    {
        return (
            ENDS_EARLY.to_owned(),
            "close every bracket, and write a value after every operator".to_owned(),
        );
    }
    if let Some(token) = quoted("token recognition error at: ") {
        let hint = match token.chars().next() {
            Some('=') => "compare with `==`",
            Some('&') => "join conditions with `&&`",
            Some('|') => "join conditions with `||`",
            _ => example,
        };
        return (format!("`{token}` is not CEL"), hint.to_owned());
    }
    let token = quoted("extraneous input ").or_else(|| quoted("mismatched input "));
    match token.or_else(|| quoted("no viable alternative at input ")) {
        Some(token) => (
            format!("`{token}` is not expected here"),
            example.to_owned(),
        ),
        None if said.is_empty() => (
            "the expression cannot be read".to_owned(),
            example.to_owned(),
        ),
        None => (crate::suggest::shown(said), example.to_owned()),
    }
}

/// Lists what an expression uses, macros' own variables left out.
struct Walk<'p> {
    program: &'p Program,
    uses: Vec<Use>,
    bound: Vec<String>,
    macros: usize,
    too_many: bool,
    depth: usize,
    too_deep: bool,
}

impl Walk<'_> {
    fn record(&mut self, node: &IdedExpr, what: Used) {
        let info = self.program.source_info();
        let name = match &what {
            Used::Variable(name) | Used::Field(name) | Used::Function(name) => name,
        };
        let span = info
            .offset_for(node.id)
            .and_then(|(start, _)| find(&info.source, name, start as usize));
        self.uses.push(Use { what, span });
    }

    fn expression(&mut self, node: &IdedExpr) {
        self.depth += 1;
        self.too_deep |= self.depth > OPERATORS;
        if !self.too_deep {
            self.parts(node);
        }
        self.depth -= 1;
    }

    fn parts(&mut self, node: &IdedExpr) {
        match &node.expr {
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => {
                if !name.starts_with('@') && !self.bound.contains(name) {
                    self.record(node, Used::Variable(name.clone()));
                }
            }
            Expr::Select(select) => {
                if matches!(&select.operand.expr, Expr::Ident(name) if name == "submission") {
                    self.record(node, Used::Field(select.field.clone()));
                }
                self.expression(&select.operand);
            }
            Expr::Call(call) => {
                if call
                    .func_name
                    .starts_with(|c: char| c.is_ascii_alphabetic())
                {
                    self.record(node, Used::Function(call.func_name.clone()));
                }
                if let Some(target) = &call.target {
                    self.expression(target);
                }
                call.args
                    .iter()
                    .for_each(|argument| self.expression(argument));
            }
            Expr::List(list) => list.elements.iter().for_each(|item| self.expression(item)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.entry(&entry.expr)),
            Expr::Struct(made) => made
                .entries
                .iter()
                .for_each(|entry| self.entry(&entry.expr)),
            Expr::Comprehension(over) => self.comprehension(over),
        }
    }

    fn comprehension(&mut self, over: &cel::common::ast::ComprehensionExpr) {
        self.expression(&over.iter_range);
        self.expression(&over.accu_init);
        self.macros += 1;
        self.too_many |= self.macros > MACROS;
        let before = self.bound.len();
        self.bound
            .extend([over.iter_var.clone(), over.accu_var.clone()]);
        self.bound.extend(over.iter_var2.clone());
        self.expression(&over.loop_cond);
        self.expression(&over.loop_step);
        self.expression(&over.result);
        self.bound.truncate(before);
        self.macros -= 1;
    }

    fn entry(&mut self, entry: &EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.expression(&field.value),
            EntryExpr::MapEntry(pair) => {
                self.expression(&pair.key);
                self.expression(&pair.value);
            }
        }
    }
}

/// The place of a name near the offset that the parser gives its node: of a member the dot before it, of a call the
/// bracket behind it, of a variable itself.
fn find(source: &str, name: &str, offset: usize) -> Option<Span> {
    let near = source.get(offset..)?;
    let start = if near.starts_with(name) {
        offset
    } else if near.starts_with('(') {
        source.get(..offset)?.rfind(name)?
    } else {
        offset + near.find(name)?
    };
    Some(Span::new(start, start + name.len()))
}
