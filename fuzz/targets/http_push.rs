//! Any bytes as the body of a push: refused, or stored within bounds. Never a panic. What it does is in `loki-http`, beside the
//! decoders that nobody else is shown.

/// Takes `data` for a push.
pub fn run(data: &[u8]) {
    // The decoders are shown to fuzzers alone.
    #[cfg(fuzzing)]
    loki_http::push_bytes(data);
    #[cfg(not(fuzzing))]
    let _ = data;
}
