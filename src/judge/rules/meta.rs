//! The expressions of `meta`: `(chaser + deadline) >= 2 and not praise`.
//!
//! Parsed once when rules are loaded; precedence from loose to tight is `or`,
//! `and`, `not`, comparison, `+`. Nesting is limited, so no input exhausts the stack.

/// Parentheses and `not`s inside each other.
const DEEPEST: usize = 32;

/// A parsed expression. A name counts 1 if it fired, else 0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Number(i64),
    Name(String),
    Sum(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Box<Expr>, Comparison, Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    AtLeast,
    Above,
    Equal,
}

impl Expr {
    /// Its value, given which names fired. Truth counts 1.
    pub(crate) fn value(&self, fired: &impl Fn(&str) -> bool) -> i64 {
        match self {
            Self::Number(n) => *n,
            Self::Name(name) => i64::from(fired(name)),
            Self::Sum(terms) => terms.iter().map(|t| t.value(fired)).sum(),
            Self::Not(inner) => i64::from(inner.value(fired) == 0),
            Self::Compare(a, how, b) => {
                let (a, b) = (a.value(fired), b.value(fired));
                i64::from(match how {
                    Comparison::AtLeast => a >= b,
                    Comparison::Above => a > b,
                    Comparison::Equal => a == b,
                })
            }
            Self::All(terms) => i64::from(terms.iter().all(|t| t.value(fired) != 0)),
            Self::Any(terms) => i64::from(terms.iter().any(|t| t.value(fired) != 0)),
        }
    }

    /// Calls `visit` with each name in it.
    pub(crate) fn names<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        match self {
            Self::Number(_) => {}
            Self::Name(name) => visit(name),
            Self::Not(inner) => inner.names(visit),
            Self::Compare(a, _, b) => {
                a.names(visit);
                b.names(visit);
            }
            Self::Sum(terms) | Self::All(terms) | Self::Any(terms) => {
                for term in terms {
                    term.names(visit);
                }
            }
        }
    }
}

/// Parses an expression; the error is a whole phrase for people.
pub(crate) fn parse(text: &str) -> Result<Expr, String> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => Err(format!("`{token}` is one too many")),
    }
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut found: Vec<String> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => {}
            '(' | ')' | '+' => found.push(c.to_string()),
            '>' | '=' => {
                let equals = chars.next_if_eq(&'=').is_some();
                found.push(if equals { format!("{c}=") } else { c.to_string() });
            }
            c if c.is_ascii_alphanumeric() || c == '_' => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-') {
                    word.push(c);
                }
                found.push(word);
            }
            other => return Err(format!("`{other}` means nothing here")),
        }
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<String>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.next).map(String::as_str)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<Expr, String> {
        let mut terms = vec![self.and()?];
        while self.take("or") {
            terms.push(self.and()?);
        }
        Ok(one_or(terms, Expr::Any))
    }

    fn and(&mut self) -> Result<Expr, String> {
        let mut terms = vec![self.not()?];
        while self.take("and") {
            terms.push(self.not()?);
        }
        Ok(one_or(terms, Expr::All))
    }

    fn not(&mut self) -> Result<Expr, String> {
        if !self.take("not") {
            return self.comparison();
        }
        self.deeper()?;
        let inner = self.not()?;
        self.depth -= 1;
        Ok(Expr::Not(Box::new(inner)))
    }

    fn comparison(&mut self) -> Result<Expr, String> {
        let left = self.sum()?;
        let how = match self.peek() {
            Some(">=") => Comparison::AtLeast,
            Some(">") => Comparison::Above,
            Some("==") => Comparison::Equal,
            _ => return Ok(left),
        };
        self.next += 1;
        let right = self.sum()?;
        Ok(Expr::Compare(Box::new(left), how, Box::new(right)))
    }

    fn sum(&mut self) -> Result<Expr, String> {
        let mut terms = vec![self.atom()?];
        while self.take("+") {
            terms.push(self.atom()?);
        }
        Ok(one_or(terms, Expr::Sum))
    }

    fn atom(&mut self) -> Result<Expr, String> {
        let Some(token) = self.peek().map(str::to_owned) else {
            return Err("it ends too early".to_owned());
        };
        self.next += 1;
        if token == "(" {
            self.deeper()?;
            let inner = self.or()?;
            self.depth -= 1;
            return if self.take(")") { Ok(inner) } else { Err("a `)` is missing".to_owned()) };
        }
        if let Ok(number) = token.parse() {
            return Ok(Expr::Number(number));
        }
        let name = token.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if name && !["and", "or", "not"].contains(&token.as_str()) {
            Ok(Expr::Name(token))
        } else {
            Err(format!("`{token}` stands where a name or number should"))
        }
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEEPEST { Err("it is nested too deeply".to_owned()) } else { Ok(()) }
    }
}

fn one_or(mut terms: Vec<Expr>, join: impl Fn(Vec<Expr>) -> Expr) -> Expr {
    if terms.len() == 1
        && let Some(only) = terms.pop()
    {
        return only;
    }
    join(terms)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn operators_bind_as_documented() {
        #[rustfmt::skip]
        let cases = [
            ("(a + b + c) >= 2 and not d", "ab",  true),
            ("(a + b + c) >= 2 and not d", "abd", false),
            ("a + b > 1",                  "a",   false),
            ("a or b and c",               "a",   true),
            ("not a or b",                 "ab",  true),
            ("a + b == 1",                 "b",   true),
        ];
        for (text, names, expected) in cases {
            let fired = |name: &str| names.contains(name);
            assert_eq!(parse(text).unwrap().value(&fired) != 0, expected, "{text} with {names}");
        }
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for text in ["", "a +", "(a", "a b", "a & b", "and", &"(".repeat(9_000)] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
