//! The two JSON forms of a push. Strings without escapes stay slices of the body.

use super::Error;
use crate::params::rfc3339;
use loki_core::{PushEntry, PushLabels, PushRequest, PushStream};
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Reads the form of `/loki/api/v1/push`.
pub(crate) fn decode(body: &[u8]) -> Result<PushRequest<'_>, Error> {
    Ok(read::<Streams<'_, Stream<'_>>>(
        body,
        "loghttp.PushRequest.Streams: []loghttp.LogProtoStream: unmarshalerDecoder",
    )?
    .into())
}

/// Reads the form of the early `/api/prom/push`.
pub(crate) fn decode_legacy(body: &[u8]) -> Result<PushRequest<'_>, Error> {
    Ok(read::<Streams<'_, LegacyStream<'_>>>(body, "push.PushRequest.Streams: []push.Stream")?.into())
}

/// Reads one value and ignores what follows it, as Loki does.
fn read<'a, T: Deserialize<'a> + Default>(body: &'a [u8], place: &str) -> Result<T, Error> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Err(Error::End),
        Some(b'{' | b'n') => {}
        Some(&other) => {
            let other = char::from(other);
            return Err(Error::Json(format!(
                "readObjectStart: expect {{ or n, but found {other}"
            )));
        }
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Option::<T>::deserialize(&mut reader).map_err(|error| Error::Json(format!("{place}: {error}")))?;
    Ok(value.unwrap_or_default())
}

/// An object whose key `streams` is found in any letter case.
struct Streams<'a, S>(Vec<S>, std::marker::PhantomData<&'a ()>);

impl<S> Default for Streams<'_, S> {
    fn default() -> Self {
        Streams(Vec::new(), std::marker::PhantomData)
    }
}

impl<'a, S: Into<PushStream<'a>>> From<Streams<'a, S>> for PushRequest<'a> {
    fn from(streams: Streams<'a, S>) -> PushRequest<'a> {
        streams.0.into_iter().map(Into::into).collect::<Vec<_>>().into()
    }
}

impl<'de: 'a, 'a, S: Deserialize<'de>> Deserialize<'de> for Streams<'a, S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<'a, S>(Streams<'a, S>);
        impl<'de: 'a, 'a, S: Deserialize<'de>> Visitor<'de> for Object<'a, S> {
            type Value = Streams<'a, S>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with streams")
            }
            fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Streams<'a, S>, A::Error> {
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    if key.0.eq_ignore_ascii_case("streams") {
                        self.0.0.extend(map.next_value::<Option<Vec<S>>>()?.unwrap_or_default());
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(self.0)
            }
        }
        deserializer.deserialize_map(Object(Streams::default()))
    }
}

/// A stream of `/loki/api/v1/push`.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Stream<'a> {
    #[serde(borrow)]
    stream: Option<LabelObject<'a>>,
    #[serde(borrow)]
    values: Option<Vec<Value<'a>>>,
}

impl<'a> From<Stream<'a>> for PushStream<'a> {
    fn from(stream: Stream<'a>) -> PushStream<'a> {
        PushStream {
            labels: PushLabels::Pairs(stream.stream.unwrap_or_default().0),
            entries: stream
                .values
                .unwrap_or_default()
                .into_iter()
                .map(|value| value.0)
                .collect(),
        }
    }
}

/// A stream of `/api/prom/push`.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct LegacyStream<'a> {
    #[serde(borrow)]
    labels: Option<Text<'a>>,
    #[serde(borrow)]
    entries: Option<Vec<LegacyEntry<'a>>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct LegacyEntry<'a> {
    ts: Time,
    #[serde(borrow)]
    line: Option<Line<'a>>,
    #[serde(borrow)]
    structured_metadata: Option<TextObject<'a>>,
}

impl<'a> From<LegacyStream<'a>> for PushStream<'a> {
    fn from(stream: LegacyStream<'a>) -> PushStream<'a> {
        let entry = |entry: LegacyEntry<'a>| PushEntry {
            timestamp: entry.ts.0,
            line: entry.line.unwrap_or_default().0,
            metadata: entry.structured_metadata.unwrap_or_default().0,
        };
        PushStream {
            labels: PushLabels::Text(stream.labels.unwrap_or_default().0),
            entries: stream.entries.unwrap_or_default().into_iter().map(entry).collect(),
        }
    }
}

/// An RFC 3339 time.
#[derive(Default)]
struct Time(i64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = Text::deserialize(deserializer)?.0;
        let refuse = || de::Error::custom(format_args!("parsing time {text:?}: not RFC 3339"));
        rfc3339(&text).map(Time).ok_or_else(refuse)
    }
}

/// A string, borrowed where it has no escapes.
#[derive(Default)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Words)
    }
}

/// The text of a line: bytes, because Loki stores a line that is no UTF-8 as it is.
#[derive(Default)]
struct Line<'a>(Cow<'a, [u8]>);

impl<'de: 'a, 'a> Deserialize<'de> for Line<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Line<'a>, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Line<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_bytes<E>(self, text: &'de [u8]) -> Result<Line<'de>, E> {
                Ok(Line(Cow::Borrowed(text)))
            }
            fn visit_bytes<E: de::Error>(self, text: &[u8]) -> Result<Line<'de>, E> {
                // Read as bytes, an escape such as \ud800 alone becomes what UTF-8 has no place for.
                if text.windows(2).any(|pair| pair[0] == 0xED && pair[1] >= 0xA0) {
                    return Err(E::custom("lone surrogate in an escape"));
                }
                Ok(Line(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Line<'de>, A::Error> {
                Err(de::Error::invalid_type(de::Unexpected::Seq, &self))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// `["<nanoseconds>", "<line>", {"<name>": "<value>"}]`; the last two may be missing, what follows is ignored.
struct Value<'a>(PushEntry<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value<'a>, D::Error> {
        struct Array;
        impl<'de> Visitor<'de> for Array {
            type Value = Value<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of timestamp, line and structured metadata")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value<'de>, A::Error> {
                let time: Text<'de> = array
                    .next_element()?
                    .ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let timestamp = time.0.parse().map_err(|_| {
                    de::Error::custom(format_args!("strconv.ParseInt: parsing {:?}: invalid syntax", time.0))
                })?;
                let line = array.next_element::<Line<'de>>()?.unwrap_or_default().0;
                let metadata = array.next_element::<TextObject<'de>>()?.unwrap_or_default().0;
                while array.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value(PushEntry {
                    timestamp,
                    line,
                    metadata,
                }))
            }
        }
        deserializer.deserialize_seq(Array)
    }
}

/// An object of strings.
#[derive(Default)]
struct TextObject<'a>(Pairs<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for TextObject<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextObject<'a>, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = TextObject<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TextObject<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<Text<'de>, Text<'de>>()? {
                    pairs.push((name.0, value.0));
                }
                Ok(TextObject(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// An object of strings and numbers; of a number the text counts. Of a repeated name the last one stays.
#[derive(Default)]
struct LabelObject<'a>(Pairs<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for LabelObject<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LabelObject<'a>, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = LabelObject<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of labels")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LabelObject<'de>, A::Error> {
                let mut pairs: Pairs<'de> = Vec::new();
                while let Some((name, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    let value = label_value(value.get()).map_err(de::Error::custom)?;
                    // A stream has few labels.
                    match pairs.iter_mut().find(|(known, _)| *known == name.0) {
                        Some(pair) => pair.1 = value,
                        None => pairs.push((name.0, value)),
                    }
                }
                Ok(LabelObject(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn label_value(json: &str) -> Result<Cow<'_, str>, &'static str> {
    match json.as_bytes().first() {
        Some(b'"') => Ok(serde_json::from_str::<Text<'_>>(json)
            .map_err(|_| "bad string in a label value")?
            .0),
        Some(b'-' | b'0'..=b'9') => Ok(Cow::Borrowed(json)),
        _ => Err("a label value is neither a string nor a number"),
    }
}

#[cfg(test)]
mod tests;
