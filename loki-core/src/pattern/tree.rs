//! The tree that finds the cluster of a line.

use super::WILDCARD;
use super::cluster::{Cluster, Likeness};
use super::line::Line;
use hashbrown::HashMap;

/// Layers of tokens.
const DEPTH: usize = 28;
/// Children of a node, the wildcard included.
const CHILDREN: usize = 15;
/// Clusters of a tree; the one not used for longest makes room.
pub(super) const CLUSTERS: usize = 300;

/// Clusters by their number of tokens, then by their leading tokens.
///
/// Invariant: at most [`CLUSTERS`] clusters, and nodes for at most twice as many.
#[derive(Debug, Default)]
pub(super) struct Tree {
    by_length: HashMap<usize, Node>,
    clusters: HashMap<u32, Cluster>,
    next: u32,
    /// Lines learned so far.
    lines: u64,
    /// Clusters forgotten whose nodes are still there.
    stale: usize,
    memory_bytes: usize,
}

#[derive(Debug, Default)]
struct Node {
    children: HashMap<Box<str>, Node>,
    /// Of a leaf; some may be forgotten.
    clusters: Vec<u32>,
}

impl Tree {
    /// Counts a line at `timestamp`.
    pub(super) fn learn(&mut self, line: &Line<'_>, timestamp: i64) {
        self.lines += 1;
        let id = self.find(line).unwrap_or_else(|| self.insert(line));
        let Some(cluster) = self.clusters.get_mut(&id) else {
            return;
        };
        let before = cluster.memory_bytes();
        cluster.generalise(line);
        cluster.used = self.lines;
        cluster.samples.count(timestamp);
        self.memory_bytes = self.memory_bytes - before + cluster.memory_bytes();
    }

    /// Forgets samples before `cutoff`, and clusters that have no others.
    pub(super) fn forget(&mut self, cutoff: i64) {
        let before = self.clusters.len();
        self.clusters.retain(|_, cluster| {
            cluster.samples.forget(cutoff);
            cluster.samples.len() > 0
        });
        self.memory_bytes = self.clusters.values().map(Cluster::memory_bytes).sum();
        self.stale += before - self.clusters.len();
        self.tidy();
    }

    /// All clusters.
    pub(super) fn clusters(&self) -> impl Iterator<Item = &Cluster> {
        self.clusters.values()
    }

    /// Whether it has no cluster.
    pub(super) fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }

    /// Bytes of memory, about.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// The cluster that a line belongs to, where there is one.
    fn find(&self, line: &Line<'_>) -> Option<u32> {
        let mut node = self.by_length.get(&line.tokens.len())?;
        for &token in line.tokens.iter().take(DEPTH) {
            node = node.children.get(token).or_else(|| node.children.get(WILDCARD))?;
        }
        let likeness = |&id: &u32| -> Option<(Likeness, u32)> { Some((self.clusters.get(&id)?.likeness(line)?, id)) };
        // Of equally good ones the oldest.
        let best = node
            .clusters
            .iter()
            .filter_map(likeness)
            .max_by_key(|&(likeness, id)| (likeness, u32::MAX - id));
        best.map(|(_, id)| id)
    }

    /// Makes a cluster of a line.
    fn insert(&mut self, line: &Line<'_>) -> u32 {
        if self.clusters.len() >= CLUSTERS {
            self.evict();
        }
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let cluster = Cluster::new(line);
        self.place(id, line.tokens.iter().copied(), line.tokens.len());
        self.memory_bytes += cluster.memory_bytes();
        self.clusters.insert(id, cluster);
        id
    }

    /// Puts a cluster into the leaf of its tokens.
    fn place<'t>(&mut self, id: u32, tokens: impl Iterator<Item = &'t str>, length: usize) {
        let mut node = self.by_length.entry(length).or_default();
        for token in tokens.take(DEPTH) {
            let key = node.key(token);
            node = node.children.entry(key.into()).or_default();
        }
        node.clusters.push(id);
    }

    fn evict(&mut self) {
        let oldest = self
            .clusters
            .iter()
            .min_by_key(|(_, cluster)| cluster.used)
            .map(|(&id, _)| id);
        if let Some(cluster) = oldest.and_then(|id| self.clusters.remove(&id)) {
            self.memory_bytes -= cluster.memory_bytes();
            self.stale += 1;
            self.tidy();
        }
    }

    /// Builds the nodes anew once there may be twice as many as are needed.
    fn tidy(&mut self) {
        if self.stale < CLUSTERS && !(self.clusters.is_empty() && self.stale > 0) {
            return;
        }
        self.stale = 0;
        self.by_length.clear();
        let mut clusters: Vec<(u32, Cluster)> = self.clusters.drain().collect();
        clusters.sort_by_key(|&(id, _)| id);
        for (id, cluster) in clusters {
            self.place(id, cluster.tokens.iter().map(|token| &**token), cluster.tokens.len());
            self.clusters.insert(id, cluster);
        }
    }

    #[cfg(test)]
    fn nodes(&self) -> usize {
        fn of(node: &Node) -> usize {
            1 + node.children.values().map(of).sum::<usize>()
        }
        self.by_length.values().map(of).sum()
    }
}

impl Node {
    /// The child for a token that is to be placed: its own, or that of the wildcard.
    fn key<'t>(&self, token: &'t str) -> &'t str {
        if self.children.contains_key(token) {
            return token;
        }
        // One place is kept for the wildcard.
        let room = if self.children.contains_key(WILDCARD) {
            CHILDREN
        } else {
            CHILDREN - 1
        };
        let is_varying = token.bytes().any(|byte| byte.is_ascii_digit());
        if is_varying || self.children.len() >= room {
            WILDCARD
        } else {
            token
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::LineFormat;
    use super::*;
    use proptest::prelude::*;

    fn learn(tree: &mut Tree, line: &str) {
        tree.learn(&LineFormat::Plain.tokens(line).expect("enough tokens"), 0);
    }

    fn templates(tree: &Tree) -> Vec<String> {
        let mut all: Vec<String> = tree
            .clusters()
            .map(|c| LineFormat::Plain.text(&c.tokens, &c.gaps))
            .collect();
        all.sort();
        all
    }

    /// Whether a template of tokens has the line.
    fn matches(template: &[Box<str>], line: &Line<'_>) -> bool {
        template.len() == line.tokens.len()
            && template
                .iter()
                .zip(&line.tokens)
                .all(|(known, token)| **known == *WILDCARD || **known == **token)
    }

    #[test]
    fn lines_that_differ_in_numbers_are_one_cluster() {
        let mut tree = Tree::default();
        for i in 0..50 {
            learn(&mut tree, &format!("request {i} took {}ms from shop", i * 7));
            learn(&mut tree, "cache is full, dropping all");
        }
        assert_eq!(
            templates(&tree),
            ["cache is full, dropping all", "request <_> took <_> from shop"]
        );
    }

    #[test]
    fn words_beyond_the_children_of_a_node_are_one_cluster() {
        let mut tree = Tree::default();
        let word = |i: u8| char::from(b'a' + i);
        (0..26).for_each(|i| learn(&mut tree, &format!("user {} logged in", word(i))));
        let found = templates(&tree);
        assert_eq!(found.len(), CHILDREN);
        assert!(found.contains(&"user <_> logged in".to_owned()), "{found:?}");
    }

    #[test]
    fn the_cluster_not_used_for_longest_makes_room() {
        let mut tree = Tree::default();
        let word = |i: usize| {
            format!(
                "{}{}",
                char::from(b'a' + (i / 26) as u8),
                char::from(b'a' + (i % 26) as u8)
            )
        };
        // Lines of different lengths share no leaf.
        let line = |i: usize| format!("{} {}", word(i % 14), format!("{} ", word(i)).repeat(4 + i / 14));
        for i in 0..500 {
            learn(&mut tree, "keep me in the tree");
            learn(&mut tree, &line(i));
        }
        let found = templates(&tree);
        assert_eq!(found.len(), CLUSTERS);
        assert!(found.contains(&"keep me in the tree".to_owned()));
        assert!(!found.contains(&line(0)));
        assert!(tree.nodes() <= 2 * CLUSTERS * (DEPTH + 1), "{} nodes", tree.nodes());
        tree.forget(1);
        assert_eq!((tree.is_empty(), tree.nodes(), tree.memory_bytes()), (true, 0, 0));
    }

    proptest! {
        #[test]
        fn a_line_learned_twice_has_one_cluster_and_its_template_matches(
            lines in prop::collection::vec("([a-c]{1,2}|[0-9]|<_>|[=,]){1}( ([a-c]|[0-9]{1,2}|<_>|=)){3,8}", 1..200)
        ) {
            let mut tree = Tree::default();
            for text in &lines {
                let line = LineFormat::Plain.tokens(text).expect("enough tokens");
                tree.learn(&line, 0);
                let first = tree.find(&line).expect("it was just learned");
                prop_assert!(matches(&tree.clusters[&first].tokens, &line));
                let before = tree.clusters.len();
                tree.learn(&line, 0);
                prop_assert_eq!(tree.find(&line), Some(first));
                prop_assert_eq!(tree.clusters.len(), before);
            }
            prop_assert!(tree.clusters.len() <= CLUSTERS);
            let bytes: usize = tree.clusters().map(Cluster::memory_bytes).sum();
            prop_assert_eq!(tree.memory_bytes(), bytes);
        }
    }
}
