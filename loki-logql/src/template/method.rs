//! Methods of times, durations, months, weekdays and zones. The receiver is the first argument.

use super::functions::{Call, Function, Run};
use super::layout;
use super::print::string_method;
use super::time::{Time, Zone};
use super::value::Type::{Duration, Int, Location, Str, Time as TimeType};
use super::value::{IntType, Type, Value};

/// The method `name` of the value's type.
pub(super) fn find(receiver: &Value<'_>, name: &str) -> Option<&'static Function> {
    let methods = match receiver {
        Value::Time(_) => TIME,
        Value::Int(_, IntType::Duration) => DURATION,
        Value::Int(_, IntType::Month | IntType::Weekday) | Value::Location(_) => NAMED,
        _ => return None,
    };
    methods.iter().find(|method| method.name == name)
}

const fn method(name: &'static str, params: &'static [Type], run: Run) -> Function {
    Function {
        name,
        params,
        rest: None,
        short_circuit: None,
        takes_regex: false,
        takes_labels: false,
        run,
    }
}

const NAMED: &[Function] = &[method("String", &[], string)];

const TIME: &[Function] = &[
    method("String", &[], string),
    method("Format", &[Str], |call| {
        Ok(Value::bytes(layout::format(&call.time(0), call.bytes(1))))
    }),
    method("Year", &[], |call| Ok(Value::int(call.time(0).civil().year))),
    method("Month", &[], |call| {
        Ok(Value::Int(i64::from(call.time(0).civil().month), IntType::Month))
    }),
    method("Day", &[], |call| civil(call, |civil| civil.day)),
    method("Hour", &[], |call| civil(call, |civil| civil.hour)),
    method("Minute", &[], |call| civil(call, |civil| civil.minute)),
    method("Second", &[], |call| civil(call, |civil| civil.second)),
    method("YearDay", &[], |call| civil(call, |civil| civil.year_day)),
    method("Weekday", &[], |call| {
        Ok(Value::Int(i64::from(call.time(0).civil().weekday), IntType::Weekday))
    }),
    method("Nanosecond", &[], |call| Ok(Value::int(i64::from(call.time(0).nanos)))),
    method("Unix", &[], |call| Ok(Value::int64(call.time(0).seconds))),
    method("UnixMilli", &[], |call| unix(call, 1_000)),
    method("UnixMicro", &[], |call| unix(call, 1_000_000)),
    method("UnixNano", &[], |call| unix(call, 1_000_000_000)),
    method("IsZero", &[], |call| Ok(Value::Bool(call.time(0).is_zero()))),
    method("UTC", &[], |call| Ok(Value::Time(call.time(0).within(Zone::Utc)))),
    method("Local", &[], |call| {
        Ok(Value::Time(call.time(0).within(call.local.clone())))
    }),
    method("Location", &[], |call| Ok(Value::Location(call.time(0).zone))),
    method("In", &[Location], |call| match call.take(1) {
        Value::Location(zone) => Ok(Value::Time(call.time(0).within(zone))),
        _ => Err("time: missing Location in call to Time.In".to_owned()),
    }),
    method("Add", &[Duration], |call| {
        Ok(Value::Time(call.time(0).add(call.int(1))))
    }),
    method("AddDate", &[Int, Int, Int], |call| {
        let (years, months, days) = (call.int(1), call.int(2), call.int(3));
        Ok(Value::Time(call.time(0).add_date(years, months, days)))
    }),
    method("Sub", &[TimeType], |call| {
        Ok(duration(call.time(0).since(&call.time(1))))
    }),
    method("Before", &[TimeType], |call| {
        Ok(Value::Bool(call.time(0).key() < call.time(1).key()))
    }),
    method("After", &[TimeType], |call| {
        Ok(Value::Bool(call.time(0).key() > call.time(1).key()))
    }),
    method("Equal", &[TimeType], |call| {
        Ok(Value::Bool(call.time(0).key() == call.time(1).key()))
    }),
    method("Compare", &[TimeType], |call| {
        Ok(Value::int(call.time(0).key().cmp(&call.time(1).key()) as i64))
    }),
    method("Truncate", &[Duration], |call| {
        let time = call.time(0);
        let rest = since_zero_modulo(&time, call.int(1));
        Ok(Value::Time(time.add(-rest)))
    }),
    method("Round", &[Duration], |call| {
        let (time, unit) = (call.time(0), call.int(1));
        let rest = since_zero_modulo(&time, unit);
        let change = if rest < unit - rest { -rest } else { unit.max(0) - rest };
        Ok(Value::Time(time.add(change)))
    }),
];

const DURATION: &[Function] = &[
    method("String", &[], string),
    method("Nanoseconds", &[], |call| Ok(Value::int64(call.int(0)))),
    method("Microseconds", &[], |call| Ok(Value::int64(call.int(0) / 1_000))),
    method("Milliseconds", &[], |call| Ok(Value::int64(call.int(0) / 1_000_000))),
    method("Seconds", &[], |call| Ok(units(call, 1_000_000_000))),
    method("Minutes", &[], |call| Ok(units(call, 60_000_000_000))),
    method("Hours", &[], |call| Ok(units(call, 3_600_000_000_000))),
    method("Abs", &[], |call| Ok(duration(call.int(0).saturating_abs()))),
    method("Truncate", &[Duration], |call| {
        let (nanos, unit) = (call.int(0), call.int(1));
        Ok(duration(if unit <= 0 { nanos } else { nanos - nanos % unit }))
    }),
    method("Round", &[Duration], |call| {
        let (nanos, unit) = (call.int(0), call.int(1));
        if unit <= 0 {
            return Ok(duration(nanos));
        }
        // Half away from zero.
        let rest = nanos % unit;
        let down = nanos - rest;
        let up = match rest.unsigned_abs() >= unit.unsigned_abs() - rest.unsigned_abs() {
            true => down.saturating_add(unit * rest.signum()),
            false => down,
        };
        Ok(duration(up))
    }),
];

fn string<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    Ok(Value::bytes(string_method(&call.args[0]).unwrap_or_default()))
}

fn civil<'a>(call: &mut Call<'_, 'a>, part: fn(&super::time::Civil) -> u32) -> Result<Value<'a>, String> {
    Ok(Value::int(i64::from(part(&call.time(0).civil()))))
}

fn unix<'a>(call: &mut Call<'_, 'a>, per_second: i64) -> Result<Value<'a>, String> {
    let time = call.time(0);
    let fraction = i64::from(time.nanos) / (1_000_000_000 / per_second);
    Ok(Value::int64(
        time.seconds.wrapping_mul(per_second).wrapping_add(fraction),
    ))
}

fn duration<'a>(nanos: i64) -> Value<'a> {
    Value::Int(nanos, IntType::Duration)
}

/// A duration in units of so many nanoseconds; whole units and the rest apart, as Go does.
fn units<'a>(call: &Call<'_, 'a>, nanos: i64) -> Value<'a> {
    let value = call.int(0);
    Value::Float((value / nanos) as f64 + (value % nanos) as f64 / nanos as f64)
}

/// Nanoseconds since the last multiple of `unit`, counted from Go's zero time; 0 where `unit` is not positive.
fn since_zero_modulo(time: &Time, unit: i64) -> i64 {
    if unit <= 0 {
        return 0;
    }
    let seconds = i128::from(time.seconds) - i128::from(Time::zero().seconds);
    let nanos = seconds * 1_000_000_000 + i128::from(time.nanos);
    nanos.rem_euclid(i128::from(unit)) as i64
}
