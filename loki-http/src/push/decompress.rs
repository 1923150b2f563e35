//! Decompression with a bound: a body that would unfold to more is refused, and no more than the bound is ever held.

use super::Error;
use std::io::{self, Read};

/// A snappy block yields at most 64 bytes for each 3 that it takes.
const SNAPPY_RATIO: usize = 22;

/// Unfolds a snappy block.
pub(crate) fn snappy(body: &[u8], max: u64) -> Result<Vec<u8>, Error> {
    let size = snap::raw::decompress_len(body).map_err(|_| Error::Snappy)?;
    if size as u64 > max {
        return Err(Error::TooLarge { size: size as u64, max });
    }
    // The length is what the body claims; one that it cannot hold must not be allocated.
    if body.is_empty() || size > body.len().saturating_mul(SNAPPY_RATIO) {
        return Err(Error::Snappy);
    }
    snap::raw::Decoder::new()
        .decompress_vec(body)
        .map_err(|_| Error::Snappy)
}

/// Unfolds gzip, one member or several.
pub(crate) fn gzip(body: &[u8], max: u64) -> Result<Vec<u8>, Error> {
    read(flate2::read::MultiGzDecoder::new(body), max, |_| Error::Gzip)
}

/// Unfolds raw DEFLATE (no zlib header).
pub(crate) fn deflate(body: &[u8], max: u64) -> Result<Vec<u8>, Error> {
    read(flate2::read::DeflateDecoder::new(body), max, |_| Error::End)
}

/// Unfolds zstd frames.
pub(crate) fn zstd(body: &[u8], max: u64) -> Result<Vec<u8>, Error> {
    let decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(|error| Error::Otlp(error.to_string()))?;
    read(decoder, max, |error| Error::Otlp(error.to_string()))
}

/// Unfolds an lz4 frame.
pub(crate) fn lz4(body: &[u8], max: u64) -> Result<Vec<u8>, Error> {
    read(lz4_flex::frame::FrameDecoder::new(body), max, |error| {
        Error::Otlp(error.to_string())
    })
}

fn read(decoder: impl Read, max: u64, refuse: impl FnOnce(io::Error) -> Error) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    // One byte more than allowed tells an exact fit from too much.
    match decoder.take(max.saturating_add(1)).read_to_end(&mut out) {
        Ok(_) if out.len() as u64 > max => Err(Error::TooLarge {
            size: out.len() as u64,
            max,
        }),
        Ok(_) => Ok(out),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Error::UnexpectedEnd),
        Err(error) => Err(refuse(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use proptest::prelude::*;
    use std::io::Write;

    fn gzipped(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("in memory");
        encoder.finish().expect("in memory")
    }

    #[test]
    fn a_bomb_is_refused_at_the_bound() {
        let zeros = vec![0; 1 << 20];
        let snapped = snap::raw::Encoder::new().compress_vec(&zeros).expect("compresses");
        let zstded = ::zstd::stream::encode_all(&zeros[..], 1).expect("compresses");
        let too_large = |size| Err(Error::TooLarge { size, max: 1000 });
        assert_eq!(gzip(&gzipped(&zeros), 1000), too_large(1001));
        assert_eq!(zstd(&zstded, 1000), too_large(1001));
        assert_eq!(snappy(&snapped, 1000), too_large(1 << 20));
        assert_eq!(gzip(&gzipped(&zeros), 1 << 20).map(|text| text.len()), Ok(1 << 20));
    }

    #[test]
    fn a_length_that_a_block_cannot_hold_is_not_believed() {
        // The length 2^31 - 1 as a varint, then three bytes.
        assert_eq!(snappy(b"\xff\xff\xff\xff\x07\x00a", u64::MAX), Err(Error::Snappy));
        assert_eq!(snappy(b"", 1000), Err(Error::Snappy));
    }

    #[test]
    fn damage_is_named_as_loki_names_it() {
        let whole = gzipped(b"some text that is compressed");
        assert_eq!(gzip(b"not gzip at all", 1000), Err(Error::Gzip));
        assert_eq!(gzip(&whole[..5], 1000), Err(Error::UnexpectedEnd));
        assert_eq!(gzip(&whole[..whole.len() - 9], 1000), Err(Error::UnexpectedEnd));
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"a header that raw DEFLATE has not").expect("in memory");
        assert_eq!(deflate(&zlib.finish().expect("in memory"), 1000), Err(Error::End));
    }

    proptest! {
        #[test]
        fn any_bytes_unfold_or_are_refused_within_the_bound(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            for unfold in [snappy, gzip, deflate, zstd, lz4] {
                prop_assert!(unfold(&body, 500).map_or(0, |text| text.len()) <= 500);
            }
        }

        #[test]
        fn what_snappy_folded_unfolds_again(text in proptest::collection::vec(0u8..4, 0..5000)) {
            let folded = snap::raw::Encoder::new().compress_vec(&text).expect("compresses");
            prop_assert_eq!(snappy(&folded, 5000), Ok(text));
        }
    }
}
