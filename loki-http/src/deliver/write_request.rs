//! Bodies of Prometheus' remote write.

use loki_core::RuleSample;
use prost::Message;

/// The value that ends a series.
const STALE: u64 = 0x7ff0_0000_0000_0002;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// Samples as a body, not compressed. Several bodies one behind the other are one body.
pub(super) fn encode(samples: &[RuleSample]) -> Vec<u8> {
    let series = samples.iter().map(|sample| {
        let label = |name: &str, value: &str| Label {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        // Receivers want labels sorted, the name of the series among them.
        let mut labels: Vec<Label> = sample.labels.iter().map(|(name, value)| label(name, value)).collect();
        labels.push(label("__name__", &sample.name));
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        let value = sample.value.unwrap_or(f64::from_bits(STALE));
        let timestamp = sample.timestamp_ms;
        Series {
            labels,
            samples: vec![Sample { value, timestamp }],
        }
    });
    let series = series.collect();
    WriteRequest { series }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_core::logql::Labels;

    #[test]
    fn labels_are_sorted_and_the_end_of_a_series_is_marked() {
        let sample = |value| RuleSample {
            name: "x:y".to_owned(),
            labels: Labels::from_pairs([("app", "shop"), ("Zone", "a")]),
            timestamp_ms: 7,
            value,
        };
        let bodies = [encode(&[sample(Some(1.5))]), encode(&[sample(None)])].concat();
        let request = WriteRequest::decode(&*bodies).expect("protobuf");
        let names: Vec<&str> = request.series[0]
            .labels
            .iter()
            .map(|label| label.name.as_str())
            .collect();
        assert_eq!(names, ["Zone", "__name__", "app"]);
        assert_eq!(
            request.series[0].samples,
            [Sample {
                value: 1.5,
                timestamp: 7
            }]
        );
        assert_eq!(request.series[1].samples[0].value.to_bits(), STALE);
    }
}
