//! Words that are keywords, whatever their case.

use super::token::Token;
use crate::ast::{Conversion, RangeOp, VectorOp};

/// The keyword that `word` is, if `rest` is what follows it in the query; `None`: an identifier.
pub(super) fn keyword(word: &str, rest: &str) -> Option<Token<'static>> {
    // The longest keyword is `quantile_over_time`.
    if word.len() > 18 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    reserved(&word).or_else(|| function(&word).filter(|_| is_called(rest)))
}

/// Words that are keywords wherever they stand.
fn reserved(word: &str) -> Option<Token<'static>> {
    Some(match word {
        "by" => Token::By,
        "without" => Token::Without,
        "bool" => Token::Bool,
        "on" => Token::On,
        "ignoring" => Token::Ignoring,
        "group_left" => Token::GroupLeft,
        "group_right" => Token::GroupRight,
        "and" => Token::And,
        "or" => Token::Or,
        "unless" => Token::Unless,
        "offset" => Token::Offset,
        "unwrap" => Token::Unwrap,
        "json" => Token::Json,
        "logfmt" => Token::Logfmt,
        "regexp" => Token::Regexp,
        "pattern" => Token::Pattern,
        "unpack" => Token::Unpack,
        "line_format" => Token::LineFormat,
        "label_format" => Token::LabelFormat,
        "decolorize" => Token::Decolorize,
        "drop" => Token::Drop,
        "keep" => Token::Keep,
        "variants" => Token::Variants,
        "of" => Token::Of,
        _ => return None,
    })
}

/// Words that are keywords only where they are called.
fn function(word: &str) -> Option<Token<'static>> {
    use RangeOp::*;
    use VectorOp::*;
    Some(match word {
        "rate" => Token::RangeOp(Rate),
        "rate_counter" => Token::RangeOp(RateCounter),
        "count_over_time" => Token::RangeOp(CountOverTime),
        "bytes_rate" => Token::RangeOp(BytesRate),
        "bytes_over_time" => Token::RangeOp(BytesOverTime),
        "avg_over_time" => Token::RangeOp(AvgOverTime),
        "sum_over_time" => Token::RangeOp(SumOverTime),
        "min_over_time" => Token::RangeOp(MinOverTime),
        "max_over_time" => Token::RangeOp(MaxOverTime),
        "stdvar_over_time" => Token::RangeOp(StdvarOverTime),
        "stddev_over_time" => Token::RangeOp(StddevOverTime),
        "quantile_over_time" => Token::RangeOp(QuantileOverTime),
        "first_over_time" => Token::RangeOp(FirstOverTime),
        "last_over_time" => Token::RangeOp(LastOverTime),
        "absent_over_time" => Token::RangeOp(AbsentOverTime),
        "sum" => Token::VectorOp(Sum),
        "avg" => Token::VectorOp(Avg),
        "max" => Token::VectorOp(Max),
        "min" => Token::VectorOp(Min),
        "count" => Token::VectorOp(Count),
        "stddev" => Token::VectorOp(Stddev),
        "stdvar" => Token::VectorOp(Stdvar),
        "bottomk" => Token::VectorOp(Bottomk),
        "topk" => Token::VectorOp(Topk),
        "approx_topk" => Token::VectorOp(ApproxTopk),
        "sort" => Token::VectorOp(Sort),
        "sort_desc" => Token::VectorOp(SortDesc),
        "vector" => Token::Vector,
        "label_replace" => Token::LabelReplace,
        "bytes" => Token::Conversion(Conversion::Bytes),
        "duration" => Token::Conversion(Conversion::Duration),
        "duration_seconds" => Token::Conversion(Conversion::DurationSeconds),
        "ip" => Token::Ip,
        _ => return None,
    })
}

/// Whether `rest` starts with `(`, or with `by (` or `without (`.
fn is_called(rest: &str) -> bool {
    let rest = skip_space(rest);
    if rest.starts_with('(') {
        return true;
    }
    let length = rest
        .bytes()
        .position(|b| !b.is_ascii_alphabetic())
        .unwrap_or(rest.len());
    let (word, rest) = rest.split_at(length);
    (word.eq_ignore_ascii_case("by") || word.eq_ignore_ascii_case("without")) && skip_space(rest).starts_with('(')
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\r', '\n'])
}
