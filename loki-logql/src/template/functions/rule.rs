//! What Prometheus adds to the templates of rules.

use super::{Call, Function, encoding, regex, text};
use crate::template::print::sprint;
use crate::template::time::{Time, Zone};
use crate::template::value::Type::{Any, Str};
use crate::template::value::{IntType, Value};

/// Those that need no query.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("humanize", &[Any], |call| Ok(Value::str(humanize(number(call)?)))),
    Function::new("humanize1024", &[Any], |call| {
        Ok(Value::str(humanize_1024(number(call)?)))
    }),
    Function::new("humanizeDuration", &[Any], |call| {
        Ok(Value::str(humanize_duration(number(call)?)))
    }),
    Function::new("humanizePercentage", &[Any], |call| {
        Ok(Value::str(format!("{}%", general(number(call)? * 100.0))))
    }),
    Function::new("humanizeTimestamp", &[Any], |call| {
        let seconds = number(call)?;
        match time(seconds) {
            Some(time) => Ok(Value::bytes(sprint(&[Value::Time(time)]))),
            None => Ok(Value::str(general(seconds))),
        }
    }),
    Function::new("toTime", &[Any], |call| {
        let seconds = number(call)?;
        time(seconds)
            .map(Value::Time)
            .ok_or_else(|| format!("cannot convert {} to a time", general(seconds)))
    }),
    Function::new("toDuration", &[Any], |call| {
        let nanos = number(call)? * 1e9;
        Ok(Value::Int(nanos as i64, IntType::Duration))
    }),
    Function::new("parseDuration", &[Str], |call| {
        let nanos = crate::units::parse_prometheus_duration(&call.text(0))?;
        Ok(Value::Float(nanos as f64 / 1e9))
    }),
    Function::new("now", &[], |call| Ok(Value::Float(call.data.now() as f64 / 1e9))),
    Function::new("toUpper", &[Str], text::to_upper),
    Function::new("toLower", &[Str], text::to_lower),
    Function::new("match", &[Str, Str], regex::is_match).regex(),
    Function::new("reReplaceAll", &[Str, Str, Str], |call| {
        call.args.swap(1, 2);
        regex::replace(call, true)
    })
    .regex(),
    Function::new("safeHtml", &[Str], |call| Ok(call.take(0))),
    Function::new("urlQueryEscape", &[Str], |call| {
        Ok(Value::bytes(encoding::escape_query(call.bytes(0))))
    }),
    Function::new("stripPort", &[Str], |call| Ok(Value::str(strip_port(&call.text(0))))),
    Function::new("stripDomain", &[Str], |call| {
        Ok(Value::str(strip_domain(&call.text(0))))
    }),
    Function::new("externalURL", &[], |call| Ok(Value::str(call.data.external_url()))),
    Function::new("pathPrefix", &[], |call| {
        Ok(Value::str(path_of(call.data.external_url())))
    }),
    Function::new("graphLink", &[Str], |call| link(call, "graph", "0")),
    Function::new("tableLink", &[Str], |call| link(call, "graph", "1")),
    Function::new("title", &[Str], text::title),
];

/// The argument as a number: also texts that are one.
fn number(call: &Call<'_, '_>) -> Result<f64, String> {
    match &call.args[0] {
        Value::Float(value) => Ok(*value),
        Value::Int(value, IntType::Duration) => Ok(*value as f64 / 1e9),
        Value::Int(value, _) => Ok(*value as f64),
        Value::Str(text) => {
            let text = String::from_utf8_lossy(text);
            text.trim().parse().map_err(|_| {
                format!(
                    "strconv.ParseFloat: parsing {}: invalid syntax",
                    crate::quote::quote(text.as_bytes())
                )
            })
        }
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

fn time(seconds: f64) -> Option<Time> {
    let nanos = seconds * 1e9;
    (nanos.is_finite() && nanos.abs() < i64::MAX as f64).then(|| Time::from_nanos(nanos as i64, Zone::Utc))
}

/// Go's `%.4g`.
fn general(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:.3e}");
    let (digits, exponent) = scientific.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is an integer");
    let trim = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if (-4..4).contains(&exponent) {
        return trim(&format!("{value:.*}", usize::try_from(3 - exponent).unwrap_or(0)));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(digits), exponent.abs())
}

/// A number below 1 in thousandths, millionths and so on.
fn small(mut value: f64) -> String {
    let mut prefix = "";
    for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    format!("{}{prefix}", general(value))
}

fn large(mut value: f64, factor: f64, prefixes: [&str; 8]) -> String {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < factor {
            break;
        }
        prefix = next;
        value /= factor;
    }
    format!("{}{prefix}", general(value))
}

fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        general(value)
    } else if value.abs() >= 1.0 {
        large(value, 1000.0, ["k", "M", "G", "T", "P", "E", "Z", "Y"])
    } else {
        small(value)
    }
}

fn humanize_1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return general(value);
    }
    large(value, 1024.0, ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"])
}

fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return general(value);
    }
    if value == 0.0 || value.abs() < 1.0 {
        return if value == 0.0 {
            "0s".to_owned()
        } else {
            format!("{}s", small(value))
        };
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let value = value.abs();
    let whole = value as u64;
    let (days, hours, minutes, seconds) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    if days > 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours > 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", general(value))
    }
}

fn strip_port(address: &str) -> String {
    match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') && !host.trim_start_matches('[').contains(':') => host.to_owned(),
        Some((host, _)) if host.starts_with('[') && host.ends_with(']') => host[1..host.len() - 1].to_owned(),
        _ => address.to_owned(),
    }
}

fn strip_domain(address: &str) -> String {
    let host = strip_port(address);
    if host.parse::<std::net::IpAddr>().is_ok() {
        return address.to_owned();
    }
    let port = &address[host.len().min(address.len())..];
    format!("{}{port}", host.split('.').next().unwrap_or_default())
}

/// What stands behind the host of a URL.
fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/')
        .map_or_else(String::new, |place| rest[place..].trim_end_matches('/').to_owned())
}

fn link<'a>(call: &mut Call<'_, 'a>, page: &str, tab: &str) -> Result<Value<'a>, String> {
    let mut out = format!("/{page}?g0.expr=").into_bytes();
    out.extend_from_slice(&encoding::escape_query(call.bytes(0)));
    out.extend_from_slice(format!("&g0.tab={}", if tab == "0" { "0" } else { "1" }).as_bytes());
    Ok(Value::bytes(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_prometheus_tells_them() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (1_234_567.0, "1.235M"),
            (0.012, "12m"),
            (99_999.0, "100k"),
            (1e30, "1e+06Y"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(humanize(value), text);
        }
        assert_eq!(humanize_1024(1_048_576.0), "1Mi");
        assert_eq!(general(0.00001234), "1.234e-05");
        for (value, text) in [
            (0.0, "0s"),
            (0.5, "500ms"),
            (1.5, "1.5s"),
            (-61.0, "-1m 1s"),
            (3661.0, "1h 1m 1s"),
            (90_061.0, "1d 1h 1m 1s"),
        ] {
            assert_eq!(humanize_duration(value), text);
        }
    }

    #[test]
    fn ports_and_domains_are_cut_off() {
        assert_eq!(strip_port("host.example:9100"), "host.example");
        assert_eq!(strip_port("[::1]:9100"), "::1");
        assert_eq!(strip_port("::1"), "::1");
        assert_eq!(strip_domain("host.example:9100"), "host:9100");
        assert_eq!(strip_domain("10.0.0.1:9100"), "10.0.0.1:9100");
        assert_eq!(path_of("http://x:1/loki/"), "/loki");
    }
}
