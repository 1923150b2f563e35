//! Times from and to text and numbers.

use super::{Call, Function};
use crate::quote::quote;
use crate::template::layout;
use crate::template::time::{Time, Zone};
use crate::template::value::Type::{Any, Str, Time as TimeType};
use crate::template::value::{IntType, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("__timestamp__", &[], |call| {
        Ok(Value::Time(Time::from_nanos(call.data.timestamp(), call.local.clone())))
    }),
    Function::new("now", &[], |call| Ok(Value::Time(now(call)))),
    Function::new("date", &[Str, Any], date),
    Function::new("toDate", &[Str, Str], |call| {
        Ok(parsed(call.bytes(0), call.bytes(1), call.local))
    }),
    Function::new("toDateInZone", &[Str, Str, Str], |call| {
        let zone = Zone::find(&call.text(1), call.local).unwrap_or(Zone::Utc);
        Ok(parsed(call.bytes(0), call.bytes(2), &zone))
    }),
    Function::new("unixEpoch", &[TimeType], |call| {
        Ok(Value::str(call.time(0).seconds.to_string()))
    }),
    Function::new("unixEpochMillis", &[TimeType], |call| {
        let time = call.time(0);
        let millis = time
            .seconds
            .wrapping_mul(1000)
            .wrapping_add(i64::from(time.nanos / 1_000_000));
        Ok(Value::str(millis.to_string()))
    }),
    Function::new("unixEpochNanos", &[TimeType], |call| {
        Ok(Value::str(call.time(0).unix_nanos().to_string()))
    }),
    Function::new("unixToTime", &[Str], unix_to_time),
];

fn now(call: &Call<'_, '_>) -> Time {
    Time::from_nanos(call.data.now(), call.local.clone())
}

/// Formats a time, or a number of seconds; anything else stands for now.
fn date<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let time = match &call.args[1] {
        Value::Time(time) => time.within(call.local.clone()),
        Value::Int(seconds, IntType::Int | IntType::Int64) => Time::from_seconds(*seconds, call.local.clone()),
        _ => now(call),
    };
    Ok(Value::bytes(layout::format(&time, call.bytes(0))))
}

fn parsed<'a>(layout: &[u8], text: &[u8], zone: &Zone) -> Value<'a> {
    Value::Time(layout::parse(layout, text, zone).unwrap_or_else(Time::zero))
}

/// Reads days, seconds, milliseconds, microseconds or nanoseconds, told apart by the number of digits.
fn unix_to_time<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let text = call.text(0);
    let fail = |why: &str| Err(format!("unable to parse time '{text}': {why}"));
    let invalid = |why| {
        let quoted = quote(text.as_bytes());
        fail(&format!("strconv.ParseInt: parsing {quoted}: {why}"))
    };
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return invalid("invalid syntax");
    }
    let Ok(number) = text.parse::<i64>() else {
        return invalid("value out of range");
    };
    let local = call.local.clone();
    let scaled = |per_second: i64| Time {
        seconds: number.div_euclid(per_second),
        nanos: (number.rem_euclid(per_second) * (1_000_000_000 / per_second)) as u32,
        zone: local.clone(),
    };
    let time = match text.len() {
        5 => Time::from_seconds(number * 86_400, local),
        10 => scaled(1),
        13 => scaled(1_000),
        16 => scaled(1_000_000),
        19 => scaled(1_000_000_000),
        _ => return fail("%!w(<nil>)"),
    };
    Ok(Value::Time(time))
}
