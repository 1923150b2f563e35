//! Embeds the engine: open, push, query, print.

use loki_core::{Engine, PushRequest, QueryRequest, Settings, TenantId, logql::QueryResult};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let engine = Engine::open(folder.path(), Settings::default())?;
    let tenant = TenantId::single();
    let lines = [
        (1_000_000_000, "level=info msg=started"),
        (2_000_000_000, "level=error msg=boom"),
    ];
    engine.push(&tenant, &PushRequest::new().with_stream([("app", "shop")], lines))?;

    let request = QueryRequest::range(r#"{app="shop"} | logfmt | level="error""#, 0, 3_000_000_000);
    let QueryResult::Streams(streams) = engine.query(&tenant, &request)?.result else {
        unreachable!()
    };
    for entry in streams.iter().flat_map(|stream| &stream.entries) {
        report(&format!("{} {}", entry.timestamp, String::from_utf8_lossy(&entry.line)));
    }
    assert_eq!(streams.len(), 1);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it found")]
fn report(line: &str) {
    println!("{line}");
}
