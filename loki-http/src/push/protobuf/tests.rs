use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

fn decode(message: &[u8]) -> Result<PushRequest<'_>, Error> {
    super::decode(message, Bounds::COMMON)
}

/// The same messages by prost, to hold the reader by hand against.
#[derive(Clone, PartialEq, Message)]
struct PushMessage {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<StreamMessage>,
    #[prost(string, tag = "2")]
    format: String,
}

#[derive(Clone, PartialEq, Message)]
struct StreamMessage {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<EntryMessage>,
    #[prost(uint64, tag = "3")]
    hash: u64,
}

#[derive(Clone, PartialEq, Message)]
struct EntryMessage {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<TimestampMessage>,
    #[prost(bytes = "vec", tag = "2")]
    line: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    structured_metadata: Vec<PairMessage>,
    #[prost(message, repeated, tag = "4")]
    parsed: Vec<PairMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct TimestampMessage {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct PairMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

prop_compose! {
    fn pair_message()(name in "[a-z]{0,5}", value in ".{0,5}") -> PairMessage {
        PairMessage { name, value }
    }
}

prop_compose! {
    fn entry_message()(
        timestamp in proptest::option::of((-9_000_000_000i64..9_000_000_000, 0..1_000_000_000)),
        line in vec(any::<u8>(), 0..300),
        structured_metadata in vec(pair_message(), 0..3),
        parsed in vec(pair_message(), 0..2),
    ) -> EntryMessage {
        let timestamp = timestamp.map(|(seconds, nanos)| TimestampMessage { seconds, nanos });
        EntryMessage { timestamp, line, structured_metadata, parsed }
    }
}

prop_compose! {
    fn push_message()(
        streams in vec((".{0,20}", vec(entry_message(), 0..4), any::<u64>()), 0..4),
        format in ".{0,5}",
    ) -> PushMessage {
        let streams = streams.into_iter().map(|(labels, entries, hash)| StreamMessage { labels, entries, hash }).collect();
        PushMessage { streams, format }
    }
}

/// What a request holds, in the words of the messages.
fn message_of(request: &PushRequest<'_>) -> PushMessage {
    let entry = |entry: &PushEntry<'_>| EntryMessage {
        timestamp: (entry.timestamp != 0).then_some(TimestampMessage {
            seconds: entry.timestamp.div_euclid(1_000_000_000),
            nanos: i32::try_from(entry.timestamp.rem_euclid(1_000_000_000)).expect("below 1e9"),
        }),
        line: entry.line.to_vec(),
        structured_metadata: entry
            .metadata
            .iter()
            .map(|(name, value)| PairMessage {
                name: name.to_string(),
                value: value.to_string(),
            })
            .collect(),
        parsed: Vec::new(),
    };
    let stream = |stream: &PushStream<'_>| StreamMessage {
        labels: match &stream.labels {
            PushLabels::Text(text) => text.to_string(),
            PushLabels::Pairs(_) => panic!("the message holds text"),
        },
        entries: stream.entries.iter().map(entry).collect(),
        hash: 0,
    };
    PushMessage {
        streams: request.streams.iter().map(stream).collect(),
        format: String::new(),
    }
}

/// The part of a message that a push keeps.
fn kept(mut message: PushMessage) -> PushMessage {
    message.format.clear();
    for stream in &mut message.streams {
        stream.hash = 0;
        for entry in &mut stream.entries {
            entry.parsed.clear();
            entry.timestamp = entry
                .timestamp
                .take()
                .filter(|time| time.seconds != 0 || time.nanos != 0);
        }
    }
    message
}

proptest! {
    #[test]
    fn a_valid_message_reads_as_prost_reads_it(message in push_message()) {
        let bytes = message.encode_to_vec();
        prop_assert_eq!(message_of(&decode(&bytes).expect("valid")), kept(message));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..100)) {
        prop_assert!(decode(&bytes).map_or(0, |request| request.streams.len()) <= bytes.len());
    }

    /// Whatever is cut off a message, what is left is refused or holds no more than before.
    #[test]
    fn a_torn_message_is_read_or_refused(message in push_message(), cut in any::<prop::sample::Index>()) {
        let bytes = message.encode_to_vec();
        let torn = &bytes[..cut.index(bytes.len() + 1)];
        if let Ok(request) = decode(torn) {
            prop_assert!(request.streams.len() <= message.streams.len());
        }
    }
}

#[test]
fn lines_are_borrowed() {
    let message = PushMessage {
        streams: vec![StreamMessage {
            entries: vec![EntryMessage {
                line: b"hello \xff".to_vec(),
                ..EntryMessage::default()
            }],
            ..StreamMessage::default()
        }],
        ..PushMessage::default()
    };
    let bytes = message.encode_to_vec();
    let request = decode(&bytes).expect("valid");
    assert!(matches!(
        request.streams[0].entries[0].line,
        Cow::Borrowed(b"hello \xff")
    ));
}

#[test]
fn damage_is_named_as_loki_names_it() {
    for (bytes, problem) in [
        (&b"\xff\xff"[..], "unexpected EOF"),
        (b"\x0a\x05abc", "unexpected EOF"),
        (b"\x0f", "proto: wrong wireType = 7 for field Streams"),
        (b"\x0a\x02\x18\x80", "unexpected EOF"),
        (b"\x0a\x01\x0c", "proto: wiretype end group for non-group"),
        (
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            "proto: integer overflow",
        ),
        (b"\x0a\x06\x12\x04\x0a\x02\x10\xff", "unexpected EOF"),
    ] {
        assert_eq!(decode(bytes).expect_err(problem).to_string(), problem);
    }
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    // A varint, a fixed64, bytes, a group that holds a group, a fixed32, each as field 9; then an empty stream.
    let bytes = b"\x48\x01\x49abcdefgh\x4a\x01x\x4b\x4b\x48\x01\x4c\x4c\x4dabcd\x0a\x00";
    assert_eq!(decode(bytes).expect("valid").streams.len(), 1);
}

#[test]
fn small_things_are_counted_before_they_have_a_place() {
    // Empty streams, entries and pairs take two bytes each.
    let streams = b"\x0a\x00".repeat(3);
    let entries = [b"\x0a\x06".to_vec(), b"\x12\x00".repeat(3)].concat();
    let pairs = [b"\x0a\x08\x12\x06".to_vec(), b"\x1a\x00".repeat(3)].concat();
    for (message, items) in [(streams, 3), (entries, 4), (pairs, 5)] {
        let read = |items| super::decode(&message, Bounds { bytes: 100, items }).map(|request| request.streams.len());
        assert!(read(items).is_ok(), "{items}");
        assert_eq!(read(items - 1), Err(Error::TooManyItems { max: items - 1 }));
    }
}
