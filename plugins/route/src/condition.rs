//! A rule's condition: CEL over the decisions so far, in the part of it that a table needs.
//!
//! Purpose: `classify.type == "card" && classify.urgency in ["high", "critical"]`. The part: literals (strings, numbers,
//! `true`, `false`, `null`, lists), members `a.b` and `a["b"]`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `!`, `&&`, `||`,
//! parentheses, `has(a.b)`, `size(a)`, and `contains`, `startsWith` and `endsWith` of strings. What is in this part means here
//! what it means in CEL: the tests hold it to the `cel` crate, whose parser takes milliseconds in a fresh instance and is
//! therefore not used. Variables are the answers that the stage is shown, `-` in their names written `_`; one that is absent
//! is an empty map.
//!
//! Bounds: 4,096 bytes, 32 levels. A condition is parsed with the config, and nothing in it loops.

mod evaluate;
mod parse;

use serde_json::{Map, Value};

/// The longest condition, in bytes.
const LONGEST: usize = 4096;

/// A condition that can be asked.
#[derive(Clone, Debug)]
pub struct Condition {
    source: String,
    expression: Expression,
}

/// Why a condition gives no answer on these decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclear(pub(crate) String);

/// An expression, taken apart.
#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Literal(Value),
    List(Vec<Expression>),
    Variable(String),
    Member(Box<Expression>, String),
    Index(Box<Expression>, Box<Expression>),
    Has(Box<Expression>, String),
    Call(Function, Vec<Expression>),
    Not(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// What is wrong, the place as a byte, and what could stand there.
    pub fn parse(source: &str) -> Result<Self, String> {
        if source.len() > LONGEST {
            return Err(format!(
                "the condition has {} bytes, and {LONGEST} are allowed: split the rule",
                source.len()
            ));
        }
        Ok(Self {
            source: source.to_owned(),
            expression: parse::parse(source)?,
        })
    }

    /// The condition as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// [`Unclear`], where a member is absent, or a value is of another kind than the condition needs.
    pub fn holds(&self, decisions: &Map<String, Value>) -> Result<bool, Unclear> {
        evaluate::truth(&self.expression, decisions)
    }

    /// The strings with which it compares `classify.type`.
    pub(crate) fn types(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.expression.compared_types(&mut found);
        found
    }

    /// Whether it asks for a member of `classify`.
    pub(crate) fn asks_for(&self, member: &str) -> bool {
        self.expression.any(&mut |part| {
            matches!(part, Expression::Member(of, name) | Expression::Has(of, name)
                if name == member && **of == Expression::Variable("classify".into()))
        })
    }
}

impl Condition {
    /// Whether it asks for anything but these members of `classify`.
    pub(crate) fn asks_beyond(&self, members: &[&str]) -> bool {
        self.expression.any(&mut |part| match part {
            Expression::Member(of, name) | Expression::Has(of, name) => {
                let classified = **of == Expression::Variable("classify".into());
                !classified || !members.contains(&name.as_str())
            }
            Expression::Index(..) => true,
            _ => false,
        })
    }
}

impl Expression {
    fn is_type(&self) -> bool {
        matches!(self, Self::Member(of, name)
            if name == "type" && **of == Self::Variable("classify".into()))
    }

    fn compared_types<'a>(&'a self, found: &mut Vec<&'a str>) {
        if let Self::Binary(Operator::Equal | Operator::Unequal | Operator::In, left, right) = self
        {
            for (one, other) in [(left, right), (right, left)] {
                if one.is_type() {
                    other.strings(found);
                }
            }
        }
        for part in self.parts() {
            part.compared_types(found);
        }
    }

    fn strings<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Literal(Value::String(text)) => found.push(text),
            Self::List(items) => items.iter().for_each(|item| item.strings(found)),
            _ => {}
        }
    }

    fn any(&self, holds: &mut impl FnMut(&Self) -> bool) -> bool {
        holds(self) || self.parts().into_iter().any(|part| part.any(holds))
    }

    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Literal(_) | Self::Variable(_) => Vec::new(),
            Self::List(items) | Self::Call(_, items) => items.iter().collect(),
            Self::Member(of, _) | Self::Has(of, _) | Self::Not(of) => vec![of],
            Self::Index(left, right) | Self::Binary(_, left, right) => vec![left, right],
        }
    }
}

#[cfg(test)]
mod tests;
