//! Arithmetic and lenient casts.

use super::{Call, Function};
use crate::go::{parse_duration, parse_float, parse_size};
use crate::template::decimal::Decimal;
use crate::template::literal::parse_int;
use crate::template::value::Type::{Any, Float, Int, Str};
use crate::template::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("int", &[Any], |call| Ok(Value::int(to_int(&call.args[0])))),
    Function::new("float64", &[Any], |call| Ok(Value::Float(to_float(&call.args[0])))),
    Function::new("add", &[], |call| {
        Ok(Value::int64(
            call.args.iter().map(to_int).fold(0, |sum, n| sum.wrapping_add(n)),
        ))
    })
    .rest(Any),
    Function::new("sub", &[Any, Any], |call| {
        Ok(Value::int64(to_int(&call.args[0]).wrapping_sub(to_int(&call.args[1]))))
    }),
    Function::new("mul", &[Any], |call| fold(call, |a, b| Ok(a.wrapping_mul(b)))).rest(Any),
    Function::new("div", &[Any, Any], |call| {
        fold(call, |a, b| if b == 0 { by_zero() } else { Ok(a.wrapping_div(b)) })
    }),
    Function::new("mod", &[Any, Any], |call| {
        fold(call, |a, b| if b == 0 { by_zero() } else { Ok(a.wrapping_rem(b)) })
    }),
    Function::new("max", &[Any], |call| fold(call, |a, b| Ok(a.max(b)))).rest(Any),
    Function::new("min", &[Any], |call| fold(call, |a, b| Ok(a.min(b)))).rest(Any),
    Function::new("addf", &[], |call| {
        let zero = Decimal::from_f64(0.0)?;
        fold_decimal(zero, &call.args[..], |a, b| Ok(a.add(b)))
    })
    .rest(Any),
    Function::new("subf", &[Any], |call| decimal(call, |a, b| Ok(a.sub(b)))).rest(Any),
    Function::new("mulf", &[Any], |call| decimal(call, |a, b| Ok(a.mul(b)))).rest(Any),
    Function::new("divf", &[Any], |call| {
        decimal(call, |a, b| a.div(b).ok_or_else(|| "decimal division by 0".to_owned()))
    })
    .rest(Any),
    Function::new("maxf", &[Any], |call| Ok(extreme(call, go_max))).rest(Any),
    Function::new("minf", &[Any], |call| Ok(extreme(call, go_min))).rest(Any),
    Function::new("ceil", &[Any], |call| Ok(Value::Float(to_float(&call.args[0]).ceil()))),
    Function::new("floor", &[Any], |call| {
        Ok(Value::Float(to_float(&call.args[0]).floor()))
    }),
    Function::new("round", &[Any, Int], |call| Ok(round(call))).rest(Float),
    Function::new("bytes", &[Str], |call| {
        parse_size(&call.text(0)).map(|size| Value::Float(size as f64))
    }),
    Function::new("duration", &[Str], seconds),
    Function::new("duration_seconds", &[Str], seconds),
];

fn by_zero() -> Result<i64, String> {
    Err("runtime error: integer divide by zero".to_owned())
}

fn fold<'a>(call: &mut Call<'_, 'a>, f: fn(i64, i64) -> Result<i64, String>) -> Result<Value<'a>, String> {
    let first = to_int(&call.args[0]);
    let result = call.args[1..].iter().map(to_int).try_fold(first, f)?;
    Ok(Value::int64(result))
}

fn decimal<'a>(
    call: &mut Call<'_, 'a>,
    f: fn(&Decimal, &Decimal) -> Result<Decimal, String>,
) -> Result<Value<'a>, String> {
    let first = Decimal::from_f64(to_float(&call.args[0]))?;
    fold_decimal(first, &call.args[1..], f)
}

fn fold_decimal<'a>(
    first: Decimal,
    args: &[Value<'a>],
    f: fn(&Decimal, &Decimal) -> Result<Decimal, String>,
) -> Result<Value<'a>, String> {
    let mut result = first;
    for arg in args {
        result = f(&result, &Decimal::from_f64(to_float(arg))?)?;
    }
    Ok(Value::Float(result.to_f64()))
}

fn extreme<'a>(call: &mut Call<'_, 'a>, f: fn(f64, f64) -> f64) -> Value<'a> {
    let first = to_float(&call.args[0]);
    Value::Float(call.args[1..].iter().map(to_float).fold(first, f))
}

/// The larger one; NaN wins over all but infinity.
fn go_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        return f64::INFINITY;
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

fn go_min(a: f64, b: f64) -> f64 {
    -go_max(-a, -b)
}

/// Rounds to so many places. A fraction of at least a half goes up, also below zero: there no fraction is as large, and
/// all go down.
fn round<'a>(call: &mut Call<'_, 'a>) -> Value<'a> {
    let round_on = match call.args.get(2) {
        Some(Value::Float(value)) => *value,
        _ => 0.5,
    };
    let power = 10f64.powf(call.int(1) as f64);
    let digit = power * to_float(&call.args[0]);
    let rounded = match digit.fract() >= round_on {
        true => digit.ceil(),
        false => digit.floor(),
    };
    Value::Float(rounded / power)
}

fn seconds<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let nanos = parse_duration(&call.text(0))?;
    // Whole seconds and the rest apart, as Go does, so that the sum rounds alike.
    let seconds = nanos / 1_000_000_000;
    let rest = nanos % 1_000_000_000;
    Ok(Value::Float(seconds as f64 + rest as f64 / 1e9))
}

/// Any value as an int; what is no number is 0.
fn to_int(value: &Value<'_>) -> i64 {
    match value {
        Value::Int(value, _) => *value,
        Value::Bool(value) => i64::from(*value),
        // What does not fit is the least int on the machines that Loki runs on.
        Value::Float(value) if value.trunc() >= -(2f64.powi(63)) && value.trunc() < 2f64.powi(63) => *value as i64,
        Value::Float(_) => i64::MIN,
        Value::Str(text) => {
            let text = String::from_utf8_lossy(text);
            let whole = match text.split_once('.') {
                Some((whole, fraction)) if is_decimal(whole) && fraction.bytes().all(|b| b.is_ascii_digit()) => whole,
                _ => &text,
            };
            parse_int(whole).unwrap_or(0)
        }
        _ => 0,
    }
}

fn is_decimal(whole: &str) -> bool {
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    digits.bytes().all(|b| b.is_ascii_digit())
}

/// Any value as a float; what is no number is 0.
fn to_float(value: &Value<'_>) -> f64 {
    match value {
        Value::Float(value) => *value,
        Value::Int(value, _) => *value as f64,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Str(text) => parse_float(&String::from_utf8_lossy(text)).unwrap_or(0.0),
        _ => 0.0,
    }
}
