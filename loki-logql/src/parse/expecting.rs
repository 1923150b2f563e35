//! What an error says was expected.
//!
//! Loki's parser completes every construct that can be complete before it looks at the token that does not fit. So it
//! lists what may follow at the innermost place where nothing is complete, and nothing if that is more than four
//! tokens. This module finds that place by walking over the tokens that did fit.

use crate::lexer::{Spanned, Token};

/// The names of the tokens that may follow `tokens`, a correct beginning of a query; empty where Loki lists none.
pub(super) fn expecting(tokens: &[Spanned<'_>]) -> &'static [&'static str] {
    let mut place = Place::default();
    for (_, token, _) in tokens {
        place.advance(token);
    }
    place.expecting()
}

/// What the innermost open bracket holds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Holds {
    /// The query, or an expression in parentheses or of a function.
    Expression,
    Matchers,
    /// The arguments of a range aggregation.
    Range,
    /// The argument of `of`.
    VariantsRange,
    /// A parenthesis in such.
    RangeParen,
    /// Of `by`, `on` and the like.
    Labels,
    /// Of `ip`.
    Address,
    /// Of `unwrap duration(…)`.
    Unwrapped,
    /// A parenthesis of label filters.
    Filters,
    Number,
    Replace,
    Variants,
}

/// What the tokens since the last `|` or line filter operator are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// No pipeline here.
    None,
    /// Right behind a selector or something complete.
    Complete,
    /// Right behind `|`.
    Start,
    LineFilter,
    /// `json`, `logfmt`
    Extractions,
    /// `drop`, `keep`
    Selections,
    LabelFormat,
    /// `regexp` and the like, which take a string.
    Argument,
    LabelFilter,
    Unwrap,
}

/// One open bracket.
#[derive(Debug, Clone, Copy)]
struct Level {
    holds: Holds,
    stage: Stage,
    has_range: bool,
    has_unwrap: bool,
    /// The parenthesis of a log range that stood here is closed.
    has_closed: bool,
    /// Arguments complete before the place.
    commas: usize,
    /// The range of the log range stands inside of a parenthesis that is closed.
    is_ranged_inside: bool,
}

impl Level {
    fn new(holds: Holds) -> Level {
        Level {
            holds,
            stage: Stage::None,
            has_range: false,
            has_unwrap: false,
            has_closed: false,
            commas: 0,
            is_ranged_inside: false,
        }
    }
}

/// The kind of a token, as far as places depend on it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Last {
    /// The start of the query.
    None,
    Identifier,
    String,
    Number,
    /// A duration, a size, a range or a flag: something complete.
    Value,
    Range,
    Comma,
    Open,
    /// A bracket that held this.
    Close(Holds),
    Pipe,
    /// An operator of a matcher that takes only strings: `=~`, `!~`, and any in a selector.
    StringOp,
    /// `=` behind the name of a label to set.
    Set,
    /// Another comparison.
    CompareOp,
    LineFilterOp,
    /// A word that takes parentheses.
    Call,
    VectorOp,
    RangeOp,
    /// `and`, `or` between label filters.
    Joiner,
    /// `+`, `-`.
    Sign,
    /// `ip`.
    Ip,
    Offset,
    Unwrap,
    /// A word of a stage that takes more.
    Stage,
    /// Anything else: an operator, a modifier, a stage without arguments.
    Other,
}

#[derive(Debug)]
struct Place {
    levels: Vec<Level>,
    last: Last,
    /// What the next `(` will hold, if a word decided that.
    call: Option<Holds>,
    /// Brackets closed last held the labels of `by` or `without` behind a vector aggregation's name.
    awaits_arguments: bool,
}

impl Default for Place {
    fn default() -> Place {
        Place {
            levels: vec![Level::new(Holds::Expression)],
            last: Last::None,
            call: None,
            awaits_arguments: false,
        }
    }
}

impl Place {
    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("the query's own level is never closed")
    }

    fn open(&mut self, holds: Holds) {
        let mut level = Level::new(holds);
        if matches!(holds, Holds::Filters) {
            level.stage = Stage::LabelFilter;
        }
        self.levels.push(level);
        self.last = Last::Open;
    }

    fn close(&mut self) {
        let level = *self.level();
        if self.levels.len() > 1 {
            self.levels.pop();
        }
        let outer = self.level();
        match level.holds {
            Holds::Matchers => outer.stage = Stage::Complete,
            Holds::RangeParen => {
                outer.has_closed = true;
                outer.is_ranged_inside = level.has_range || level.is_ranged_inside;
                outer.has_unwrap |= level.has_unwrap;
            }
            Holds::Expression
            | Holds::Range
            | Holds::VariantsRange
            | Holds::Number
            | Holds::Replace
            | Holds::Variants => {
                outer.stage = Stage::None;
            }
            _ => {}
        }
        self.last = Last::Close(level.holds);
    }

    /// Takes one more token.
    fn advance(&mut self, token: &Token<'_>) {
        let level = *self.level();
        let in_pipeline = level.stage != Stage::None;
        if *token != Token::OpenParen {
            self.call = None;
        }
        match token {
            Token::OpenBrace => self.open(Holds::Matchers),
            Token::OpenParen => {
                let holds = self.paren(level);
                self.open(holds);
            }
            Token::CloseBrace | Token::CloseParen => self.close(),
            Token::RangeOp(_) => self.call(Last::RangeOp, Holds::Range),
            Token::Of => self.call(Last::Call, Holds::VariantsRange),
            Token::VectorOp(_) => {
                self.call(Last::VectorOp, Holds::Expression);
                self.awaits_arguments = true;
            }
            Token::Vector => self.call(Last::Call, Holds::Number),
            Token::LabelReplace => self.call(Last::Call, Holds::Replace),
            Token::Variants => self.call(Last::Call, Holds::Variants),
            Token::By | Token::Without | Token::On | Token::Ignoring => self.call(Last::Call, Holds::Labels),
            Token::GroupLeft | Token::GroupRight => self.call(Last::Other, Holds::Labels),
            Token::Conversion(_) => self.call(Last::Call, Holds::Unwrapped),
            Token::Ip => self.call(Last::Ip, Holds::Address),
            Token::Identifier(_) => {
                if level.stage == Stage::Start {
                    self.level().stage = Stage::LabelFilter;
                }
                // Behind `a=` of `label_format` a name completes the operation.
                self.last = if self.last == Last::Set {
                    Last::Value
                } else {
                    Last::Identifier
                };
            }
            Token::String(_) => self.last = Last::String,
            Token::Number(_) => self.last = Last::Number,
            Token::Duration(_) | Token::Bytes(_) | Token::Strict | Token::KeepEmpty => self.last = Last::Value,
            Token::Range(_) => {
                self.level().has_range = true;
                self.last = Last::Range;
            }
            Token::Comma => {
                self.level().commas += 1;
                self.last = Last::Comma;
            }
            Token::Pipe => {
                self.level().stage = Stage::Start;
                self.last = Last::Pipe;
            }
            Token::Json | Token::Logfmt => self.stage(Stage::Extractions, Last::Other),
            Token::Drop | Token::Keep => self.stage(Stage::Selections, Last::Stage),
            Token::LabelFormat => self.stage(Stage::LabelFormat, Last::Stage),
            Token::Regexp | Token::Pattern | Token::LineFormat => self.stage(Stage::Argument, Last::Stage),
            Token::Unpack | Token::Decolorize => self.stage(Stage::Complete, Last::Other),
            Token::Unwrap => {
                self.level().has_unwrap = true;
                self.stage(Stage::Unwrap, Last::Unwrap);
            }
            Token::Offset => self.last = Last::Offset,
            Token::PipeEqual | Token::PipeMatch | Token::PipePattern | Token::NotPattern => self.line_filter(),
            Token::Equal => {
                self.last = match level.stage {
                    _ if level.holds == Holds::Matchers => Last::StringOp,
                    Stage::Extractions | Stage::LabelFormat => Last::Set,
                    Stage::Selections => Last::StringOp,
                    _ => Last::CompareOp,
                };
            }
            Token::Match => self.last = Last::StringOp,
            Token::NotEqual | Token::NotMatch => self.not_equal(level, token),
            Token::And | Token::Or if level.stage == Stage::LabelFilter => self.last = Last::Joiner,
            Token::Or if level.stage == Stage::LineFilter => self.last = Last::LineFilterOp,
            Token::EqualEqual | Token::Greater | Token::GreaterOrEqual | Token::Less | Token::LessOrEqual
                if in_pipeline && level.stage == Stage::LabelFilter && self.last == Last::Identifier =>
            {
                self.last = Last::CompareOp;
            }
            Token::Add | Token::Sub => self.operator(Last::Sign),
            _ => self.operator(Last::Other),
        }
    }

    fn call(&mut self, last: Last, holds: Holds) {
        self.call = Some(holds);
        self.last = last;
    }

    fn stage(&mut self, stage: Stage, last: Last) {
        self.level().stage = stage;
        self.last = last;
    }

    fn line_filter(&mut self) {
        self.stage(Stage::LineFilter, Last::LineFilterOp);
    }

    /// `!=` or `!~`: of a matcher behind a name, else of a line filter in a pipeline, else between operands.
    fn not_equal(&mut self, level: Level, token: &Token<'_>) {
        let is_name = self.last == Last::Identifier;
        let takes_string = *token == Token::NotMatch;
        match level.stage {
            _ if level.holds == Holds::Matchers => self.last = Last::StringOp,
            Stage::Selections if is_name => self.last = Last::StringOp,
            Stage::LabelFilter if is_name && takes_string => self.last = Last::StringOp,
            Stage::LabelFilter if is_name => self.last = Last::CompareOp,
            Stage::None => self.operator(Last::Other),
            _ => self.line_filter(),
        }
    }

    /// An operator or modifier between operands. A `+` where an operand must stand is a sign.
    fn operator(&mut self, last: Last) {
        let is_operand_next = matches!(
            self.last,
            Last::None | Last::Open | Last::Comma | Last::Other | Last::CompareOp
        ) && self.level().stage == Stage::None;
        let in_filter = self.level().stage == Stage::LabelFilter && self.last == Last::CompareOp;
        if !in_filter {
            self.level().stage = Stage::None;
        }
        self.last = match last {
            Last::Sign if is_operand_next || in_filter => Last::Sign,
            _ => Last::Other,
        };
    }

    /// What a `(` here will hold.
    fn paren(&mut self, level: Level) -> Holds {
        let call = self.call.take();
        if call != Some(Holds::Labels) {
            self.awaits_arguments = false;
        }
        if let Some(holds) = call {
            return holds;
        }
        match (level.stage, level.holds) {
            (Stage::None, Holds::Range | Holds::VariantsRange | Holds::RangeParen) => Holds::RangeParen,
            (Stage::Start | Stage::LabelFilter, _) => {
                self.level().stage = Stage::LabelFilter;
                Holds::Filters
            }
            _ => Holds::Expression,
        }
    }

    fn expecting(&self) -> &'static [&'static str] {
        let level = self.levels.last().copied().unwrap_or(Level::new(Holds::Expression));
        match self.last {
            Last::LineFilterOp => &["STRING", "ip"],
            Last::Ip | Last::Call | Last::RangeOp => &["("],
            Last::VectorOp => &["(", "by", "without"],
            Last::StringOp => &["STRING"],
            Last::Offset => &["DURATION"],
            Last::Unwrap => &["IDENTIFIER", "BYTES_CONV", "DURATION_CONV", "DURATION_SECONDS_CONV"],
            Last::Sign => &["NUMBER"],
            Last::Joiner => &["IDENTIFIER", "("],
            Last::Pipe if level.has_unwrap => &["IDENTIFIER", "("],
            Last::Pipe if level.has_closed => &["unwrap"],
            Last::Pipe => &[],
            Last::Set if level.stage == Stage::LabelFormat => &["IDENTIFIER", "STRING"],
            Last::Set => &["STRING"],
            Last::Stage if level.stage == Stage::Argument => &["STRING"],
            Last::Stage => &["IDENTIFIER"],
            Last::Identifier if level.stage == Stage::LabelFormat => &["="],
            _ => self.inside(level),
        }
    }

    /// What may follow inside of the innermost bracket.
    fn inside(&self, level: Level) -> &'static [&'static str] {
        let is_open = self.last == Last::Open;
        let is_comma = self.last == Last::Comma;
        match level.holds {
            Holds::Matchers => match self.last {
                Last::Open => &["IDENTIFIER", "}"],
                Last::Comma => &["IDENTIFIER"],
                Last::Identifier => &["=", "=~", "!~", "!="],
                _ => &["}", ","],
            },
            Holds::Labels if is_open => &["IDENTIFIER", ")"],
            Holds::Labels if is_comma => &["IDENTIFIER"],
            Holds::Labels => &[",", ")"],
            Holds::Address if is_open => &["STRING"],
            Holds::Unwrapped if is_open => &["IDENTIFIER"],
            Holds::Number if is_open => &["NUMBER"],
            Holds::Address | Holds::Unwrapped | Holds::Number => &[")"],
            Holds::Filters if is_open || is_comma => &["IDENTIFIER", "("],
            Holds::Filters => &[],
            _ if is_comma && matches!(level.stage, Stage::Extractions | Stage::Selections | Stage::LabelFormat) => {
                &["IDENTIFIER"]
            }
            _ if is_comma && level.stage == Stage::LabelFilter => &["IDENTIFIER", "("],
            Holds::Replace if is_comma => &["STRING"],
            Holds::Replace if level.commas == 0 || is_open => &[],
            Holds::Replace if level.commas < 4 => &[","],
            Holds::Replace => &[")"],
            Holds::Range | Holds::VariantsRange | Holds::RangeParen => self.inside_range(level),
            Holds::Variants if is_open || is_comma => &[],
            Holds::Variants => &[",", ")"],
            Holds::Expression => self.behind_expression(),
        }
    }

    /// What may follow in the argument of a range aggregation.
    fn inside_range(&self, level: Level) -> &'static [&'static str] {
        let is_paren = level.holds == Holds::RangeParen;
        match self.last {
            Last::Open if level.holds == Holds::Range => &["NUMBER", "{", "("],
            Last::Open => &["{", "("],
            Last::Comma => &["{", "("],
            Last::Number if level.stage == Stage::None => &[","],
            Last::Identifier if level.stage == Stage::LabelFilter && !level.has_unwrap => &[],
            Last::CompareOp => &[],
            _ if level.has_range || level.is_ranged_inside => &[")"],
            _ if level.has_closed => &["RANGE"],
            _ if level.has_unwrap && self.last == Last::Identifier && level.stage == Stage::LabelFilter => &[],
            _ if level.has_unwrap && is_paren => &["RANGE", ")", "|"],
            _ if level.has_unwrap => &["RANGE", "|"],
            _ => &[],
        }
    }

    /// What may follow where an expression is, or its parts.
    fn behind_expression(&self) -> &'static [&'static str] {
        match self.last {
            // `sum by (a)`: the arguments are missing.
            Last::Close(Holds::Labels) if self.awaits_arguments => &["("],
            // `variants (…)`
            Last::Close(Holds::Variants) => &["of"],
            _ => &[],
        }
    }
}
