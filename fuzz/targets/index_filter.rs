//! Any lines and needles: a content filter never denies what is there, and any bytes open or are refused.

use loki_index::{ContentFilter, ContentFilterBuilder, FilterSettings, Grams, Needle};

/// The first two bytes choose the needle's length and settings; the needle follows, then the lines.
pub fn run(data: &[u8]) {
    let _ = ContentFilter::open(data).map(|filter| filter.may_contain(&Needle::new(b"level=error", false)));

    let [length, settings, rest @ ..] = data else { return };
    let (needle, lines) = rest.split_at(rest.len().min(usize::from(*length % 80)));
    let grams = if settings & 1 == 0 { Grams::Sparse } else { Grams::Dense };
    let ignore_case = settings & 2 != 0;

    let mut offsets = vec![0u32];
    offsets.extend((1..).zip(lines).filter(|(_, byte)| **byte == b'\n').map(|(end, _)| end));
    if offsets.last() != Some(&(lines.len() as u32)) {
        offsets.push(lines.len() as u32);
    }
    let mut builder = ContentFilterBuilder::new(FilterSettings {
        grams,
        bits_per_16_keys: u32::from(settings >> 2) * 4,
    });
    builder.add_lines(lines, &offsets);
    let bytes = builder.finish();
    let filter = ContentFilter::open(&bytes).expect("a filter that was just written opens");
    filter.verify().expect("a filter that was just written is whole");

    let fold = |text: &[u8]| {
        if ignore_case {
            text.to_ascii_lowercase()
        } else {
            text.to_vec()
        }
    };
    let folded = fold(needle);
    let is_there = offsets.windows(2).any(|bounds| {
        let line = fold(&lines[bounds[0] as usize..bounds[1] as usize]);
        folded.is_empty() || line.windows(folded.len()).any(|part| part == folded)
    });
    assert!(!is_there || filter.may_contain(&Needle::new(needle, ignore_case)));
}
