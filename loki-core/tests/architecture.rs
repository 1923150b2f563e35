//! The edges of the crate graph, read from the manifests.

use std::path::Path;

/// The workspace crates that the manifest of `package` names as dependencies of any kind.
fn edges(package: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let manifest = std::fs::read_to_string(root.join(package).join("Cargo.toml")).expect("a manifest");
    let mut edges: Vec<String> = manifest
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| name.starts_with("loki-") && *name != package)
        .map(str::to_owned)
        .collect();
    edges.sort();
    edges.dedup();
    edges
}

#[test]
fn the_leaves_know_no_sibling() {
    for leaf in ["loki-chunk", "loki-index", "loki-logql"] {
        assert!(edges(leaf).is_empty(), "{leaf} depends on {:?}", edges(leaf));
    }
}

#[test]
fn the_engine_knows_the_leaves_and_the_edge_knows_the_engine() {
    assert_eq!(edges("loki-core"), ["loki-chunk", "loki-index", "loki-logql"]);
    assert_eq!(edges("loki-http"), ["loki-core"]);
}

#[test]
fn the_engine_is_synchronous_and_speaks_no_protocol() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    for stranger in ["tokio", "axum", "hyper", "prost", "tracing"] {
        assert!(
            !manifest.lines().any(|line| line.starts_with(stranger)),
            "loki-core depends on {stranger}"
        );
    }
}
