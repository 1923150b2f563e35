//! Rule files in a folder: `<folder>/<tenant>/<namespace>.yaml`, read again and again.

use super::read_file;
use loki_core::{Engine, RuleGroup, TenantId};
use prometheus::{IntGaugeVec, Opts, Registry};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

/// What the files of one tenant hold, by namespace.
pub(crate) type Namespaces = BTreeMap<String, Vec<RuleGroup>>;

/// Files are read no more often than this.
const SHORTEST_PERIOD: Duration = Duration::from_secs(1);

/// Rule files that cannot be used, in Loki's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("unable to read rule dir {}: {}", .0.display(), with_path(.0, .1))]
    Folder(PathBuf, io::Error),
    #[error("unable to read rule file {}: {}", .0.display(), with_path(.0, .1))]
    File(PathBuf, io::Error),
    #[error("error parsing {}: {}", .0.display(), .1)]
    Text(PathBuf, String),
}

/// An error of a file as Go tells it.
fn with_path(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("open {}: no such file or directory", path.display()),
        _ => format!("open {}: {error}", path.display()),
    }
}

/// Reads the files of all tenants and gives their groups to the engine.
#[derive(Debug)]
pub(crate) struct RuleFolder {
    folder: PathBuf,
    engine: Engine,
    /// Whether the files of each tenant could be used.
    loaded: IntGaugeVec,
    /// The tenants that had files at the last reading.
    known: BTreeSet<TenantId>,
}

impl RuleFolder {
    pub(crate) fn new(folder: PathBuf, engine: Engine, registry: &Registry) -> RuleFolder {
        let options = Opts::new(
            "loki_ruler_config_last_reload_successful",
            "Whether the rule files of a tenant could be used when they were last read.",
        );
        let loaded = IntGaugeVec::new(options, &["user"]).expect("the name is well formed");
        registry
            .register(Box::new(loaded.clone()))
            .expect("a server has one folder of rule files");
        RuleFolder {
            folder,
            engine,
            loaded,
            known: BTreeSet::new(),
        }
    }

    /// Reads the files every `period`; does not return. Files that cannot be used leave the groups of their tenant as
    /// they were.
    pub(crate) async fn follow(mut self, period: Duration) {
        loop {
            let reading = tokio::task::spawn_blocking(move || {
                self.read();
                self
            });
            self = match reading.await {
                Ok(folder) => folder,
                Err(panic) => return tracing::error!(%panic, "rule files are not read any more"),
            };
            tokio::time::sleep(period.max(SHORTEST_PERIOD)).await;
        }
    }

    fn read(&mut self) {
        let found = match self.tenants() {
            Ok(found) => found,
            Err(error) => return tracing::warn!(%error, folder = %self.folder.display(), "rule files were not read"),
        };
        for tenant in &found {
            let done = read_tenant(&self.folder, tenant)
                .map_err(|error| error.to_string())
                .and_then(|namespaces| self.give(tenant, namespaces));
            self.loaded
                .with_label_values(&[tenant.as_str()])
                .set(i64::from(done.is_ok()));
            if let Err(error) = done {
                tracing::warn!(error, %tenant, "rule files cannot be used; the rules stay as they were");
            }
        }
        for gone in self.known.difference(&found) {
            if let Err(error) = self.give(gone, Namespaces::new()) {
                tracing::warn!(error, tenant = %gone, "rules stay as they were");
            }
            // It is not there where the tenant never had any.
            let _ = self.loaded.remove_label_values(&[gone.as_str()]);
        }
        self.known = found;
    }

    fn give(&self, tenant: &TenantId, namespaces: Namespaces) -> Result<(), String> {
        let given = self.engine.give_rule_groups(tenant, namespaces);
        given.map_err(|error| error.message().to_owned())
    }

    /// The tenants that have a folder.
    fn tenants(&self) -> io::Result<BTreeSet<TenantId>> {
        // A folder that is not there yet holds no rules.
        if !self.folder.try_exists()? {
            return Ok(BTreeSet::new());
        }
        let mut tenants = BTreeSet::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.path().is_dir() {
                tenants.extend(entry.file_name().to_string_lossy().parse::<TenantId>());
            }
        }
        Ok(tenants)
    }
}

/// The groups of each file of a tenant; the name of a file is that of the namespace.
pub(crate) fn read_tenant(folder: &Path, tenant: &TenantId) -> Result<Namespaces, Error> {
    let folder = folder.join(tenant.as_str());
    let named = |error| Error::Folder(folder.clone(), error);
    let mut namespaces = Namespaces::new();
    for entry in fs::read_dir(&folder).map_err(named)? {
        let path = entry.map_err(named)?.path();
        if !path.is_file() {
            continue;
        }
        let text = fs::read(&path).map_err(|error| Error::File(path.clone(), error))?;
        let groups = read_file(&text).map_err(|error| Error::Text(path.clone(), error.problem().to_owned()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        namespaces.insert(name, groups);
    }
    Ok(namespaces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_core::{RuleStorage, Settings};

    struct Lab {
        folder: tempfile::TempDir,
        tenant: TenantId,
        rules: RuleFolder,
        _data: tempfile::TempDir,
    }

    impl Lab {
        fn new() -> Lab {
            let (data, folder) = (
                tempfile::tempdir().expect("a folder"),
                tempfile::tempdir().expect("a folder"),
            );
            let settings = Settings {
                rule_storage: RuleStorage::Given,
                ..Settings::default()
            };
            let engine = Engine::open(data.path(), settings).expect("opens");
            fs::create_dir(folder.path().join("team-a")).expect("made");
            Lab {
                rules: RuleFolder::new(folder.path().to_owned(), engine, &Registry::new()),
                folder,
                tenant: "team-a".parse().expect("a tenant"),
                _data: data,
            }
        }

        /// The groups that are evaluated once the file holds `text`, and whether it could be used.
        fn names(&mut self, text: &str) -> (Vec<String>, bool) {
            fs::write(self.folder.path().join("team-a").join("shop.yaml"), text).expect("written");
            self.rules.read();
            let groups = self.rules.engine.rules(&self.tenant).expect("open");
            let names = groups.iter().map(|group| format!("{}/{}", group.namespace, group.name));
            (
                names.collect(),
                self.rules.loaded.with_label_values(&["team-a"]).get() == 1,
            )
        }
    }

    #[test]
    fn files_are_namespaces_of_their_tenant_until_they_are_gone() {
        let mut lab = Lab::new();
        let good = "groups: [{name: a, rules: [{record: x, expr: vector(1)}]}]";
        assert_eq!(lab.names(good), (vec!["shop.yaml/a".to_owned()], true));
        for bad in [
            "groups: [{name: b}]\nmore: 1",
            "groups: [{name: b, more: 1}]",
            "groups: [{name: b, rules: [{record: x, expr: vector(1), more: 1}]}]",
            "groups: [{name: c, rules: [{record: x, expr: '{'}]}]",
            "groups: [{name: b}, {name: b}]",
        ] {
            assert_eq!(lab.names(bad), (vec!["shop.yaml/a".to_owned()], false), "{bad}");
        }
        assert_eq!(lab.names("groups: [{name: b}]"), (vec!["shop.yaml/b".to_owned()], true));
        fs::remove_dir_all(lab.folder.path()).expect("removed");
        lab.rules.read();
        assert_eq!(lab.rules.engine.rules(&lab.tenant).expect("open"), []);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_file_group_and_rule() {
        let lab = Lab::new();
        let file = lab.folder.path().join("team-a").join("shop.yaml");
        fs::write(&file, "groups: [{name: b, more: 1}]").expect("written");
        let error = read_tenant(lab.folder.path(), &lab.tenant).expect_err("an unknown key");
        let text = format!("error parsing {}: group \"b\": unknown keys: more", file.display());
        assert_eq!(error.to_string(), text);
        let text = "groups: [{name: b, rules: [{record: x, expr: vector(1)}, {alert: Y, expr: '{'}]}]";
        fs::write(&file, text).expect("written");
        let namespaces = read_tenant(lab.folder.path(), &lab.tenant).expect("it is YAML");
        let error = lab.rules.give(&lab.tenant, namespaces).expect_err("a bad query");
        let start =
            "shop.yaml: group \"b\", rule 2, \"Y\": could not parse expression for alert 'Y' in group 'b': parse error";
        assert!(error.starts_with(start), "{error}");
        let other = "other".parse().expect("a tenant");
        let folder = lab.folder.path().join("other");
        let text = format!(
            "unable to read rule dir {0}: open {0}: no such file or directory",
            folder.display()
        );
        assert_eq!(
            read_tenant(lab.folder.path(), &other)
                .expect_err("no folder")
                .to_string(),
            text
        );
    }
}
