//! Evaluates a condition on the decisions: as CEL does, errors that `&&` and `||` need not look at included.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::{Expression, Function, Operator, Unclear};

type Found<'a> = Result<Cow<'a, Value>, Unclear>;

pub(super) fn truth(
    expression: &Expression,
    decisions: &Map<String, Value>,
) -> Result<bool, Unclear> {
    match value(expression, decisions)?.as_ref() {
        Value::Bool(holds) => Ok(*holds),
        other => Err(Unclear(format!("gives {}, not true or false", kind(other)))),
    }
}

fn value<'a>(expression: &'a Expression, decisions: &'a Map<String, Value>) -> Found<'a> {
    match expression {
        Expression::Literal(value) => Ok(Cow::Borrowed(value)),
        Expression::List(items) => {
            let items = items
                .iter()
                .map(|item| value(item, decisions).map(Cow::into_owned));
            Ok(owned(Value::Array(items.collect::<Result<_, _>>()?)))
        }
        Expression::Variable(name) => Ok(decisions
            .get(name)
            .map_or_else(|| owned(Value::Object(Map::new())), Cow::Borrowed)),
        Expression::Member(of, name) => member(value(of, decisions)?, name),
        Expression::Index(of, index) => {
            let index = value(index, decisions)?;
            indexed(value(of, decisions)?, &index)
        }
        Expression::Has(of, name) => match value(of, decisions)?.as_ref() {
            Value::Object(members) => Ok(owned(members.contains_key(name))),
            other => Err(Unclear(format!("asks for `{name}` of {}", kind(other)))),
        },
        Expression::Call(function, arguments) => call(*function, arguments, decisions),
        Expression::Not(inner) => Ok(owned(!truth(inner, decisions)?)),
        Expression::Binary(Operator::And, left, right) => {
            logical(truth(left, decisions), || truth(right, decisions), false)
        }
        Expression::Binary(Operator::Or, left, right) => {
            logical(truth(left, decisions), || truth(right, decisions), true)
        }
        Expression::Binary(operator, left, right) => {
            let (left, right) = (value(left, decisions)?, value(right, decisions)?);
            compare(*operator, left.as_ref(), right.as_ref()).map(owned)
        }
    }
}

/// `&&`, which `false` decides, or `||`, which `true` does: then an error on the other side does not matter.
fn logical<'a>(
    left: Result<bool, Unclear>,
    right: impl FnOnce() -> Result<bool, Unclear>,
    deciding: bool,
) -> Found<'a> {
    match left {
        Ok(value) if value == deciding => Ok(owned(deciding)),
        Ok(_) => right().map(owned),
        Err(error) => match right() {
            Ok(value) if value == deciding => Ok(owned(deciding)),
            _ => Err(error),
        },
    }
}

fn member<'a>(of: Cow<'a, Value>, name: &str) -> Found<'a> {
    let found = match of {
        Cow::Borrowed(value) => value.get(name).map(Cow::Borrowed),
        Cow::Owned(value) => value.get(name).cloned().map(Cow::Owned),
    };
    found.ok_or_else(|| {
        Unclear(format!(
            "uses `{name}`, which is absent here; guard it with `has(….{name}) && …`"
        ))
    })
}

fn indexed<'a>(of: Cow<'a, Value>, index: &Value) -> Found<'a> {
    match index {
        Value::String(name) => member(of, name),
        _ => {
            let place = index.as_u64().and_then(|place| usize::try_from(place).ok());
            let found = place.and_then(|place| of.get(place)).cloned();
            found
                .map(Cow::Owned)
                .ok_or_else(|| Unclear(format!("uses `[{index}]`, which is absent here")))
        }
    }
}

fn call<'a>(
    function: Function,
    arguments: &'a [Expression],
    decisions: &'a Map<String, Value>,
) -> Found<'a> {
    let mut values = arguments.iter().map(|argument| value(argument, decisions));
    let (first, second) = (values.next().transpose()?, values.next().transpose()?);
    let text = |value: &Option<Cow<'a, Value>>| {
        let text = value
            .as_ref()
            .and_then(|value| value.as_str().map(str::to_owned));
        let found = value.as_ref().map_or("nothing", |value| kind(value));
        text.ok_or_else(|| Unclear(format!("needs a string, and has {found}")))
    };
    let holds = match function {
        Function::Size => {
            let size = match first.as_deref() {
                Some(Value::String(text)) => text.chars().count(),
                Some(Value::Array(items)) => items.len(),
                Some(Value::Object(members)) => members.len(),
                other => {
                    let found = other.map_or("nothing", kind);
                    return Err(Unclear(format!("asks for the size of {found}")));
                }
            };
            return Ok(Cow::Owned(Value::from(size)));
        }
        Function::Contains => text(&first)?.contains(&text(&second)?),
        Function::StartsWith => text(&first)?.starts_with(&text(&second)?),
        Function::EndsWith => text(&first)?.ends_with(&text(&second)?),
    };
    Ok(owned(holds))
}

fn compare(operator: Operator, left: &Value, right: &Value) -> Result<bool, Unclear> {
    let ordered = |wanted: &[Ordering]| {
        let order = match (left, right) {
            (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
            (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
            _ => left
                .as_f64()
                .zip(right.as_f64())
                .and_then(|(left, right)| left.partial_cmp(&right)),
        };
        order
            .map(|order| wanted.contains(&order))
            .ok_or_else(|| Unclear(format!("compares {} with {}", kind(left), kind(right))))
    };
    match operator {
        Operator::Equal => Ok(equal(left, right)),
        Operator::Unequal => Ok(!equal(left, right)),
        Operator::Less => ordered(&[Ordering::Less]),
        Operator::LessOrEqual => ordered(&[Ordering::Less, Ordering::Equal]),
        Operator::Greater => ordered(&[Ordering::Greater]),
        Operator::GreaterOrEqual => ordered(&[Ordering::Greater, Ordering::Equal]),
        Operator::In => match (right, left) {
            (Value::Array(items), _) => Ok(items.iter().any(|item| equal(item, left))),
            (Value::Object(members), Value::String(name)) => Ok(members.contains_key(name)),
            _ => Err(Unclear(format!("looks for something in {}", kind(right)))),
        },
        Operator::And | Operator::Or => Err(Unclear("compares by a word that joins".into())),
    }
}

/// Numbers are equal by their value, whole or not.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| equal(a, b))
        }
        _ => left == right,
    }
}

fn owned<'a>(value: impl Into<Value>) -> Cow<'a, Value> {
    Cow::Owned(value.into())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
