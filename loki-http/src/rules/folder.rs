//! Rule files in a folder: `<folder>/<tenant>/<namespace>.yaml`, read again and again.

use super::read_file;
use loki_core::{Engine, RuleGroup, TenantId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

/// What the files of one tenant hold, by namespace.
type Namespaces = BTreeMap<String, Vec<RuleGroup>>;

/// Files are read no more often than this.
const SHORTEST_PERIOD: Duration = Duration::from_secs(1);

/// Reads the files every `period` and gives their groups to the engine; does not return. Files that cannot be used
/// leave the groups of their tenant as they were.
pub(crate) async fn follow(folder: PathBuf, period: Duration, engine: Engine) {
    let mut known = BTreeSet::new();
    loop {
        let (folder, engine, mut before) = (folder.clone(), engine.clone(), std::mem::take(&mut known));
        let reading = tokio::task::spawn_blocking(move || {
            if let Err(error) = read(&folder, &engine, &mut before) {
                tracing::warn!(%error, folder = %folder.display(), "rule files were not read");
            }
            before
        });
        known = reading.await.unwrap_or_default();
        tokio::time::sleep(period.max(SHORTEST_PERIOD)).await;
    }
}

fn read(folder: &Path, engine: &Engine, known: &mut BTreeSet<TenantId>) -> io::Result<()> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(tenant) = entry.file_name().to_string_lossy().parse::<TenantId>() else {
            continue;
        };
        found.insert(tenant.clone());
        match read_tenant(&entry.path()) {
            Ok(namespaces) => give(engine, &tenant, namespaces),
            Err(error) => tracing::warn!(%error, %tenant, "rule files were not read"),
        }
    }
    for gone in known.difference(&found) {
        give(engine, gone, Namespaces::new());
    }
    *known = found;
    Ok(())
}

fn give(engine: &Engine, tenant: &TenantId, namespaces: Namespaces) {
    if let Err(error) = engine.give_rule_groups(tenant, namespaces) {
        tracing::warn!(%error, %tenant, "rules of files are not evaluated");
    }
}

/// The groups of each file; the name of a file is that of the namespace.
fn read_tenant(folder: &Path) -> io::Result<Namespaces> {
    let mut namespaces = Namespaces::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.is_file() {
            continue;
        }
        let groups = read_file(&fs::read(&path)?);
        let groups = groups.map_err(|_| io::Error::other(format!("{}: no rule groups", path.display())))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        namespaces.insert(name, groups);
    }
    Ok(namespaces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_core::Settings;

    #[test]
    fn files_are_namespaces_of_their_tenant_until_they_are_gone() {
        let (data, folder) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        );
        let engine = Engine::open(data.path(), Settings::default()).expect("opens");
        let tenant: TenantId = "team-a".parse().expect("a tenant");
        let file = folder.path().join("team-a").join("shop.yaml");
        fs::create_dir(folder.path().join("team-a")).expect("made");
        let mut known = BTreeSet::new();
        let mut names = |text: &str| {
            fs::write(&file, text).expect("written");
            read(folder.path(), &engine, &mut known).expect("read");
            let groups = engine.rules(&tenant).expect("open");
            groups
                .into_iter()
                .map(|group| format!("{}/{}", group.namespace, group.name))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names("groups: [{name: a, rules: [{record: x, expr: vector(1)}]}]"),
            ["shop.yaml/a"]
        );
        assert_eq!(
            names("groups: [{name: b}]\nmore: 1"),
            ["shop.yaml/a"],
            "a file with unknown keys changes nothing"
        );
        assert_eq!(
            names("groups: [{name: c, rules: [{record: x, expr: '{'}]}]"),
            ["shop.yaml/a"]
        );
        assert_eq!(names("groups: [{name: b}]"), ["shop.yaml/b"]);
        fs::remove_dir_all(folder.path().join("team-a")).expect("removed");
        read(folder.path(), &engine, &mut known).expect("read");
        assert_eq!(engine.rules(&tenant).expect("open"), []);
    }
}
