//! From a condition's text to its expression: by descent, one function a level of precedence.

use serde_json::{Number, Value};

use super::{Expression, Function, Operator};

/// How deep parentheses, lists, `!` and calls may nest.
const DEEPEST: usize = 32;
/// Operators that compare, the longer before their beginnings.
const RELATIONS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];
/// Words that CEL keeps for itself.
const RESERVED: [&str; 16] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "while",
];

pub(super) fn parse(source: &str) -> Result<Expression, String> {
    let mut reader = Reader {
        source,
        at: 0,
        depth: 0,
    };
    let expression = reader.either()?;
    reader.skip();
    if reader.rest().is_empty() {
        Ok(expression)
    } else {
        Err(reader.wrong("the end, or an operator such as `&&`"))
    }
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn either(&mut self) -> Result<Expression, String> {
        let mut left = self.both()?;
        while self.take("||") {
            left = binary(Operator::Or, left, self.both()?);
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expression, String> {
        let mut left = self.relation()?;
        while self.take("&&") {
            left = binary(Operator::And, left, self.relation()?);
        }
        Ok(left)
    }

    fn relation(&mut self) -> Result<Expression, String> {
        let mut left = self.unary()?;
        loop {
            let found = RELATIONS.iter().find(|(sign, _)| self.take(sign));
            let operator = match found {
                Some((_, operator)) => *operator,
                None if self.take_word("in") => Operator::In,
                None => return Ok(left),
            };
            left = binary(operator, left, self.unary()?);
        }
    }

    fn unary(&mut self) -> Result<Expression, String> {
        self.skip();
        if self.rest().starts_with("!=") || !self.take("!") {
            return self.member();
        }
        self.deeper(|reader| Ok(Expression::Not(Box::new(reader.unary()?))))
    }

    fn member(&mut self) -> Result<Expression, String> {
        let mut value = self.primary()?;
        loop {
            if self.take(".") {
                let name = self.name()?;
                value = if self.take("(") {
                    let function = match name {
                        "contains" => Function::Contains,
                        "startsWith" => Function::StartsWith,
                        "endsWith" => Function::EndsWith,
                        "size" => Function::Size,
                        _ => return Err(unknown(name)),
                    };
                    self.call(function, Some(value))?
                } else {
                    Expression::Member(Box::new(value), name.to_owned())
                };
            } else if self.take("[") {
                let index = self.deeper(Self::either)?;
                self.expect("]")?;
                value = Expression::Index(Box::new(value), Box::new(index));
            } else {
                return Ok(value);
            }
        }
    }

    /// The arguments of a call behind its parenthesis; `of` is what it was called on.
    fn call(&mut self, function: Function, of: Option<Expression>) -> Result<Expression, String> {
        let wanted = if function == Function::Size { 1 } else { 2 };
        let mut arguments: Vec<_> = of.into_iter().collect();
        if !self.take(")") {
            arguments.extend(self.deeper(|reader| reader.items(")"))?);
        }
        if arguments.len() != wanted {
            return Err(self.wrong(&format!("{wanted} arguments in all")));
        }
        Ok(Expression::Call(function, arguments))
    }

    fn primary(&mut self) -> Result<Expression, String> {
        self.skip();
        match self.rest().chars().next() {
            Some('(') => {
                self.take("(");
                let inner = self.deeper(Self::either)?;
                self.expect(")")?;
                Ok(inner)
            }
            Some('[') => {
                self.take("[");
                if self.take("]") {
                    return Ok(Expression::List(Vec::new()));
                }
                Ok(Expression::List(self.deeper(|reader| reader.items("]"))?))
            }
            Some(quote @ ('"' | '\'')) => self.string(quote),
            Some(c) if c.is_ascii_digit() || c == '-' => self.number(),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => self.word(),
            _ => Err(self.wrong("a value such as `classify.type` or \"card\"")),
        }
    }

    fn word(&mut self) -> Result<Expression, String> {
        let name = self.name()?;
        match name {
            "true" => Ok(Expression::Literal(Value::Bool(true))),
            "false" => Ok(Expression::Literal(Value::Bool(false))),
            "null" => Ok(Expression::Literal(Value::Null)),
            "has" if self.take("(") => {
                let inner = self.deeper(Self::member)?;
                self.expect(")")?;
                match inner {
                    Expression::Member(of, name) => Ok(Expression::Has(of, name)),
                    _ => Err(self.wrong("a member in `has(…)`, such as `has(classify.type)`")),
                }
            }
            "size" if self.take("(") => self.call(Function::Size, None),
            _ if self.take("(") => Err(unknown(name)),
            _ => Ok(Expression::Variable(name.to_owned())),
        }
    }

    /// Expressions with commas between them, up to and with `end`.
    fn items(&mut self, end: &str) -> Result<Vec<Expression>, String> {
        let mut items = vec![self.either()?];
        while self.take(",") {
            items.push(self.either()?);
        }
        self.expect(end)?;
        Ok(items)
    }

    fn string(&mut self, quote: char) -> Result<Expression, String> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                _ if c == quote => {
                    self.at += at + c.len_utf8();
                    return Ok(Expression::Literal(Value::String(text)));
                }
                '\\' => match characters.next() {
                    Some((_, same @ ('"' | '\'' | '\\'))) => text.push(same),
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    _ => return Err(self.wrong("one of \\\" \\' \\\\ \\n \\t behind a backslash")),
                },
                '\n' => break,
                _ => text.push(c),
            }
        }
        Err(self.wrong(&format!("a string that ends with {quote}")))
    }

    fn number(&mut self) -> Result<Expression, String> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with('-'));
        let part = |c: char| c.is_ascii_digit() || c == '.';
        let end = rest
            .char_indices()
            .find(|(at, c)| *at >= sign && !part(*c))
            .map_or(rest.len(), |(at, _)| at);
        let text = rest.get(..end).unwrap_or_default();
        let whole = text.parse::<i64>().ok().map(Number::from);
        let real = || text.parse::<f64>().ok().and_then(Number::from_f64);
        let Some(number) = whole.or_else(real) else {
            return Err(self.wrong("a number such as 0.75"));
        };
        self.at += end;
        Ok(Expression::Literal(Value::Number(number)))
    }

    fn name(&mut self) -> Result<&'a str, String> {
        self.skip();
        let rest = self.rest();
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.wrong("a name"));
        }
        if RESERVED.contains(&name) {
            return Err(self.wrong(&format!("a name; CEL keeps `{name}` for itself")));
        }
        self.at += end;
        Ok(name)
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.skip();
        let rest = self.rest().strip_prefix(word);
        let ends = rest
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
        self.at += if ends { word.len() } else { 0 };
        ends
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip();
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(self.wrong(&format!("`{sign}`")))
        }
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        if self.depth == DEEPEST {
            return Err(format!(
                "the condition nests deeper than {DEEPEST}: split the rule"
            ));
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    fn skip(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn wrong(&self, wanted: &str) -> String {
        let found = self.rest().split_whitespace().next().unwrap_or("its end");
        format!(
            "`{}` is no condition: at byte {} stands `{found}`, and {wanted} is needed there",
            self.source, self.at
        )
    }
}

fn unknown(name: &str) -> String {
    format!(
        "`{name}(…)` is no function of a condition: `has`, `size`, `contains`, `startsWith` and `endsWith` are"
    )
}

fn binary(operator: Operator, left: Expression, right: Expression) -> Expression {
    Expression::Binary(operator, Box::new(left), Box::new(right))
}
