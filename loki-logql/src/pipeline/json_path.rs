//! The paths of `| json a="b.c[0]"`.

/// One step into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Into the member of an object.
    Key(Box<[u8]>),
    /// Into the element of an array.
    Index(usize),
}

/// A token, as the messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'a> {
    End,
    Dot,
    Open,
    Close,
    Field(&'a str),
    Text(&'a str),
    Index(usize),
}

impl Token<'_> {
    fn name(&self) -> &'static str {
        match self {
            Token::End => "$end",
            Token::Dot => "DOT",
            Token::Open => "LSB",
            Token::Close => "RSB",
            Token::Field(_) => "FIELD",
            Token::Text(_) => "STRING",
            Token::Index(_) => "INDEX",
        }
    }
}

/// Parses a path: `a.b`, `a["b c"][0]`, `[0].a`. An error is what stands behind `cannot parse expression […]: `.
pub(super) fn parse(path: &str) -> Result<Vec<Step>, String> {
    let mut lexer = Lexer { rest: path };
    let mut steps = Vec::new();
    let mut token = lexer.token()?;
    loop {
        match token {
            Token::Field(name) if steps.is_empty() => steps.push(key(name)),
            Token::Open => steps.push(lexer.bracket()?),
            Token::Dot if !steps.is_empty() => match lexer.token()? {
                Token::Field(name) => steps.push(key(name)),
                other => return Err(unexpected(&other, "FIELD")),
            },
            other if steps.is_empty() => return Err(unexpected(&other, "LSB or FIELD")),
            Token::End => return Ok(steps),
            other => return Err(format!("syntax error: unexpected {}", other.name())),
        }
        token = lexer.token()?;
    }
}

fn key(name: &str) -> Step {
    Step::Key(name.as_bytes().into())
}

fn unexpected(token: &Token<'_>, expected: &str) -> String {
    format!("syntax error: unexpected {}, expecting {expected}", token.name())
}

struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n']);
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// A token outside brackets. A digit there ends the path.
    fn token(&mut self) -> Result<Token<'a>, String> {
        self.skip_space();
        let Some(c) = self.rest.chars().next() else {
            return Ok(Token::End);
        };
        let token = match c {
            '.' => Token::Dot,
            '[' => Token::Open,
            ']' => Token::Close,
            '0'..='9' => return Ok(Token::End),
            'a'..='z' | 'A'..='Z' | '_' => return Ok(self.field()),
            _ => return Err(format!("unexpected char {c}")),
        };
        self.take(1);
        Ok(token)
    }

    fn field(&mut self) -> Token<'a> {
        let is_end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        Token::Field(self.take(end))
    }

    /// What stands between an opening bracket, which is taken already, and a closing one.
    fn bracket(&mut self) -> Result<Step, String> {
        const EXPECTED: &str = "STRING or INDEX";
        self.skip_space();
        let step = match self.bracketed()? {
            Token::Text(text) => key(text),
            Token::Index(index) => Step::Index(index),
            other => return Err(unexpected(&other, EXPECTED)),
        };
        match self.token()? {
            Token::Close => Ok(step),
            other => Err(unexpected(&other, "RSB")),
        }
    }

    fn bracketed(&mut self) -> Result<Token<'a>, String> {
        if let Some(text) = self.rest.strip_prefix('"') {
            let Some(end) = text.find(['"', ']']) else {
                return Ok(Token::End);
            };
            let is_closed = text.as_bytes()[end] == b'"';
            self.rest = &text[end + usize::from(is_closed)..];
            return Ok(Token::Text(&text[..end]));
        }
        let is_index = |c: char| !matches!(c, ']' | '[') && !c.is_ascii_alphabetic() && c != '_';
        match self.rest.find(|c: char| !c.is_ascii_digit()) {
            Some(0) if self.rest.starts_with(is_index) && !self.rest.starts_with('.') => Ok(Token::End),
            Some(0) => self.token(),
            Some(end) if self.rest[end..].trim_start_matches([' ', '\t', '\n']).starts_with(']') => {
                // More digits than a number has name an element that no line has.
                let index = self.take(end).parse().unwrap_or(usize::MAX);
                Ok(Token::Index(index))
            }
            _ => Ok(Token::End),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_steps() {
        let text = |steps: Vec<Step>| -> String {
            steps
                .iter()
                .map(|step| match step {
                    Step::Key(key) => format!("/{}", String::from_utf8_lossy(key)),
                    Step::Index(index) => format!("#{index}"),
                })
                .collect()
        };
        for (path, steps) in [
            ("a", "/a"),
            ("a.b", "/a/b"),
            ("a[\"b c\"]", "/a/b c"),
            ("a[0].b", "/a#0/b"),
            ("[0].a", "#0/a"),
            ("[\"x.y\"].z", "/x.y/z"),
            (" a . b [ 1 ]", "/a/b#1"),
        ] {
            assert_eq!(parse(path).map(text).as_deref(), Ok(steps), "{path}");
        }
    }

    #[test]
    fn errors_are_those_of_loki() {
        for (path, message) in [
            ("", "syntax error: unexpected $end, expecting LSB or FIELD"),
            ("1a", "syntax error: unexpected $end, expecting LSB or FIELD"),
            ("y..z", "syntax error: unexpected DOT, expecting FIELD"),
            (".a", "syntax error: unexpected DOT, expecting LSB or FIELD"),
            ("a.", "syntax error: unexpected $end, expecting FIELD"),
            ("a b", "syntax error: unexpected FIELD"),
            ("[a]", "syntax error: unexpected FIELD, expecting STRING or INDEX"),
            ("a[", "syntax error: unexpected $end, expecting STRING or INDEX"),
            ("a[1", "syntax error: unexpected $end, expecting STRING or INDEX"),
            ("a[1.5]", "syntax error: unexpected $end, expecting STRING or INDEX"),
            ("a[-1]", "syntax error: unexpected $end, expecting STRING or INDEX"),
            ("a-b", "unexpected char -"),
        ] {
            assert_eq!(parse(path), Err(message.to_string()), "{path}");
        }
    }
}
