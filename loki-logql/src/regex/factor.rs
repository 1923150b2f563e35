//! What Go's parser does to alternatives: common prefixes are taken out, single characters become classes.
//!
//! Matching does not need this. The meaning of a regular expression in a filter does, because LogQL looks at the
//! shape that is left (see [`Test`](super::Test)).

use super::class;
use super::syntax::{Code, Count, Kind, MAX_HEIGHT, Node};
use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// The concatenation of `subs`; those that are concatenations themselves are opened.
pub(super) fn concat(mut subs: Vec<Node>) -> Node {
    if subs.len() == 1 {
        return subs.remove(0);
    }
    Node::new(Kind::Concat(open(subs, |kind| match kind {
        Kind::Concat(subs) => Ok(subs),
        kind => Err(kind),
    })))
}

/// The alternation of `subs`, opened in the same way and factored.
///
/// # Errors
///
/// [`Code::NestingDepth`] where factoring alone would nest too deeply.
pub(super) fn alternate(subs: Vec<Node>) -> Result<Node, Code> {
    alternate_at(subs, 0)
}

fn alternate_at(mut subs: Vec<Node>, depth: u32) -> Result<Node, Code> {
    // Every level of factoring adds a concatenation and an alternation.
    if depth > MAX_HEIGHT / 2 {
        return Err(Code::NestingDepth);
    }
    if subs.len() == 1 {
        return Ok(subs.remove(0));
    }
    let opened = open(subs, |kind| match kind {
        Kind::Alternate(subs) => Ok(subs),
        kind => Err(kind),
    });
    let factored = factor_literals(opened, depth)?;
    let factored = factor_singles(factored, depth)?;
    let mut factored = drop_repeated_empty(merge_singles(factored));
    Ok(match factored.len() {
        1 => factored.remove(0),
        _ => Node::new(Kind::Alternate(factored)),
    })
}

/// Replaces the nodes of which `parts` gives parts by those.
fn open(subs: Vec<Node>, parts: fn(Kind) -> Result<Vec<Node>, Kind>) -> Vec<Node> {
    let mut out = Vec::with_capacity(subs.len());
    for sub in subs {
        match parts(sub.kind) {
            Ok(inner) => out.extend(inner),
            Err(kind) => out.push(Node { kind, ..sub }),
        }
    }
    out
}

/// Takes common prefixes of literals out of runs of neighbours: `abc|abd` becomes `ab(?:c|d)`.
fn factor_literals(subs: Vec<Node>, depth: u32) -> Result<Vec<Node>, Code> {
    let mut out = Vec::new();
    let mut run: Vec<Node> = Vec::new();
    let mut prefix: Vec<char> = Vec::new();
    let mut prefix_fold = false;
    for sub in subs {
        let (leading, fold) = leading_literal(&sub);
        let same = match fold == prefix_fold && !run.is_empty() {
            true => prefix.iter().zip(leading).take_while(|(a, b)| a == b).count(),
            false => 0,
        };
        if same > 0 {
            prefix.truncate(same);
        } else {
            let (leading, fold) = (leading.to_vec(), fold);
            let done = std::mem::take(&mut run);
            flush(
                done,
                |run| factor_run(run, Node::literal(prefix, prefix_fold), depth),
                &mut out,
            )?;
            (prefix, prefix_fold) = (leading, fold);
        }
        run.push(sub);
    }
    flush(
        run,
        |run| factor_run(run, Node::literal(prefix, prefix_fold), depth),
        &mut out,
    )?;
    Ok(out)
}

/// Takes a common first class out of runs of neighbours: `[ab]c|[ab]d` becomes `[ab](?:c|d)`.
fn factor_singles(subs: Vec<Node>, depth: u32) -> Result<Vec<Node>, Code> {
    let mut out = Vec::new();
    let mut run: Vec<Node> = Vec::new();
    for sub in subs {
        let joins = match (run.first().and_then(leading_node), leading_node(&sub)) {
            (Some(first), Some(leading)) => is_factorable(first) && first == leading,
            _ => false,
        };
        if !joins {
            flush(std::mem::take(&mut run), |run| factor_single_run(run, depth), &mut out)?;
        }
        run.push(sub);
    }
    flush(run, |run| factor_single_run(run, depth), &mut out)?;
    Ok(out)
}

/// Appends a run to `out`: one alone as it is, more of them joined by `join`.
fn flush(
    mut run: Vec<Node>,
    join: impl FnOnce(Vec<Node>) -> Result<Node, Code>,
    out: &mut Vec<Node>,
) -> Result<(), Code> {
    match run.len() {
        0 => {}
        1 => out.append(&mut run),
        _ => out.push(join(run)?),
    }
    Ok(())
}

/// `prefix(?:suffix|suffix…)` of alternatives that all start with the literal `prefix`.
fn factor_run(run: Vec<Node>, prefix: Node, depth: u32) -> Result<Node, Code> {
    let Kind::Literal { chars, .. } = &prefix.kind else {
        unreachable!("a run of more than one has a common prefix");
    };
    let n = chars.len();
    let suffixes = run.into_iter().map(|sub| without_leading_chars(sub, n)).collect();
    let suffix = alternate_at(suffixes, depth + 1)?;
    Ok(Node::new(Kind::Concat(vec![prefix, suffix])))
}

/// The same for alternatives that start with the same single character or class.
fn factor_single_run(run: Vec<Node>, depth: u32) -> Result<Node, Code> {
    let prefix = run
        .first()
        .and_then(leading_node)
        .cloned()
        .expect("a run of more than one has a common first node");
    let suffixes = run.into_iter().map(without_leading_node).collect();
    let suffix = alternate_at(suffixes, depth + 1)?;
    Ok(Node::new(Kind::Concat(vec![prefix, suffix])))
}

fn leading_literal(node: &Node) -> (&[char], bool) {
    let first = match &node.kind {
        Kind::Concat(subs) => &subs[0],
        _ => node,
    };
    match &first.kind {
        Kind::Literal { chars, fold } => (chars, *fold),
        _ => (&[], false),
    }
}

fn without_leading_chars(node: Node, n: usize) -> Node {
    match node.kind {
        Kind::Literal { mut chars, fold } => {
            chars.drain(..n);
            Node::literal(chars, fold)
        }
        Kind::Concat(mut subs) => {
            let first = without_leading_chars(subs.remove(0), n);
            if !first.is_empty() {
                subs.insert(0, first);
            }
            match subs.len() {
                1 => subs.remove(0),
                _ => Node::new(Kind::Concat(subs)),
            }
        }
        _ => node,
    }
}

fn leading_node(node: &Node) -> Option<&Node> {
    let first = match &node.kind {
        Kind::Concat(subs) => &subs[0],
        _ => node,
    };
    (!first.is_empty()).then_some(first)
}

fn without_leading_node(node: Node) -> Node {
    let Kind::Concat(mut subs) = node.kind else {
        return Node::new(Kind::Empty);
    };
    subs.remove(0);
    match subs.len() {
        1 => subs.remove(0),
        _ => Node::new(Kind::Concat(subs)),
    }
}

/// Only what can match in one way may be shared: a class, or a fixed number of one.
fn is_factorable(node: &Node) -> bool {
    match &node.kind {
        Kind::Repeat {
            count: Count::Range { min, max },
            sub,
            ..
        } => *max == Some(*min) && sub.is_single(),
        _ => node.is_single(),
    }
}

/// Joins runs of single characters and classes to one class.
pub(super) fn merge_singles(subs: Vec<Node>) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::new();
    let mut run: Vec<Node> = Vec::new();
    for sub in subs {
        if sub.is_single() {
            run.push(sub);
        } else {
            out.extend(merge(std::mem::take(&mut run)));
            out.push(sub);
        }
    }
    out.extend(merge(run));
    out
}

fn drop_repeated_empty(mut subs: Vec<Node>) -> Vec<Node> {
    subs.dedup_by(|a, b| a.is_empty() && b.is_empty());
    subs
}

/// One class for nodes that are single characters. Equal ones stay what they are.
fn merge(mut run: Vec<Node>) -> Option<Node> {
    let first = run.first()?;
    if run.iter().all(|node| node == first) {
        return run.pop().map(clean);
    }
    // Joined at once: to join them one by one would be quadratic.
    let ranges: Vec<ClassUnicodeRange> = run
        .iter()
        .filter_map(|node| class_of(&node.kind))
        .flat_map(|class| class.ranges().to_vec())
        .collect();
    Some(clean(Node::new(Kind::Class(ClassUnicode::new(ranges)))))
}

/// The characters of a node that is one.
fn class_of(kind: &Kind) -> Option<ClassUnicode> {
    Some(match kind {
        Kind::Literal { chars, fold: true } => class::folds(chars[0]),
        Kind::Literal { chars, fold: false } => class::range(u32::from(chars[0]), u32::from(chars[0])),
        Kind::Class(class) => class.clone(),
        Kind::AnyButNewline => class::any_but_newline(),
        Kind::Any => class::any(),
        _ => return None,
    })
}

/// A class that is what a dot is becomes that dot.
fn clean(node: Node) -> Node {
    match &node.kind {
        Kind::Class(class) if *class == class::any() => Node::new(Kind::Any),
        Kind::Class(class) if *class == class::any_but_newline() => Node::new(Kind::AnyButNewline),
        _ => node,
    }
}
