//! The answer of `patterns`.

use super::number::write_integer;
use super::response::{Encoded, write_list};
use super::text::{Escape, write_string};
use loki_core::PatternSeries;

/// Patterns with their counts.
pub(crate) fn patterns(series: &[PatternSeries]) -> Encoded {
    let mut out = br#"{"status":"success","data":"#.to_vec();
    write_list(&mut out, series, |out, series| {
        out.extend_from_slice(b"{\"pattern\":");
        write_string(out, series.pattern.as_bytes(), Escape::Html);
        out.extend_from_slice(b",\"level\":");
        write_string(out, series.level.as_bytes(), Escape::Html);
        out.extend_from_slice(b",\"samples\":");
        write_list(out, &series.samples, |out, &(seconds, count)| {
            out.push(b'[');
            write_integer(out, seconds);
            out.push(b',');
            write_integer(out, i64::try_from(count).unwrap_or(i64::MAX));
            out.push(b']');
        });
        out.push(b'}');
    });
    out.extend_from_slice(b"}\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_escaped_and_samples_are_pairs() {
        let series = PatternSeries {
            pattern: "<_> said \"no\"".to_owned(),
            level: "info".to_owned(),
            samples: vec![(1_795_255_960, 12), (1_795_255_970, 0)],
        };
        let wanted = concat!(
            r#"{"status":"success","data":[{"pattern":"\u003c_\u003e said \"no\"","level":"info","#,
            r#""samples":[[1795255960,12],[1795255970,0]]}]}"#,
            "\n"
        );
        assert_eq!(String::from_utf8_lossy(&patterns(&[series])), wanted);
        assert_eq!(patterns(&[]), b"{\"status\":\"success\",\"data\":[]}\n");
    }
}
