//! Tokens to tree: what stands inside an action.

use super::functions::{self, Function};
use super::lex::{Kind, Token};
use super::literal;
use super::node::{Command, ConstantRegex, Operand, OperandKind, Pipe, Pos};
use super::parse::Parser;
use crate::quote::quote;

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, String> {
        let mut pipe = Pipe {
            pos: self.peek_non_space().pos as Pos,
            names: Vec::new(),
            is_assign: false,
            commands: Vec::new(),
        };
        self.declarations(context, &mut pipe)?;
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::Str
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
        if pipe.commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (i, command) in pipe.commands.iter().enumerate().skip(1) {
            if command.operands[0].is_constant() {
                return self.error(format!("non executable command in pipeline stage {}", i + 1));
            }
        }
        Ok(pipe)
    }

    /// `$x :=`, `$x =` or `$i, $x :=` before the commands.
    fn declarations(&mut self, context: &str, pipe: &mut Pipe) -> Result<(), String> {
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            self.next();
            // `$x foo` is no declaration: the space must go back with the variable.
            self.peek();
            let after = self.tokens[self.peeked - 1].clone();
            let next = self.peek_non_space();
            let name = String::from_utf8_lossy(&variable.text).into_owned();
            if matches!(next.kind, Kind::Assign | Kind::Declare) {
                pipe.is_assign = next.kind == Kind::Assign;
                self.next_non_space();
                pipe.names.push(name.clone());
                self.variables.push(name);
                return Ok(());
            }
            if next.kind == Kind::Char && next.text == b"," {
                self.next_non_space();
                pipe.names.push(name.clone());
                self.variables.push(name);
                if context == "range" && pipe.names.len() < 2 {
                    match self.peek_non_space().kind {
                        Kind::Variable | Kind::RightDelim | Kind::RightParen => continue,
                        _ => return self.error("range can only initialize variables"),
                    }
                }
                return self.error(format!("too many declarations in {context}"));
            }
            if after.kind == Kind::Space {
                self.tokens[1] = after;
                self.tokens[2] = variable;
                self.peeked = 3;
            } else {
                self.tokens[1] = variable;
                self.peeked = 2;
            }
            return Ok(());
        }
    }

    fn command(&mut self) -> Result<Command, String> {
        let pos = self.peek_non_space().pos as Pos;
        let mut operands = Vec::new();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                operands.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if operands.is_empty() {
            return self.error("empty command");
        }
        let regex = constant_regex(&operands);
        Ok(Command { pos, operands, regex })
    }

    fn operand(&mut self) -> Result<Option<Operand>, String> {
        let Some(mut operand) = self.term()? else {
            return Ok(None);
        };
        if self.peek() != Kind::Field {
            return Ok(Some(operand));
        }
        let pos = self.tokens[self.peeked - 1].pos as Pos;
        let mut fields = Vec::new();
        while self.peek() == Kind::Field {
            let token = self.next();
            fields.push(field_name(&token));
        }
        operand.kind = match operand.kind {
            OperandKind::Field(mut names) => {
                names.append(&mut fields);
                OperandKind::Field(names)
            }
            OperandKind::Variable(name, mut names) => {
                names.append(&mut fields);
                OperandKind::Variable(name, names)
            }
            kind @ (OperandKind::Function(_) | OperandKind::Pipe(_)) => {
                let inner = Operand { pos: operand.pos, kind };
                OperandKind::Chain(Box::new(inner), fields)
            }
            kind => {
                let term = Operand { pos, kind }.to_string();
                return self.error(format!("unexpected . after term {}", quote(term.as_bytes())));
            }
        };
        operand.pos = pos;
        Ok(Some(operand))
    }

    fn term(&mut self) -> Result<Option<Operand>, String> {
        let token = self.next_non_space();
        let text = || String::from_utf8_lossy(&token.text).into_owned();
        let kind = match token.kind {
            Kind::Identifier => match functions::find(&text(), self.dialect) {
                Some(function) => OperandKind::Function(function),
                None => return self.error(format!("function {} not defined", quote(&token.text))),
            },
            Kind::Dot => OperandKind::Dot,
            Kind::Nil => OperandKind::Nil,
            Kind::Bool => OperandKind::Bool(token.text == b"true"),
            Kind::Field => OperandKind::Field(vec![field_name(&token)]),
            Kind::Variable => {
                if !self.variables.contains(&text()) {
                    return self.error(format!("undefined variable {}", quote(&token.text)));
                }
                OperandKind::Variable(text(), Vec::new())
            }
            Kind::Number => match literal::number(&text()) {
                Ok(number) => OperandKind::Number(number),
                Err(message) => return self.error(message),
            },
            Kind::CharConstant => match literal::character(&token.text) {
                Ok(number) => OperandKind::Number(number),
                Err(message) => return self.error(message),
            },
            Kind::LeftParen => {
                let pipe = self.deeper(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?;
                OperandKind::Pipe(pipe)
            }
            Kind::Str | Kind::RawString => match literal::unquote(&token.text) {
                Some(value) => OperandKind::Str(text(), value.into()),
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        let pos = match &kind {
            OperandKind::Pipe(pipe) => pipe.pos,
            _ => token.pos as Pos,
        };
        Ok(Some(Operand { pos, kind }))
    }
}

impl Operand {
    /// Whether the operand can only start a pipeline.
    fn is_constant(&self) -> bool {
        matches!(
            self.kind,
            OperandKind::Bool(_) | OperandKind::Dot | OperandKind::Nil | OperandKind::Number(_) | OperandKind::Str(..)
        )
    }
}

/// The regex of `regexReplaceAll "re" …`.
fn constant_regex(operands: &[Operand]) -> Option<ConstantRegex> {
    let [first, second, ..] = operands else { return None };
    match (&first.kind, &second.kind) {
        (OperandKind::Function(Function { takes_regex: true, .. }), OperandKind::Str(_, pattern)) => {
            Some(ConstantRegex::new(pattern))
        }
        _ => None,
    }
}

fn field_name(token: &Token) -> String {
    String::from_utf8_lossy(&token.text[1..]).into_owned()
}
