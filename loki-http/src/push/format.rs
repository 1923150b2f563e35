//! Which decoder a push asks for by its headers and path.

use super::encoding::Encoding;
use super::{Bounds, Error, decompress, json, protobuf};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use loki_core::PushRequest;
use std::borrow::Cow;

/// What the body of a push is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    message: Message,
    encoding: Encoding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    /// `application/json` to `/loki/api/v1/push`.
    Json,
    /// `application/json` to the early `/api/prom/push`.
    LegacyJson,
    /// Everything else: protobuf in a snappy block.
    Protobuf,
}

impl Format {
    /// By the headers; `is_legacy` says that the path is the early one.
    pub(crate) fn of(headers: &HeaderMap, is_legacy: bool) -> Result<Format, Error> {
        let message = match media_type(headers)? {
            kind if !kind.eq_ignore_ascii_case("application/json") => Message::Protobuf,
            _ if is_legacy => Message::LegacyJson,
            _ => Message::Json,
        };
        let encoding = Encoding::of(headers)?;
        Ok(Format { message, encoding })
    }

    /// The message inside `body`, no larger than `max` bytes.
    pub(crate) fn decompress<'a>(self, body: &'a [u8], max: u64) -> Result<Cow<'a, [u8]>, Error> {
        let plain = self.encoding.unfold(body, max)?;
        if self.message == Message::Protobuf {
            return Ok(Cow::Owned(decompress::snappy(&plain, max)?));
        }
        Ok(plain)
    }
}

/// The request in a decompressed `message`, which holds no more than `bounds` allow.
pub(crate) fn decode(format: Format, message: &[u8], bounds: Bounds) -> Result<PushRequest<'_>, Error> {
    match format.message {
        Message::Json => {
            bounds.check_json(message)?;
            json::decode(message)
        }
        Message::LegacyJson => {
            bounds.check_json(message)?;
            json::decode_legacy(message)
        }
        Message::Protobuf => protobuf::decode(message, bounds),
    }
}

/// The media type, its parameters checked as Go's `mime.ParseMediaType` checks them.
fn media_type(headers: &HeaderMap) -> Result<&str, Error> {
    let text = headers
        .get(CONTENT_TYPE)
        .map_or(Ok(""), |value| value.to_str())
        .map_err(|_| Error::NoMediaType)?;
    let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
    if kind.trim().is_empty() {
        return Err(Error::NoMediaType);
    }
    let is_sound = |parameter: &str| {
        parameter.trim().is_empty()
            || parameter
                .split_once('=')
                .is_some_and(|(name, _)| !name.trim().is_empty())
    };
    if !parameters.split(';').all(is_sound) {
        return Err(Error::MediaParameter);
    }
    Ok(kind.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::CONTENT_ENCODING;

    fn format(content_type: Option<&str>, encoding: Option<&str>) -> Result<Format, Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(CONTENT_TYPE, content_type), (CONTENT_ENCODING, encoding)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().expect("a header value"));
            }
        }
        Format::of(&headers, false)
    }

    #[test]
    fn only_json_is_json() {
        for (content_type, message) in [
            ("application/json", Message::Json),
            ("Application/JSON; charset=utf-8", Message::Json),
            ("application/x-protobuf", Message::Protobuf),
            ("text/plain", Message::Protobuf),
            ("garbage", Message::Protobuf),
        ] {
            assert_eq!(
                format(Some(content_type), None).map(|format| format.message),
                Ok(message)
            );
        }
    }

    #[test]
    fn bad_headers_answer_as_loki_does() {
        for (content_type, encoding, text) in [
            (None, None, "mime: no media type"),
            (Some("a/b; x"), None, "mime: invalid media parameter"),
            (
                Some("application/json"),
                Some("br"),
                "Content-Encoding \"br\" not supported",
            ),
        ] {
            assert_eq!(format(content_type, encoding).expect_err(text).to_string(), text);
        }
    }

    #[test]
    fn json_marked_snappy_is_read_as_it_is() {
        let format = format(Some("application/json"), Some("snappy")).expect("accepted");
        assert_eq!(format.decompress(b"{}", 10), Ok(Cow::Borrowed(&b"{}"[..])));
    }
}
