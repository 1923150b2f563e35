//! What a receiver such as Alloy's `loki.source.api` does to what it takes in: labels of its own, times of arrival.

use super::{Bounds, Error};
use crate::settings::ReceiverSettings;
use loki_core::{PushEntry, PushLabels, PushRequest, PushStream};
use memchr::memchr_iter;
use std::borrow::Cow;
use std::sync::atomic::{AtomicI64, Ordering};

/// The receiver of one server.
#[derive(Debug)]
pub(crate) struct Receiver {
    settings: ReceiverSettings,
    /// The last time of arrival that was given out.
    last: AtomicI64,
}

impl Receiver {
    pub(crate) fn new(settings: ReceiverSettings) -> Receiver {
        Receiver {
            settings,
            last: AtomicI64::new(i64::MIN),
        }
    }

    /// Bytes of a request as received.
    pub(crate) fn max_message_bytes(&self) -> u64 {
        self.settings.max_message_bytes
    }

    /// A push of the lines in `body`, ends of lines cut off and empty lines left out.
    ///
    /// # Errors
    ///
    /// More lines than `bounds` allow.
    pub(crate) fn lines<'a>(&'a self, body: &'a [u8], bounds: Bounds, now: i64) -> Result<PushRequest<'a>, Error> {
        bounds.check(memchr_iter(b'\n', body).count())?;
        let lines = body
            .split(|&byte| byte == b'\n')
            .map(|line| &line[..line.len() - line.iter().rev().take_while(|&&byte| byte == b'\r').count()])
            .filter(|line| !line.is_empty());
        let entries = lines.map(|line| PushEntry {
            timestamp: 0,
            line: Cow::Borrowed(line),
            metadata: Vec::new(),
        });
        let mut stream = PushStream {
            labels: PushLabels::Pairs(self.labels().collect()),
            entries: entries.collect(),
        };
        self.stamp(&mut stream.entries, now);
        Ok(vec![stream].into())
    }

    /// Gives a push the labels of the receiver and, unless it may keep its times, the time of arrival.
    ///
    /// # Errors
    ///
    /// Labels of a stream that are none.
    pub(crate) fn adopt<'a>(&'a self, push: &mut PushRequest<'a>, now: i64) -> Result<(), Error> {
        for stream in &mut push.streams {
            let mut pairs = match std::mem::replace(&mut stream.labels, PushLabels::Pairs(Vec::new())) {
                PushLabels::Pairs(pairs) => pairs,
                text => text
                    .parse()
                    .map_err(|error| Error::Labels(error.message().to_owned()))?,
            };
            pairs.retain(|(name, _)| {
                !name.starts_with("__") && !self.settings.labels.iter().any(|(own, _)| own == name)
            });
            pairs.extend(self.labels());
            stream.labels = PushLabels::Pairs(pairs);
            if !self.settings.use_incoming_timestamp {
                self.stamp(&mut stream.entries, now);
            }
        }
        Ok(())
    }

    fn labels(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let own = self.settings.labels.iter();
        own.map(|(name, value)| (name.as_str().into(), value.as_str().into()))
    }

    /// Gives each entry a time of arrival of its own, in order: equal lines of one time would count as one.
    fn stamp(&self, entries: &mut [PushEntry<'_>], now: i64) {
        let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        let first = |last: i64| now.max(last.saturating_add(1));
        let end = |last| first(last).saturating_add(count).saturating_sub(1).max(last);
        let last = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(end(last)))
            .unwrap_or_else(|last| last);
        for (entry, time) in entries.iter_mut().zip(first(last)..) {
            entry.timestamp = time;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(use_incoming_timestamp: bool) -> Receiver {
        Receiver::new(ReceiverSettings {
            labels: vec![("via".to_owned(), "alloy".to_owned())],
            use_incoming_timestamp,
            ..ReceiverSettings::default()
        })
    }

    fn lines<'a>(receiver: &'a Receiver, body: &'a [u8], now: i64) -> PushRequest<'a> {
        receiver.lines(body, Bounds::COMMON, now).expect("few lines")
    }

    fn times(push: &PushRequest<'_>) -> Vec<i64> {
        push.streams[0].entries.iter().map(|entry| entry.timestamp).collect()
    }

    #[test]
    fn lines_end_at_newlines_and_empty_ones_are_none() {
        let receiver = receiver(false);
        let push = lines(&receiver, b"a\r\n\n\r\n b \nlast\xff", 7);
        let lines: Vec<&[u8]> = push.streams[0].entries.iter().map(|entry| &*entry.line).collect();
        assert_eq!(lines, [&b"a"[..], b" b ", b"last\xff"]);
        let PushLabels::Pairs(labels) = &push.streams[0].labels else {
            panic!("pairs")
        };
        assert_eq!(*labels, [("via".into(), "alloy".into())]);
    }

    #[test]
    fn a_body_of_more_lines_than_allowed_is_refused() {
        let bounds = Bounds { bytes: 100, items: 2 };
        assert!(receiver(false).lines(b"a\nb\n", bounds, 7).is_ok());
        let error = receiver(false).lines(b"a\n\n\n", bounds, 7).expect_err("three");
        assert_eq!(error, Error::TooManyItems { max: 2 });
    }

    #[test]
    fn no_two_entries_arrive_at_the_same_time() {
        let receiver = receiver(false);
        assert_eq!(times(&lines(&receiver, b"x\nx\nx", 7)), [7, 8, 9]);
        assert_eq!(times(&lines(&receiver, b"x\nx", 8)), [10, 11]);
        assert!(times(&lines(&receiver, b"", 20)).is_empty());
        assert_eq!(times(&lines(&receiver, b"x", 20)), [20]);
    }

    #[test]
    fn a_push_gets_the_labels_and_loses_reserved_ones() {
        let pushed = || -> PushRequest<'_> {
            vec![PushStream {
                labels: PushLabels::Text(r#"{__tenant_id__="t", app="shop", via="me"}"#.into()),
                entries: vec![PushEntry {
                    timestamp: 3,
                    line: b"x"[..].into(),
                    metadata: Vec::new(),
                }],
            }]
            .into()
        };
        for (keeps, time) in [(false, 7), (true, 3)] {
            let receiver = receiver(keeps);
            let mut push = pushed();
            receiver.adopt(&mut push, 7).expect("labels");
            let PushLabels::Pairs(labels) = &push.streams[0].labels else {
                panic!("pairs")
            };
            assert_eq!(*labels, [("app".into(), "shop".into()), ("via".into(), "alloy".into())]);
            assert_eq!(times(&push), [time]);
        }
        let mut push = pushed();
        push.streams[0].labels = PushLabels::Text("{a-b=\"c\"}".into());
        let error = receiver(false).adopt(&mut push, 7).expect_err("no labels").to_string();
        assert!(error.starts_with("couldn't parse labels: 1:3: parse error"), "{error}");
    }
}
