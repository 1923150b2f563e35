//! The patterns of one stream.

use super::cluster::Cluster;
use super::line::LineFormat;
use super::tree::Tree;

/// Levels of a stream that are told apart; lines of others count as of the first.
const LEVELS: usize = 16;

/// The trees of a stream, one a level.
#[derive(Debug, Default)]
pub(super) struct StreamPatterns {
    levels: Vec<Level>,
    /// When it was last used, in pushes of its tenant.
    pub(super) used: u64,
}

#[derive(Debug)]
struct Level {
    name: Box<str>,
    format: LineFormat,
    tree: Tree,
}

impl StreamPatterns {
    /// Counts a line.
    pub(super) fn learn(&mut self, level: &str, timestamp: i64, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let place = match self.levels.iter().position(|known| *known.name == *level) {
            Some(place) => place,
            None if self.levels.len() >= LEVELS => 0,
            None => {
                let format = LineFormat::of(&line);
                self.levels.push(Level {
                    name: level.into(),
                    format,
                    tree: Tree::default(),
                });
                self.levels.len() - 1
            }
        };
        let Level { format, tree, .. } = &mut self.levels[place];
        if let Some(line) = format.tokens(&line) {
            tree.learn(&line, timestamp);
        }
    }

    /// Forgets what is older than `cutoff`; whether anything is left.
    pub(super) fn forget(&mut self, cutoff: i64) -> bool {
        self.levels.retain_mut(|level| {
            level.tree.forget(cutoff);
            !level.tree.is_empty()
        });
        !self.levels.is_empty()
    }

    /// All clusters: their level, their text, themselves.
    pub(super) fn clusters(&self) -> impl Iterator<Item = (&str, String, &Cluster)> {
        self.levels.iter().flat_map(|level| {
            let text = |cluster: &Cluster| level.format.text(&cluster.tokens, &cluster.gaps);
            level
                .tree
                .clusters()
                .map(move |cluster| (&*level.name, text(cluster), cluster))
        })
    }

    /// Bytes of memory, about.
    pub(super) fn memory_bytes(&self) -> usize {
        self.levels
            .iter()
            .map(|level| size_of::<Level>() + level.tree.memory_bytes())
            .sum()
    }
}
